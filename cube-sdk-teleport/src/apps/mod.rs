//! What can be dialled: apps and Kubernetes clusters, read from tbot's output directories.
//!
//! The directories list exactly what this process holds credentials for, and asking them sends nothing.
//! A configured `tsh` adds what the identity may see beyond that ([`tsh`]).

pub mod tsh;

use cube_sdk_core::{Error, Result, Timestamp};

use crate::app_fault::AppFault;
use crate::tbot::watch::{Identities, WatchState};
use crate::tbot::{KubeContext, Kubeconfig, layout};

/// An app that has an output directory.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AppEntry {
    /// Its name.
    pub name: String,
    /// Whether it can be dialled.
    pub state: WatchState,
    /// Its public address, from the certificate.
    pub public_addr: Option<String>,
    /// The Teleport cluster that it belongs to, from the certificate.
    pub cluster: Option<String>,
}

impl AppEntry {
    /// End of the certificate's life, when it can be dialled.
    pub fn not_after(&self) -> Option<Timestamp> {
        match self.state {
            WatchState::Ready { not_after, .. } => Some(not_after),
            WatchState::Failed { .. } => None,
        }
    }

    /// Why it cannot be dialled.
    pub fn fault(&self) -> Option<AppFault> {
        match self.state {
            WatchState::Ready { .. } => None,
            WatchState::Failed { fault, .. } => Some(fault),
        }
    }
}

/// A Kubernetes cluster that a kubeconfig leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KubeEntry {
    /// The output directory's name.
    pub output: String,
    /// The way into the cluster.
    pub context: KubeContext,
}

/// All apps with an output directory, sorted by name, usable or not.
///
/// # Errors
/// `Io` when the root cannot be listed.
pub async fn list_apps(identities: &Identities) -> Result<Vec<AppEntry>> {
    let mut entries = Vec::new();
    for (name, state) in identities.survey().await? {
        let subject = match state.is_ready() {
            true => identities.current(&name).await.ok(),
            false => None,
        };
        let subject = subject.as_deref().map(|identity| identity.subject());
        entries.push(AppEntry {
            public_addr: subject.and_then(|subject| subject.app_public_addr.clone()),
            cluster: subject.and_then(|subject| subject.app_cluster.clone()),
            name,
            state,
        });
    }
    Ok(entries)
}

/// All Kubernetes clusters of every output below the root, each once, in the order of directories and
/// files; and for each kubeconfig that cannot be read, why.
///
/// # Errors
/// `Io` when the root cannot be listed.
pub async fn list_kube_clusters(identities: &Identities) -> Result<(Vec<KubeEntry>, Vec<Error>)> {
    let (mut entries, mut broken) = (Vec::<KubeEntry>::new(), Vec::new());
    for (output, directory) in identities.root().directories().await? {
        let path = directory.join(layout::KUBECONFIG);
        if !tokio::fs::try_exists(&path).await.unwrap_or(true) {
            continue;
        }
        let mut kubeconfig = match Kubeconfig::read(&path).await {
            Ok(kubeconfig) => kubeconfig,
            Err(error) => {
                broken.push(error);
                continue;
            }
        };
        if let Some(cluster) = cluster_of(&directory).await {
            kubeconfig = kubeconfig.with_teleport_cluster(&cluster);
        }
        for context in kubeconfig.contexts {
            let known = |entry: &KubeEntry| {
                (&entry.context.kube_cluster, &entry.context.teleport_cluster)
                    == (&context.kube_cluster, &context.teleport_cluster)
            };
            if !entries.iter().any(known) {
                entries.push(KubeEntry { output: output.clone(), context });
            }
        }
    }
    Ok((entries, broken))
}

/// The Teleport cluster that the credential beside a kubeconfig names.
async fn cluster_of(directory: &std::path::Path) -> Option<String> {
    let text = tokio::fs::read(directory.join(layout::IDENTITY)).await.ok()?;
    let text = secrecy::zeroize::Zeroizing::new(text);
    crate::tbot::Bundle::from_identity(&text).ok()?.subject().cluster.clone()
}
