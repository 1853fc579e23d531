//! The SHA-256 digest that says which bytes are meant.

use std::fmt;
use std::str::FromStr;

use cube_sdk_core::names::refused;
use cube_sdk_core::{Error, Result, text_forms};

/// A SHA-256 digest. Read and written as 64 lower-case hex digits; no prefix, no upper case.
///
/// ```
/// use cube_sdk_byo::Sha256;
/// let digest: Sha256 = "a".repeat(64).parse().unwrap();
/// assert_eq!(digest.to_string(), "a".repeat(64));
/// assert!("A".repeat(64).parse::<Sha256>().is_err());
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// From its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Sha256 {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            refused("SHA-256", text, why).advice("give the output of `sha256sum`: 64 lower-case hex digits")
        };
        if text.starts_with("sha256:") {
            return Err(refuse("leave the prefix `sha256:` out"));
        }
        if text.len() != 64 {
            return Err(refuse("it must have exactly 64 hex digits"));
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else {
                return Err(refuse("it may hold the digits 0-9 and a-f only, in lower case"));
            };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

text_forms!(Sha256);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_and_refuses() {
        assert!("a".repeat(64).parse::<Sha256>().is_ok());
        for text in
            ["A".repeat(64), "a".repeat(63), "a".repeat(65), format!("sha256:{}", "a".repeat(57)), "g".repeat(64)]
        {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
        assert!("é".repeat(32).parse::<Sha256>().is_err(), "64 bytes, but no hex");
    }

    proptest! {
        #[test]
        fn hex_round_trip(bytes: [u8; 32]) {
            let digest = Sha256::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse::<Sha256>().unwrap(), digest);
        }
    }
}
