//! Ids and names that are texts.

/// Declares newtypes over a text. `pub struct Name: check;` is read through `check`, a
/// `fn(&str) -> Result<()>`; `pub struct Name;` takes any text.
///
/// Each gets `as_str`, `AsRef<str>`, `Borrow<str>`, `Display`, `FromStr`, conversion from `&str`, `String`, `&String`
/// and `&Self`, into `String`, serde both ways (reading checks), order and hash as the text has them. A checked one
/// has `parse`, one that is not checked has `new` and conversions that cannot fail. Clones share the text.
///
/// See [`names`](crate::names) for an example.
#[macro_export]
macro_rules! text_id {
    (@checked $name:ident $check:expr) => {
        impl $name {
            /// Reads the text.
            ///
            /// # Errors
            /// `InvalidInput`, with what is wrong with it.
            pub fn parse(text: &str) -> $crate::error::Result<Self> {
                $check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        $crate::text_forms!($name);
    };
    (@open $name:ident) => {
        impl $name {
            /// From its text, as it is.
            pub fn new(text: impl ::std::convert::Into<::std::string::String>) -> Self {
                Self(text.into().into())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::convert::Infallible;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                Ok(Self::new(text))
            }
        }

        impl ::std::convert::From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl ::std::convert::From<::std::string::String> for $name {
            fn from(text: ::std::string::String) -> Self {
                Self::new(text)
            }
        }

        impl ::std::convert::From<&::std::string::String> for $name {
            fn from(text: &::std::string::String) -> Self {
                Self::new(text)
            }
        }

        $crate::text_forms!(@both $name);
    };
    (@kind $name:ident $check:expr) => { $crate::text_id!(@checked $name $check); };
    (@kind $name:ident) => { $crate::text_id!(@open $name); };
    ($( $(#[$meta:meta])* $vis:vis struct $name:ident $(: $check:expr)?; )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        $vis struct $name(::std::sync::Arc<str>);

        impl $name {
            /// The text, as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // Sound: equality, order and hash are those of the text.
        impl ::std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&&*self.0).finish()
            }
        }

        $crate::text_id!(@kind $name $($check)?);
    )+};
}

/// Gives a type that has `FromStr` with the SDK's error and `Display` the other forms of a name: conversion from `&str`,
/// `String`, `&String` and `&Self`, into `String`, and serde as its text, which reading checks.
#[macro_export]
macro_rules! text_forms {
    (@both $name:ty) => {
        impl ::std::convert::From<&$name> for $name {
            fn from(id: &$name) -> Self {
                id.clone()
            }
        }

        impl ::std::convert::From<$name> for ::std::string::String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl $crate::names::serde::Serialize for $name {
            fn serialize<S: $crate::names::serde::Serializer>(&self, to: S) -> ::std::result::Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> $crate::names::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::names::serde::Deserializer<'de>>(
                from: D,
            ) -> ::std::result::Result<Self, D::Error> {
                <::std::string::String as $crate::names::serde::Deserialize>::deserialize(from)?
                    .parse()
                    .map_err($crate::names::serde::de::Error::custom)
            }
        }
    };
    ($name:ty) => {
        impl ::std::convert::TryFrom<&str> for $name {
            type Error = $crate::error::Error;

            fn try_from(text: &str) -> ::std::result::Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl ::std::convert::TryFrom<::std::string::String> for $name {
            type Error = $crate::error::Error;

            fn try_from(text: ::std::string::String) -> ::std::result::Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl ::std::convert::TryFrom<&::std::string::String> for $name {
            type Error = $crate::error::Error;

            fn try_from(text: &::std::string::String) -> ::std::result::Result<Self, Self::Error> {
                text.parse()
            }
        }

        $crate::text_forms!(@both $name);
    };
}
