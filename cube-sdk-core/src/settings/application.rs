//! The program's name and version, and the user agent made of them.

use http::HeaderValue;

use crate::config::{Origin, Sourced};
use crate::error::{Error, ErrorKind, Result};

const SDK: &str = concat!("cube-sdk/", env!("CARGO_PKG_VERSION"));

/// Longer than any name of a program needs to be, short enough for every server's limit of headers.
const LIMIT: usize = 128;

#[derive(Clone, Debug)]
pub(super) struct Application {
    name: String,
    version: String,
}

impl Application {
    pub(super) const fn new(name: String, version: String) -> Self {
        Self { name, version }
    }
}

/// `name/version cube-sdk/version`, or the SDK alone.
pub(super) fn user_agent(application: Option<&Application>) -> Result<Sourced<HeaderValue>> {
    let (text, origin) = match application {
        None => (SDK.to_owned(), Origin::Default),
        Some(Application { name, version }) => {
            check("name", name)?;
            check("version", version)?;
            (format!("{name}/{version} {SDK}"), Origin::Code)
        }
    };
    let value = HeaderValue::from_str(&text)
        .map_err(|cause| Error::new(ErrorKind::Config, "the user agent is no header").cause(cause))?;
    Ok(Sourced { value, origin })
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=LIMIT).contains(&text.len()) && text.bytes().all(token)
}

fn check(what: &str, text: &str) -> Result<()> {
    if is_token(text) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, format!("the application's {what} cannot stand in a user agent"))
        .with_target("application (set in code)")
        .advice(format!("use 1 to {LIMIT} letters, digits and !#$%&'*+-.^_`|~, without spaces and slashes")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_that_no_header_can_carry_are_refused() {
        let made = |name: &str, version: &str| user_agent(Some(&Application::new(name.to_owned(), version.to_owned())));
        assert_eq!(
            made("fleet-console", "1.4.2-rc.1+build7").unwrap().value,
            format!("fleet-console/1.4.2-rc.1+build7 {SDK}")
        );
        assert_eq!(user_agent(None).unwrap().value, SDK);
        let long = "x".repeat(LIMIT + 1);
        for bad in ["", " ", "a b", "a/b", "a\r\nX-Injected: 1", "ä", "a(b)", long.as_str(), "a\u{0}"] {
            for error in [made(bad, "1").unwrap_err(), made("a", bad).unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::Config, "{bad:?}");
                assert!(!error.to_string().contains("Injected"), "{error}");
            }
        }
    }
}
