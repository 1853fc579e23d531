//! Settings: each key has one name in the environment and one line of documentation, and each value
//! remembers where it came from.

mod base_url;
mod environment;
mod keys;
mod listen;

use std::fmt;

pub(crate) use base_url::address_of;
pub use base_url::{is_loopback, join, parse_base_url};
pub use environment::Environment;
pub use keys::{ALL_PROXY, CUBE_CA_FILE, HTTP_PROXY, HTTPS_PROXY, KEYS, NO_PROXY};
pub use listen::ListenAddress;

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

    /// The same value in another form.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: form(self.value), origin: self.origin }
    }
}
