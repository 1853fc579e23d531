//! Names of things, told apart by type.

use std::fmt;

use cube_sdk_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// From its text, as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text, as on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&Self> for $name {
            fn from(id: &Self) -> Self {
                id.clone()
            }
        }
    )*};
}

ids! {
    /// A Palantir resource identifier: text that begins with `ri.`.
    Rid;
    /// The id of an environment.
    EnvironmentId;
    /// The id of an entity. It is unique over the whole fleet, not within one environment.
    EntityId;
    /// The id of an agent.
    AgentId;
}

impl Rid {
    /// Does a text look like a RID (`ri.…`)? Names never do.
    pub fn is_rid(text: &str) -> bool {
        text.starts_with("ri.")
    }
}

/// A product: `group:artifact`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProductId(String);

/// A release of a product, or a module: `group:artifact:version`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct MavenCoordinate(String);

fn parts(text: &str, count: usize, form: &str) -> Result<()> {
    let fits = text.split(':').count() == count
        && text
            .split(':')
            .all(|part| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control()));
    if fits {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is not `{form}`", text.escape_debug()))
        .advice("write the Maven coordinate as Apollo shows it"))
}

macro_rules! coordinates {
    ($($name:ident $count:literal $form:literal;)*) => {$(
        impl $name {
            #[doc = concat!("From `", $form, "`.")]
            ///
            /// # Errors
            /// `InvalidInput` when a part is missing, empty or holds white space.
            pub fn parse(text: &str) -> Result<Self> {
                parts(text, $count, $form)?;
                Ok(Self(text.to_owned()))
            }

            /// The text, as on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

coordinates! {
    ProductId 2 "group:artifact";
    MavenCoordinate 3 "group:artifact:version";
}

impl MavenCoordinate {
    /// The product, without the version.
    pub fn product(&self) -> ProductId {
        ProductId(self.0.rsplit_once(':').map_or(self.0.as_str(), |(product, _)| product).to_owned())
    }

    /// The part after the last colon.
    pub fn version(&self) -> &str {
        self.0.rsplit_once(':').map_or("", |(_, version)| version)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn coordinates_are_checked() {
        let release = MavenCoordinate::parse("com.x:app:1.10.0").unwrap();
        assert_eq!((release.product().as_str(), release.version()), ("com.x:app", "1.10.0"));
        for bad in ["", "a", "a:", "a:b:c:d", "a b:c:d", ":b:c"] {
            assert_eq!(MavenCoordinate::parse(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
        assert!(ProductId::parse("a:b").is_ok());
        assert!(ProductId::parse("a:b:c").is_err());
        assert!(serde_json::from_str::<ProductId>("\"nope\"").is_err());
    }
}
