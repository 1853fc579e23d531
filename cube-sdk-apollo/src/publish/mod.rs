//! Charts and images, from a folder to a release.

mod build_context;
mod chart;
mod digest;
mod fault;
mod ignore;
mod image;
mod manifest;
mod package;
mod pipeline;
mod progress;
mod registry;

pub use build_context::BuildContext;
pub use chart::{Bump, Chart, ChartName, ChartVersion};
pub use digest::Digest;
pub use fault::{PublishErrorExt, PublishFault};
pub use ignore::IgnoreRules;
pub use image::{BuildState, BuildStatus, ImageBuild, Platform, PreparedBuild, RemoteBuild, RemoteBuilder};
pub use manifest::ReleaseManifest;
pub use package::{Contents, Package};
pub use pipeline::{DEFAULT_GROUP, Publish, Publisher, ReleaseOf, ReleasePlan, ReleaseReport, RunRelease};
pub use progress::Progress;
pub use registry::{
    PulledChart, PushChart, PushedChart, Registry, RegistryBuilder, RegistryHost, Repository, Sent, Tag,
};
