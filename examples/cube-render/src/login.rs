//! Login, logout, status.

use cube_sdk::auth::{self, Connectivity};
use schemars::JsonSchema;
use serde::Serialize;

use crate::View;
use crate::errors::Failure;

/// A key that is kept now.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct KeyKept {
    /// Where.
    pub place: Option<String>,
    /// The variable or setting whose key wins over it.
    pub shadowed_by: Option<String>,
    /// Whether the service takes the key; none where it was not asked.
    pub connected: Option<bool>,
}

impl From<&auth::LoggedIn> for KeyKept {
    fn from(done: &auth::LoggedIn) -> Self {
        Self { place: Some(done.place.clone()), shadowed_by: done.shadowed_by.clone(), connected: Some(true) }
    }
}

/// A key that was given, by the status after it was kept.
impl From<&auth::Status> for KeyKept {
    fn from(status: &auth::Status) -> Self {
        let (place, key) = (status.place.clone(), status.key.as_ref().map(ToString::to_string));
        let shadowed_by = key.filter(|key| place.as_ref().is_none_or(|place| !key.contains(place.as_str())));
        let asked = !matches!(status.service, Connectivity::NotAsked | Connectivity::Unreachable(_));
        let connected = (asked && shadowed_by.is_none()).then(|| status.is_connected());
        Self { place, shadowed_by, connected }
    }
}

impl View for KeyKept {
    const NAME: &'static str = "login";

    fn text(&self) -> String {
        let place = self.place.as_deref().unwrap_or("the store of keys");
        let mut text = match self.connected {
            Some(true) => format!("Signed in. The key is kept in {place}."),
            Some(false) => format!("The key is kept in {place}, but cube-cloud does not take it: log in again."),
            None => format!("The key is kept in {place}. Whether cube-cloud takes it was not seen."),
        };
        if let Some(by) = &self.shadowed_by {
            text += &format!("\nIt does not count while the key of {by} is set.");
        }
        text
    }
}

/// A key that is kept no longer.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct LoggedOut {
    /// There was one.
    pub removed: bool,
    /// Where a key still comes from.
    pub still_set: Option<String>,
}

impl From<&auth::LoggedOut> for LoggedOut {
    fn from(done: &auth::LoggedOut) -> Self {
        Self { removed: done.removed, still_set: done.still_set.clone() }
    }
}

impl View for LoggedOut {
    const NAME: &'static str = "logout";

    fn text(&self) -> String {
        let mut text = if self.removed {
            "The key is removed from this machine. It stays valid at cube-cloud until it is revoked or expires."
                .to_owned()
        } else {
            "No key was kept on this machine.".to_owned()
        };
        if let Some(set) = &self.still_set {
            text += &format!("\nA key still comes from {set}.");
        }
        text
    }
}

/// Whether there is a key, and what the service says to it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Status {
    /// Where the key that counts came from.
    pub key: Option<String>,
    /// Where keys are kept.
    pub place: Option<String>,
    /// A key is kept there.
    pub kept: bool,
    /// `connected`, `limited`, `key_refused`, `not_asked` or `unreachable`.
    pub service: &'static str,
    /// The service takes the key.
    pub connected: bool,
    /// Why not, or what it does not allow.
    pub failure: Option<Failure>,
    #[serde(skip)]
    #[schemars(skip)]
    text: String,
}

impl From<&auth::Status> for Status {
    fn from(status: &auth::Status) -> Self {
        let (service, failure) = match &status.service {
            Connectivity::Connected => ("connected", None),
            Connectivity::Limited(error) => ("limited", Some(error)),
            Connectivity::KeyRefused(error) => ("key_refused", Some(error)),
            Connectivity::NotAsked => ("not_asked", None),
            Connectivity::Unreachable(error) => ("unreachable", Some(error)),
            _ => ("unknown", None),
        };
        Self {
            key: status.key.as_ref().map(ToString::to_string),
            place: status.place.clone(),
            kept: status.kept,
            service,
            connected: status.is_connected(),
            failure: failure.map(Failure::from),
            text: status.to_string(),
        }
    }
}

impl View for Status {
    const NAME: &'static str = "status";

    fn text(&self) -> String {
        self.text.clone()
    }
}
