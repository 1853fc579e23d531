//! Of Apollo's publishing: the readers of charts and of registries' answers.

use http::HeaderMap;

use crate::Result;

#[path = "../../cube-sdk-apollo/src/publish/registry/challenge.rs"]
mod challenge;
#[path = "../../cube-sdk-apollo/src/publish/digest.rs"]
mod digest;
#[path = "../../cube-sdk-apollo/src/publish/chart/editing.rs"]
mod editing;
#[path = "../../cube-sdk-apollo/src/publish/fault.rs"]
mod fault;
#[path = "../../cube-sdk-apollo/src/publish/ignore/mod.rs"]
mod ignore;
#[path = "../../cube-sdk-apollo/src/publish/chart/metadata.rs"]
mod metadata;
#[path = "../../cube-sdk-apollo/src/publish/chart/name.rs"]
mod name;
#[path = "../../cube-sdk-apollo/src/publish/registry/reference.rs"]
mod reference;

pub use digest::Digest;
pub use fault::{PublishErrorExt, PublishFault};
pub use ignore::IgnoreRules;
pub(crate) use metadata::Metadata;
pub use name::{Bump, ChartName, ChartVersion};
pub use reference::{RegistryHost, Repository, Tag};

/// A Chart.yaml with other versions.
pub(crate) fn edited(text: &str, version: &ChartVersion, app_version: Option<&str>) -> Result<String> {
    editing::edited(text, version, app_version)
}

/// Realm and service of a bearer challenge; none for a password's.
pub(crate) fn challenge(headers: &HeaderMap) -> Option<Option<(String, Option<String>)>> {
    challenge::Challenge::of(headers).map(|challenge| match challenge {
        challenge::Challenge::Basic => None,
        challenge::Challenge::Bearer { realm, service } => Some((realm, service)),
    })
}
