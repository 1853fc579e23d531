//! The user's own kubeconfig, and what is merged into it.

mod edit;
mod incoming;
mod lock;
mod merge;
mod place;
#[cfg(test)]
mod tests;
mod tree;
mod written;

pub use merge::{Merge, MergePlan, Merged};
pub use place::KUBECONFIG;
