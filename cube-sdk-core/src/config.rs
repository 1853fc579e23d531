//! Settings: each key has one name in the environment and one line of documentation, and each value
//! remembers where it came from.

use std::collections::HashMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// A setting that can be read from the environment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key {
    /// The environment variable.
    pub env: &'static str,
    /// One line for docs/environment.md.
    pub doc: &'static str,
    /// True when the value must never be shown.
    pub secret: bool,
}

impl Key {
    /// A setting that may be shown.
    pub const fn open(env: &'static str, doc: &'static str) -> Self {
        Self { env, doc, secret: false }
    }

    /// A secret setting.
    pub const fn secret(env: &'static str, doc: &'static str) -> Self {
        Self { env, doc, secret: true }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// Set by the program.
    Code,
    /// An environment variable.
    Env(&'static str),
    /// A file.
    File(String),
    /// The SDK's own default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => f.write_str("set in code"),
            Self::Env(name) => write!(f, "from {name}"),
            Self::File(path) => write!(f, "from file {path}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// A value set by the program.
    pub const fn code(value: T) -> Self {
        Self { value, origin: Origin::Code }
    }

    /// A default.
    pub const fn default_of(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }
}

/// Where settings are read from: the process's environment, or a map in its place.
///
/// White space around values is trimmed; an empty value counts as absent.
///
/// ```
/// use cube_sdk_core::config::{Environment, Key};
/// const URL: Key = Key::open("EDGEGATE_API_URL", "Base URL of EdgeGate.");
/// let env = Environment::from_pairs([("EDGEGATE_API_URL", " https://example.com/ ")]);
/// let url = env.url(URL)?.expect("it is set");
/// assert_eq!(url.value.as_str(), "https://example.com/");
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Environment(Option<HashMap<String, SecretString>>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Environment(process)"),
            Some(map) => {
                let mut names: Vec<_> = map.keys().collect();
                names.sort();
                f.debug_tuple("Environment").field(&names).finish()
            }
        }
    }
}

impl Environment {
    /// The process's own environment, read at each look-up.
    pub const fn process() -> Self {
        Self(None)
    }

    /// These variables in place of the process's own.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(Some(pairs.into_iter().map(|(n, v)| (n.into(), SecretString::from(v.into()))).collect()))
    }

    /// A secret, if set.
    pub fn secret(&self, key: Key) -> Option<Sourced<SecretString>> {
        let raw = match &self.0 {
            None => std::env::var(key.env).ok().map(SecretString::from),
            Some(map) => map.get(key.env).cloned(),
        }?;
        let text = raw.expose_secret().trim();
        (!text.is_empty()).then(|| Sourced { value: SecretString::from(text), origin: Origin::Env(key.env) })
    }

    /// A text, if set.
    pub fn text(&self, key: Key) -> Option<Sourced<String>> {
        self.secret(key).map(|found| Sourced { value: found.value.expose_secret().to_owned(), origin: found.origin })
    }

    /// An absolute `http` or `https` URL, if set.
    ///
    /// # Errors
    /// `Config`, naming the variable, when the value is no such URL.
    pub fn url(&self, key: Key) -> Result<Option<Sourced<Url>>> {
        let Some(found) = self.text(key) else { return Ok(None) };
        let value = parse_base_url(&found.value).map_err(|error| error.with_target(key.env))?;
        Ok(Some(Sourced { value, origin: found.origin }))
    }
}

/// An absolute `http` or `https` URL with a host and without user info, to which paths can be added.
///
/// # Errors
/// `Config` with the reason. The text of the URL is shown without query and user info.
pub fn parse_base_url(text: &str) -> Result<Url> {
    let url = Url::parse(text.trim()).map_err(|cause| {
        Error::new(ErrorKind::Config, "not an absolute URL").advice("write it like https://host/path").cause(cause)
    })?;
    let refused = |why: &str| Err(Error::new(ErrorKind::Config, format!("{} {why}", crate::redact::SafeUrl(&url))));
    if !matches!(url.scheme(), "http" | "https") {
        return refused("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("carries credentials, which do not belong into a URL");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("has a query or fragment, which a base URL cannot have");
    }
    Ok(url)
}

/// Adds path segments to a base URL, each percent-encoded as one segment.
pub fn join(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const URL: Key = Key::open("X_URL", "a URL");

    #[test]
    fn bad_urls_name_their_variable() {
        for text in ["example.com", "ftp://h/", "https://u:p@h/", "https://h/?q=1", "https://h/#f"] {
            let error = Environment::from_pairs([("X_URL", text)]).url(URL).unwrap_err();
            assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some("X_URL")), "{text}");
            assert!(!error.to_string().contains("u:p"), "{error}");
        }
        assert!(Environment::from_pairs([("X_URL", "  ")]).url(URL).unwrap().is_none());
    }

    #[test]
    fn segments_are_encoded() {
        let base = Url::parse("https://h/api/").unwrap();
        assert_eq!(join(&base, &["v1", "a b/c"]).as_str(), "https://h/api/v1/a%20b%2Fc");
    }

    #[test]
    fn debug_shows_names_only() {
        let env = Environment::from_pairs([("EDGEGATE_API_KEY", "egk_live_canary")]);
        assert_eq!(format!("{env:?}"), r#"Environment(["EDGEGATE_API_KEY"])"#);
    }
}
