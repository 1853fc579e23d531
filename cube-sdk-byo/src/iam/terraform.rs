//! The role as a Terraform module.
//!
//! Variables: `external_id`, `bucket_name`, `kms_key_arn` (empty = none), `edgegate_principal_arn`, `role_name`,
//! and `manage_bucket_policy` (off: a bucket policy would replace the customer's own). Output: `role_arn`.

use super::role::ReaderRole;

const MODULE: &str = include_str!("terraform.tf");

/// The role as a Terraform module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terraform {
    role: ReaderRole,
}

impl ReaderRole {
    /// The role as a Terraform module.
    pub fn terraform(&self) -> Terraform {
        Terraform::new(self.clone())
    }
}

impl Terraform {
    pub(crate) fn new(role: ReaderRole) -> Self {
        Self { role }
    }

    /// The module's `main.tf`, with this role's values as defaults of its variables.
    pub fn module(&self) -> String {
        let role = &self.role;
        let tags: String = role
            .tags()
            .into_iter()
            .map(|(key, value)| match key {
                "edgegate:external_id" => format!("    \"{key}\" = var.external_id\n"),
                "edgegate:bucket" => format!("    \"{key}\" = var.bucket_name\n"),
                _ => format!("    \"{key}\" = {}\n", string(&value)),
            })
            .collect();
        MODULE
            .replace("{{external_id}}", &string(role.external_id().as_str()))
            .replace("{{bucket_name}}", &string(role.bucket().as_str()))
            .replace("{{kms_key_arn}}", &string(role.key().map_or("", |key| key.as_str())))
            .replace("{{role_name}}", &string(role.role_name().as_str()))
            .replace("{{tags}}", &tags)
            // Last: alone among the values an ARN's path may hold braces.
            .replace("{{edgegate_principal_arn}}", &string(role.principal().as_str()))
    }

    /// The variables by name, as this role sets them: a `terraform.tfvars` file.
    pub fn variables(&self) -> String {
        let role = &self.role;
        [
            ("external_id", role.external_id().as_str()),
            ("bucket_name", role.bucket().as_str()),
            ("kms_key_arn", role.key().map_or("", |key| key.as_str())),
            ("edgegate_principal_arn", role.principal().as_str()),
            ("role_name", role.role_name().as_str()),
        ]
        .into_iter()
        .map(|(name, value)| format!("{name} = {}\n", string(value)))
        .collect()
    }
}

/// A quoted HCL string: quotes and backslashes escaped, `${` and `%{` kept from being templates.
fn string(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_quotes_are_escaped() {
        assert_eq!(string(r#"a"b\c${d}%{e}"#), r#""a\"b\\c$${d}%%{e}""#);
    }
}
