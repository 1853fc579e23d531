//! Ids that are UUIDs.

/// Declares newtypes over a UUID of any version, read in the hyphenated form and written in lower case:
/// `pub struct ThingId: "thing id";`, where the words stand in the refusal of a text.
///
/// Each is `Copy` and gets `as_u128`, `from_u128`, `parse`, `Display`, `FromStr`, conversion from `&str`, `String`,
/// `&String` and `&Self`, into `String`, serde both ways (reading checks), order and hash.
///
/// ```
/// cube_sdk_core::uuid_id! {
///     /// A thing.
///     pub struct ThingId: "thing id";
/// }
/// let id = ThingId::parse("0A9D3C52-7D1F-4A0E-8A55-3F1F0C6F2B11").unwrap();
/// assert_eq!(id.to_string(), "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11");
/// assert!(ThingId::try_from("my thing").is_err());
/// ```
#[macro_export]
macro_rules! uuid_id {
    ($( $(#[$meta:meta])* $vis:vis struct $name:ident: $what:literal; )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        $vis struct $name($crate::names::uuid::Uuid);

        impl $name {
            /// The id as 128 bits.
            pub const fn as_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// The id of these 128 bits.
            pub const fn from_u128(bits: u128) -> Self {
                Self($crate::names::uuid::Uuid::from_u128(bits))
            }

            /// Reads the hyphenated form, of either case; white space around it is trimmed.
            ///
            /// # Errors
            /// `InvalidInput` for anything else.
            pub fn parse(text: &str) -> $crate::error::Result<Self> {
                $crate::names::hyphenated($what, text).map(Self)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.hyphenated())
            }
        }

        $crate::text_forms!($name);
    )+};
}
