variable "external_id" {
  type        = string
  description = "The External ID that the grant shows."
}

variable "bucket_name" {
  type        = string
  description = "The bucket that holds the models."
}

variable "edgegate_principal_arn" {
  type        = string
  description = "Who may assume the role."
  default     = "${PRINCIPAL_ARN}"
}

variable "role_name" {
  type        = string
  description = "Name of the role."
  default     = "edgegate-byo-read"
}

resource "aws_iam_role" "edgegate" {
  name        = var.role_name
  description = "EdgeGate read access to s3://${var.bucket_name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.edgegate_principal_arn }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "read_objects" {
  name = "EdgeGateReadModels"
  role = aws_iam_role.edgegate.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadObjects"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = "arn:aws:s3:::${var.bucket_name}/*"
      },
      {
        Sid      = "ListBucket"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = "arn:aws:s3:::${var.bucket_name}"
      },
    ]
  })
}
${DECRYPT}
output "role_arn" {
  description = "Give this ARN to EdgeGate."
  value       = aws_iam_role.edgegate.arn
}
