//! Reading what `tbot`, Teleport's machine identity agent, writes: strictly, but with patience.
//!
//! `tbot` renews each output by itself, about every 20 minutes, and rewrites its files **in place**: no
//! temporary file, no rename. A reader can therefore meet an empty file, a cut one, or a new certificate
//! beside an old key. [`bundle`] tells a whole set from a torn one without I/O, [`identity`] proves that
//! key and certificate belong together, and [`directory`] swaps a new set in only once it is proved,
//! serving the old one while that is still valid; [`watch`] does so for all directories.

pub mod bundle;
pub mod directory;
pub mod identity;
pub mod kubeconfig;
pub mod layout;
pub mod ready;
pub mod subject;
pub mod torn;
pub mod watch;

pub use bundle::Bundle;
pub use directory::{IdentityDirectory, ReadPolicy};
pub use identity::Identity;
pub use kubeconfig::{KubeContext, Kubeconfig};
pub use layout::{OutputRoot, is_dns_label};
pub use ready::{Readiness, ServiceHealth};
pub use subject::Subject;
pub use torn::Torn;
pub use watch::{Identities, IdentityWatch, WatchState};
