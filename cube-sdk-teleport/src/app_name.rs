//! The name of an app: what a CONNECT asks for.

use cube_sdk_core::{Error, ErrorKind, text_id};

text_id! {
    /// The name of a reachable app: 1 to 255 bytes of UTF-8 without control characters.
    ///
    /// ```
    /// use cube_sdk_teleport::tunnel::AppName;
    /// let app: AppName = "postgres-cube7".parse().unwrap();
    /// assert_eq!(app.as_str(), "postgres-cube7");
    /// assert!("".parse::<AppName>().is_err());
    /// ```
    pub struct AppName: Self::check;
}

impl AppName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// `InvalidInput` when it is empty, longer than 255 bytes or holds a control character.
    pub fn new(name: impl AsRef<str>) -> Result<Self, Error> {
        Self::parse(name.as_ref())
    }

    fn check(name: &str) -> Result<(), Error> {
        Self::fault(name).map_or(Ok(()), |fault| {
            Err(Error::new(ErrorKind::InvalidInput, format!("app name refused: it {fault}"))
                .advice("use the name that the list of apps shows"))
        })
    }

    /// From the payload of a CONNECT; the error says what is wrong with it.
    pub(crate) fn from_wire(bytes: &[u8]) -> Result<Self, &'static str> {
        let name = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
        Self::fault(name).map_or_else(|| Ok(Self(name.into())), Err)
    }

    fn fault(name: &str) -> Option<&'static str> {
        if name.is_empty() {
            Some("is empty")
        } else if name.len() > Self::MAX_LEN {
            Some("is longer than 255 bytes")
        } else if name.chars().any(char::is_control) {
            Some("holds a control character")
        } else {
            None
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_in_bytes() {
        assert!(AppName::new("é".repeat(127)).is_ok());
        assert!(AppName::new("é".repeat(128)).is_err());
        assert_eq!(AppName::new("").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(AppName::new("a\nb").is_err());
        assert_eq!(AppName::from_wire(&[0xff]), Err("is not UTF-8"));
    }
}
