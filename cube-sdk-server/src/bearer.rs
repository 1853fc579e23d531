//! The key of a request, from its one place.

use cube_sdk_core::secret::SecretString;
use http::{HeaderMap, header};

/// The bearer of `Authorization`; none when there is no such header or it is of another scheme.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| SecretString::from(key.trim()))
}
