//! Reading replies leniently: a null where a list or text is usual counts as empty.

use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "…")]`: null becomes the default.
pub(crate) fn null_as_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}
