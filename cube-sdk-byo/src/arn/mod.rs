//! Names of things in AWS: roles, principals, KMS keys and the accounts they live in.
//!
//! Only the `aws` partition is accepted, as the published client does; ARN grammar: AWS IAM user guide,
//! "IAM identifiers".

use cube_sdk_core::names::refused;
use cube_sdk_core::{Error, Result, text_id};

use crate::region::Region;

/// Longest ARN that AWS takes.
const MAX_ARN: usize = 2048;

text_id! {
    /// The 12 digits of an AWS account.
    ///
    /// ```
    /// use cube_sdk_byo::AccountId;
    /// assert!("210987654321".parse::<AccountId>().is_ok());
    /// assert!("<EDGEGATE_ACCOUNT_ID>".parse::<AccountId>().is_err());
    /// ```
    pub struct AccountId: Self::check;
}

text_id! {
    /// The ARN of an IAM role: `arn:aws:iam::` + 12 digits + `:role/` + optional path + name.
    ///
    /// ```
    /// use cube_sdk_byo::RoleArn;
    /// let role: RoleArn = "arn:aws:iam::210987654321:role/team/a/reader".parse().unwrap();
    /// assert_eq!((role.account(), role.name()), ("210987654321", "reader"));
    /// ```
    pub struct RoleArn: Self::check;
}

text_id! {
    /// The ARN of an IAM user or role that a trust policy names as principal:
    /// `arn:aws:iam::` + 12 digits + `:user/` or `:role/` + optional path + name.
    pub struct PrincipalArn: Self::check;
}

text_id! {
    /// The ARN of a KMS key: `arn:aws:kms:` + region + `:` + 12 digits + `:key/` + id.
    ///
    /// Alias ARNs are refused: IAM ignores them in the resource of a policy.
    pub struct KmsKeyArn: Self::check;
}

/// Whether a principal is a user or a role.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PrincipalKind {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
}

impl AccountId {
    fn check(text: &str) -> Result<()> {
        if text.contains('<') {
            return Err(refused("AWS account id", text, "it is a placeholder")
                .advice("ask the operator of EdgeGate to set BYO_EDGEGATE_AWS_ACCOUNT_ID"));
        }
        check_account("AWS account id", text, text)
    }
}

impl RoleArn {
    fn check(text: &str) -> Result<()> {
        let (_, resource) = iam_parts("role ARN", text)?;
        let Some(name) = resource.strip_prefix("role/") else {
            return Err(refused("role ARN", text, "the resource must start with `role/`")
                .advice("use the role's ARN, such as arn:aws:iam::210987654321:role/edgegate-byo-read"));
        };
        check_name("role ARN", text, name)
    }

    /// The account that owns the role, 12 digits.
    pub fn account(&self) -> &str {
        account_field(self.as_str())
    }

    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        last_segment(self.as_str())
    }
}

impl PrincipalArn {
    fn check(text: &str) -> Result<()> {
        if text.contains('<') {
            return Err(refused("principal ARN", text, "it holds a placeholder")
                .advice("ask the operator of EdgeGate to set BYO_EDGEGATE_AWS_ACCOUNT_ID"));
        }
        let (_, resource) = iam_parts("principal ARN", text)?;
        match resource.strip_prefix("user/").or_else(|| resource.strip_prefix("role/")) {
            Some(name) => check_name("principal ARN", text, name),
            None => Err(refused("principal ARN", text, "the resource must start with `user/` or `role/`")),
        }
    }

    /// The account that owns the principal, 12 digits.
    pub fn account(&self) -> &str {
        account_field(self.as_str())
    }

    /// The principal's name, without its path.
    pub fn name(&self) -> &str {
        last_segment(self.as_str())
    }

    /// User or role.
    pub fn kind(&self) -> PrincipalKind {
        if self.as_str().contains(":user/") { PrincipalKind::User } else { PrincipalKind::Role }
    }
}

impl KmsKeyArn {
    fn check(text: &str) -> Result<()> {
        const WHAT: &str = "KMS key ARN";
        check_length(WHAT, text)?;
        let fields: Vec<&str> = text.split(':').collect();
        let [arn, partition, service, region, account, resource] = fields[..] else {
            return Err(refused(WHAT, text, "it must have six fields parted by colons")
                .advice("copy the key's ARN, not its id or alias, from the KMS console"));
        };
        check_head(WHAT, text, arn, partition, service, "kms")?;
        if region.parse::<Region>().is_err() {
            return Err(refused(WHAT, text, "its fourth field is not a region"));
        }
        check_account(WHAT, text, account)?;
        if resource.starts_with("alias/") {
            return Err(refused(WHAT, text, "IAM ignores aliases in a policy's resource")
                .advice("use the ARN of the key that the alias points to"));
        }
        match resource.strip_prefix("key/") {
            Some(id) if !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => Ok(()),
            Some(_) => Err(refused(WHAT, text, "the key id must be letters, digits and hyphens")),
            None => Err(refused(WHAT, text, "the resource must start with `key/`")),
        }
    }

    /// The region of the key.
    pub fn region(&self) -> &str {
        self.as_str().split(':').nth(3).unwrap_or_default()
    }

    /// The account that owns the key, 12 digits.
    pub fn account(&self) -> &str {
        account_field(self.as_str())
    }

    /// The key's id.
    pub fn key_id(&self) -> &str {
        last_segment(self.as_str())
    }
}

fn account_field(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn last_segment(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

fn iam_parts<'a>(what: &str, text: &'a str) -> Result<(&'a str, &'a str)> {
    check_length(what, text)?;
    let mut fields = text.splitn(6, ':');
    let mut next = || fields.next().unwrap_or_default();
    let (arn, partition, service, region, account, resource) = (next(), next(), next(), next(), next(), next());
    check_head(what, text, arn, partition, service, "iam")?;
    if !region.is_empty() {
        return Err(refused(what, text, "IAM is global: the region field must be empty"));
    }
    check_account(what, text, account)?;
    Ok((account, resource))
}

fn check_length(what: &str, text: &str) -> Result<()> {
    if text.len() > MAX_ARN {
        return Err(refused(what, text, format_args!("{} bytes, at most {MAX_ARN} are allowed", text.len())));
    }
    Ok(())
}

fn check_head(what: &str, text: &str, arn: &str, partition: &str, service: &str, wanted: &str) -> Result<(), Error> {
    if arn != "arn" {
        return Err(refused(what, text, "it must start with `arn:`"));
    }
    if partition != "aws" {
        return Err(refused(what, text, "only the `aws` partition is supported"));
    }
    if service != wanted {
        return Err(refused(what, text, format_args!("the service must be `{wanted}`")));
    }
    Ok(())
}

fn check_account(what: &str, text: &str, account: &str) -> Result<()> {
    if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(refused(what, text, "the account must be exactly 12 digits"))
}

/// Path and name: the path may hold any visible ASCII, the name what IAM allows for names.
fn check_name(what: &str, text: &str, path_and_name: &str) -> Result<()> {
    let name = last_segment(path_and_name);
    if name.is_empty() {
        return Err(refused(what, text, "the name behind the last slash is missing"));
    }
    if !path_and_name.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Err(refused(what, text, "path and name must be visible ASCII"));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b)) {
        return Err(refused(what, text, "the name may hold letters, digits and + = , . @ _ - only"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
