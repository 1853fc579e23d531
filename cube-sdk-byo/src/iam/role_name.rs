//! The name of an IAM role.

use cube_sdk_core::names::refused;
use cube_sdk_core::{Result, text_id};

use crate::external_id::ExternalId;

text_id! {
    /// The name of an IAM role: 1–64 letters, digits and `+ = , . @ _ -` (AWS IAM user guide, "IAM and AWS STS
    /// quotas").
    ///
    /// ```
    /// use cube_sdk_byo::iam::RoleName;
    /// assert!("edgegate-byo-read".parse::<RoleName>().is_ok());
    /// assert!("read; rm -rf".parse::<RoleName>().is_err());
    /// ```
    pub struct RoleName: Self::check;
}

impl RoleName {
    fn check(text: &str) -> Result<()> {
        if !(1..=64).contains(&text.len()) {
            return Err(refused("role name", text, "it must have 1 to 64 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b)) {
            return Err(refused("role name", text, "it may hold letters, digits and + = , . @ _ - only"));
        }
        Ok(())
    }

    /// `edgegate-byo-read-` and the External ID's first eight characters, without those that a role's name
    /// cannot hold.
    pub(crate) fn default_for(external_id: &ExternalId) -> Self {
        let short = external_id.short().replace([':', '/'], "-");
        Self(format!("edgegate-byo-read-{short}").into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        let long = "a".repeat(65);
        for text in ["", long.as_str(), "a b", "a/b", "rôle", "$(id)"] {
            assert!(text.parse::<RoleName>().is_err(), "{text}");
        }
        assert!("a".repeat(64).parse::<RoleName>().is_ok());
        assert!("+=,.@_-".parse::<RoleName>().is_ok());
    }

    #[test]
    fn the_default_is_always_a_valid_name() {
        for id in ["c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90", "ab", "a:b/c@d,e"] {
            let name = RoleName::default_for(&id.parse().unwrap());
            assert!(name.as_str().parse::<RoleName>().is_ok(), "{name}");
        }
    }
}
