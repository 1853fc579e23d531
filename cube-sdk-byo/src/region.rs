//! The region of a bucket.

use cube_sdk_core::names::refused;
use cube_sdk_core::{Result, text_id};

text_id! {
    /// An AWS region code: 4–64 characters, lower-case letters, digits and hyphens, starting with a letter.
    ///
    /// The list of regions grows, so no name is refused for being unknown.
    ///
    /// ```
    /// use cube_sdk_byo::Region;
    /// assert!("eu-central-1".parse::<Region>().is_ok());
    /// assert!("eu1".parse::<Region>().is_err());
    /// ```
    pub struct Region: Self::check;
}

impl Region {
    fn check(text: &str) -> Result<()> {
        let refuse = |why: &str| {
            Err(refused("region", text, why).advice("use the region's code, such as us-east-1 or eu-central-1"))
        };
        if !(4..=64).contains(&text.len()) {
            return refuse("it must have 4 to 64 characters");
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return refuse("it must start with a lower-case letter");
        }
        if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return refuse("it may hold lower-case letters, digits and hyphens only");
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for text in ["us-east-1", "eu-central-1", "ap-southeast-7"] {
            assert_eq!(text.parse::<Region>().unwrap().as_str(), text);
        }
        let long = "a".repeat(65);
        for text in ["eu1", long.as_str(), "", "EU-CENTRAL-1", "eu central 1", "1-east", "eu/../x"] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
        assert!("a".repeat(64).parse::<Region>().is_ok());
    }
}
