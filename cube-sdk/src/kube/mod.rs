//! Clusters by way of cube-cloud, and the user's own kubeconfig.
//!
//! Begin with [`Cube::kube`](crate::Cube::kube): the page of [`Kube`] shows each call, and a merge without cube-cloud.

mod clusters;
mod kubeconfig;

pub use clusters::{Credentials, Kube, LogIn, LoggedIn};
pub use kubeconfig::{KUBECONFIG, Merge, MergePlan, Merged};
