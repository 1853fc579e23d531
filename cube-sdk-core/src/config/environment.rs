//! Where settings are read from.

use std::collections::HashMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Key, Origin, Sourced, parse_base_url};
use crate::error::{Error, ErrorKind, Result};

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
            Some(_) => f.debug_tuple("Environment").field(&self.names()).finish(),
        }
    }
}

impl From<&Self> for Environment {
    fn from(environment: &Self) -> Self {
        environment.clone()
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

    /// True when this is the process's own environment.
    pub const fn is_process(&self) -> bool {
        self.0.is_none()
    }

    /// The names of all variables, sorted; those of the process that are no Unicode are left out.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.0 {
            None => std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect(),
            Some(map) => map.keys().cloned().collect(),
        };
        names.sort_unstable();
        names
    }

    /// The value under any name, letter by letter as it is written: for names that are no [`Key`].
    ///
    /// # Errors
    /// `Config`, naming the variable, when the value is no Unicode.
    pub fn lookup(&self, name: &str) -> Result<Option<SecretString>> {
        let raw = match &self.0 {
            None => match std::env::var(name) {
                Ok(text) => Some(SecretString::from(text)),
                Err(std::env::VarError::NotPresent) => None,
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(Error::new(ErrorKind::Config, "the value is no Unicode text").with_target(name));
                }
            },
            Some(map) => map.get(name).cloned(),
        };
        let trimmed = raw.map(|raw| SecretString::from(raw.expose_secret().trim()));
        Ok(trimmed.filter(|text| !text.expose_secret().is_empty()))
    }

    /// A secret, if set.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub fn secret(&self, key: Key) -> Result<Option<Sourced<SecretString>>> {
        Ok(self.lookup(key.env)?.map(|value| Sourced { value, origin: Origin::Env(key.env) }))
    }

    /// A text, if set.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub fn text(&self, key: Key) -> Result<Option<Sourced<String>>> {
        let text = |found: Sourced<SecretString>| Sourced {
            value: found.value.expose_secret().to_owned(),
            origin: found.origin,
        };
        Ok(self.secret(key)?.map(text))
    }

    /// An absolute `http` or `https` URL, if set.
    ///
    /// # Errors
    /// `Config`, naming the variable, when the value is no such URL.
    pub fn url(&self, key: Key) -> Result<Option<Sourced<Url>>> {
        let Some(found) = self.lookup(key.env)? else { return Ok(None) };
        let value = parse_base_url(found.expose_secret()).map_err(|error| error.with_target(key.env))?;
        Ok(Some(Sourced { value, origin: Origin::Env(key.env) }))
    }
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
    fn names_are_told_apart_by_case() {
        let env = Environment::from_pairs([("no_proxy", " a "), ("NO_PROXY", "b"), ("EMPTY", " ")]);
        let found = |name: &str| env.lookup(name).unwrap().map(|text| text.expose_secret().to_owned());
        assert_eq!((found("no_proxy"), found("NO_PROXY")), (Some("a".to_owned()), Some("b".to_owned())));
        assert_eq!((found("No_Proxy"), found("EMPTY")), (None, None));
        assert_eq!(env.names(), ["EMPTY", "NO_PROXY", "no_proxy"]);
        assert!(!env.is_process() && Environment::process().is_process());
    }

    /// The process's environment can be set for a child only: this test is its own child.
    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_refused_and_never_taken_for_unset() {
        use std::os::unix::ffi::OsStrExt as _;
        const NAME: &str = "CUBE_TEST_NO_TEXT";
        const KEY: Key = Key::open(NAME, "a text");
        if std::env::var_os(NAME).is_some() {
            let environment = Environment::process();
            for error in [environment.text(KEY).unwrap_err(), environment.secret(KEY).unwrap_err()] {
                assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some(NAME)));
            }
            return;
        }
        let name = "config::environment::tests::what_is_no_text_is_refused_and_never_taken_for_unset";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", name]).env(NAME, std::ffi::OsStr::from_bytes(b"a\xff")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    fn debug_shows_names_only() {
        let env = Environment::from_pairs([("EDGEGATE_API_KEY", "egk_live_canary")]);
        assert_eq!(format!("{env:?}"), r#"Environment(["EDGEGATE_API_KEY"])"#);
    }
}
