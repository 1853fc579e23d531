//! Clusters by way of cube-cloud, and the user's own kubeconfig.

mod clusters;
mod kubeconfig;

pub use clusters::{Credentials, Kube, LogIn, LoggedIn};
pub use kubeconfig::{KUBECONFIG, Merge, MergePlan, Merged};
