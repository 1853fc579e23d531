//! Charts and images, from a folder to a release.

mod chart;
mod fault;
mod ignore;
mod package;
mod registry;

pub use chart::{Bump, Chart, ChartName, ChartVersion};
pub use fault::{PublishErrorExt, PublishFault};
pub use ignore::IgnoreRules;
pub use package::{Contents, Package};
pub use registry::{
    Digest, PulledChart, PushChart, PushedChart, Registry, RegistryBuilder, RegistryHost, Repository, Sent, Tag,
};
