//! Whether there is a key, where it came from, and whether the service takes it.

use std::fmt;

use cube_sdk_core::config::Origin;
use cube_sdk_core::{Error, ErrorKind, Result};
use serde_json::json;

use crate::cloud::Cloud;

/// What [`Auth::status`](super::Auth::status) found. Its text has two lines.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Where the key that counts came from; none when there is none.
    pub key: Option<Origin>,
    /// Where keys are kept, if anywhere.
    pub place: Option<String>,
    /// A key is kept there, whether or not it counts.
    pub kept: bool,
    /// What the service says.
    pub service: Connectivity,
}

/// What the service says to the key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Connectivity {
    /// It answers, and knows the key.
    Connected,
    /// It answers, and knows the key; its profile may not do what was tried, or that failed.
    Limited(Error),
    /// It answers, and refuses the key: unknown, expired or revoked.
    KeyRefused(Error),
    /// It was not asked: there is no key, or nobody wanted it to be.
    NotAsked,
    /// It does not answer.
    Unreachable(Error),
}

impl Status {
    /// A key was found, and the service takes it.
    pub const fn is_connected(&self) -> bool {
        matches!(self.service, Connectivity::Connected | Connectivity::Limited(_))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.place) {
            (Some(origin @ (Origin::Env(_) | Origin::Code)), Some(place)) if self.kept => {
                writeln!(f, "key: {origin}; the one kept in {place} does not count")?;
            }
            (Some(origin), _) => writeln!(f, "key: {origin}")?,
            (None, Some(place)) => writeln!(f, "key: none; log in, or set CUBE_API_KEY (nothing in {place})")?,
            (None, None) => writeln!(f, "key: none; set CUBE_API_KEY")?,
        }
        match &self.service {
            Connectivity::Connected => f.write_str("cube-cloud: connected"),
            Connectivity::Limited(error) => write!(f, "cube-cloud: connected, but {error}"),
            Connectivity::KeyRefused(error) => write!(f, "cube-cloud: the key is refused: {error}"),
            Connectivity::NotAsked => f.write_str("cube-cloud: not asked"),
            Connectivity::Unreachable(error) => write!(f, "cube-cloud: unreachable: {error}"),
        }
    }
}

pub(super) async fn status(cloud: &Cloud) -> Result<Status> {
    let mut status = offline(cloud).await?;
    if status.key.is_some() {
        status.service = ask(cloud).await;
    }
    Ok(status)
}

/// What this machine knows.
pub(super) async fn offline(cloud: &Cloud) -> Result<Status> {
    let keys = cloud.service().keys();
    let key = keys.find().await?.map(|found| found.origin);
    let kept = match (keys.store(), &key) {
        (Some(_), Some(Origin::File(_))) => true,
        // One that cannot be read is none; which counts was found already.
        (Some(store), _) => store.load().await.is_ok_and(|key| key.is_some()),
        (None, _) => false,
    };
    Ok(Status { key, place: keys.store().map(|store| store.place()), kept, service: Connectivity::NotAsked })
}

/// The published probe.
async fn ask(cloud: &Cloud) -> Connectivity {
    let Err(error) = cloud.call_tool("list_environments", json!({ "search": "__ping__" })).await else {
        return Connectivity::Connected;
    };
    match error.kind() {
        ErrorKind::Unauthenticated => Connectivity::KeyRefused(error),
        _ if crate::cloud::CloudErrorExt::tool_fault(&error).is_some() => Connectivity::Limited(error),
        ErrorKind::PermissionDenied => Connectivity::Limited(error),
        _ => Connectivity::Unreachable(error),
    }
}
