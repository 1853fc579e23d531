# Read access for EdgeGate to one S3 bucket. Grants no write and no delete.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 4.0"
    }
  }
}

variable "external_id" {
  description = "External ID of the EdgeGate grant."
  type        = string
  default     = {{external_id}}
}

variable "bucket_name" {
  description = "Bucket that holds the models."
  type        = string
  default     = {{bucket_name}}
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that the models are encrypted with. Empty = none."
  type        = string
  default     = {{kms_key_arn}}
}

variable "edgegate_principal_arn" {
  description = "EdgeGate's IAM user or role that may assume the role."
  type        = string
  default     = {{edgegate_principal_arn}}
}

variable "role_name" {
  description = "Name of the role."
  type        = string
  default     = {{role_name}}
}

variable "manage_bucket_policy" {
  description = "Set to true to put a bucket policy as well. It REPLACES the bucket's own policy."
  type        = bool
  default     = false
}

data "aws_iam_policy_document" "trust" {
  statement {
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.edgegate_principal_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ReadObjects"
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.bucket_name}/*"]
  }

  statement {
    sid       = "ListBucket"
    effect    = "Allow"
    actions   = ["s3:ListBucket"]
    resources = ["arn:aws:s3:::${var.bucket_name}"]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == "" ? [] : [var.kms_key_arn]

    content {
      sid       = "DecryptModels"
      effect    = "Allow"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "EdgeGateReadObjects"
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.bucket_name}/*"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.read.arn]
    }
  }

  statement {
    sid       = "EdgeGateListBucket"
    effect    = "Allow"
    actions   = ["s3:ListBucket"]
    resources = ["arn:aws:s3:::${var.bucket_name}"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.read.arn]
    }
  }
}

resource "aws_iam_role" "read" {
  name               = var.role_name
  description        = "EdgeGate read access to s3://${var.bucket_name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  tags = {
{{tags}}  }
}

resource "aws_iam_role_policy" "read" {
  name   = "EdgeGateReadModels"
  role   = aws_iam_role.read.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_s3_bucket_policy" "models" {
  count  = var.manage_bucket_policy ? 1 : 0
  bucket = var.bucket_name
  policy = data.aws_iam_policy_document.bucket.json
}

output "role_arn" {
  description = "Attach this ARN at EdgeGate."
  value       = aws_iam_role.read.arn
}
