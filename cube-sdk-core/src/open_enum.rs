//! Enums of words that a server may extend: an unknown word is kept, not refused.

/// Declares an enum over wire words, with a last variant `Unknown(String)` that keeps any other word.
///
/// The enum gets `ALL` (the known variants), `as_str`, `is_known`, `Display`, `From<&str>`,
/// `From<String>`, and serde as a plain string.
///
/// ```
/// cube_sdk_core::open_enum! {
///     /// State of a thing.
///     pub enum State {
///         /// It works.
///         Active = "active",
///         /// It does not.
///         Failed = "failed",
///     }
/// }
/// assert_eq!(State::from("active"), State::Active);
/// let odd: State = serde_json::from_str("\"sleeping\"").unwrap();
/// assert_eq!((odd.as_str(), odd.is_known()), ("sleeping", false));
/// ```
#[macro_export]
macro_rules! open_enum {
    (
        $(#[$outer:meta])*
        pub enum $name:ident {
            $( $(#[$inner:meta])* $variant:ident = $word:literal ),+ $(,)?
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$inner])* $variant, )+
            /// A word that this version of the SDK does not know.
            Unknown(::std::string::String),
        }

        impl $name {
            /// The known variants, in the order of the documentation.
            pub const ALL: &'static [Self] = &[ $( Self::$variant ),+ ];

            /// The word on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $word, )+
                    Self::Unknown(word) => word,
                }
            }

            /// False for a word that this version does not know.
            pub const fn is_known(&self) -> bool {
                !matches!(self, Self::Unknown(_))
            }
        }

        impl ::std::convert::From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $( $word => Self::$variant, )+
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }

        impl ::std::convert::From<::std::string::String> for $name {
            fn from(word: ::std::string::String) -> Self {
                Self::from(word.as_str())
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::open_enum::serde::Serialize for $name {
            fn serialize<S: $crate::open_enum::serde::Serializer>(&self, to: S) -> ::std::result::Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::open_enum::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::open_enum::serde::Deserializer<'de>>(from: D) -> ::std::result::Result<Self, D::Error> {
                <::std::string::String as $crate::open_enum::serde::Deserialize>::deserialize(from).map(Self::from)
            }
        }
    };
}

#[doc(hidden)]
pub use serde;
