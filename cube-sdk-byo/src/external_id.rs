//! The External ID that ties a trust policy to one grant.

use cube_sdk_core::names::refused;
use cube_sdk_core::{Result, text_id};

text_id! {
    /// The value of `sts:ExternalId`: 2–1224 characters out of letters, digits and `_ + = , . @ : / -`
    /// (AWS STS API reference, `AssumeRole`).
    ///
    /// EdgeGate mints a UUID for each grant. It is not a secret: the trust policy also names the principal.
    pub struct ExternalId: Self::check;
}

impl ExternalId {
    fn check(text: &str) -> Result<()> {
        if !(2..=1224).contains(&text.len()) {
            return Err(refused("External ID", text, "it must have 2 to 1224 characters")
                .advice("copy it from the grant: every grant reply shows it"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b)) {
            return Err(refused("External ID", text, "it may hold letters, digits and _ + = , . @ : / - only"));
        }
        Ok(())
    }

    /// A new one, random: what the service does when a grant is made or rotated.
    pub fn mint() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// True for the form that EdgeGate mints.
    pub fn is_uuid(&self) -> bool {
        uuid::Uuid::try_parse(self.as_str()).is_ok()
    }

    /// The first eight characters, which names of roles and sessions carry.
    pub fn short(&self) -> &str {
        self.as_str().get(..8).unwrap_or(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        let minted: ExternalId = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse().unwrap();
        assert!(minted.is_uuid());
        assert_eq!(minted.short(), "c2b7a6d4");
        assert!(!"PLACEHOLDER".parse::<ExternalId>().unwrap().is_uuid());
        let long = "a".repeat(1225);
        for text in ["", "a", "a b", "<EXTERNAL_ID>", "ä-ö", long.as_str()] {
            assert!(text.parse::<ExternalId>().is_err(), "{text}");
        }
    }
}
