//! Who signed in, by the claims of a token that holds.

use cube_sdk_core::Result;
use serde_json::Value;

use super::denied;
use super::id_token::Claims;
use crate::cloud::settings::OidcSettings;

/// Somebody whom the provider knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// In the provider's order, which decides the profile.
    pub(crate) groups: Vec<String>,
}

impl Person {
    /// # Errors
    /// `PermissionDenied` without a name, or with an e-mail address that the provider has not verified: anyone could give
    /// another's.
    pub(super) fn of(claims: &Claims, settings: &OidcSettings) -> Result<Self> {
        let claim = settings.name_claim.as_str();
        let name = claims.get(claim).and_then(Value::as_str).filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(|| denied(&format!("your account there has no `{claim}`")))?;
        let verified = || match claims.get("email_verified") {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(word)) => word == "true",
            _ => false,
        };
        if claim == "email" && !verified() {
            return Err(denied("your e-mail address is not verified there"));
        }
        let groups = settings.groups_claims.iter().find_map(|name| claims.get(name));
        let groups = match groups {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Ok(Self { name: name.to_owned(), groups })
    }
}
