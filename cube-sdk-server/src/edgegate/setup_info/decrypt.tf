
variable "kms_key_arn" {
  type        = string
  description = "ARN of the KMS key of the objects."
}

resource "aws_iam_role_policy" "decrypt_models" {
  name = "EdgeGateDecryptModels"
  role = aws_iam_role.edgegate.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "DecryptModels"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = var.kms_key_arn
    }]
  })
}
