//! Clusters by way of cube-cloud.

use std::fmt;

use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString, awaitable};

use super::kubeconfig::{Merge, Merged};
use crate::cloud::Cloud;
use crate::cloud::tools::{ClusterLogin, ClusterStatus};

/// Clusters by way of cube-cloud. Cheap to clone.
///
#[doc = include_str!("../../docs/kube.md")]
#[derive(Clone, Debug)]
pub struct Kube {
    cloud: Cloud,
}

impl Kube {
    pub(crate) const fn new(cloud: Cloud) -> Self {
        Self { cloud }
    }

    /// The names of the clusters that the profile may see, sorted.
    ///
    /// # Errors
    /// As any tool; `Unsupported` where the service tells them as text only: [`Cloud::cube_list`] has it.
    pub async fn list(&self) -> Result<Vec<String>> {
        Ok(self.cloud.cube_list().await?.into_data()?.clusters)
    }

    /// The nodes of a cluster with their conditions and capacity.
    ///
    /// # Errors
    /// As any tool; `NotFound` or `PermissionDenied` for a cluster that is none of the profile's.
    pub async fn status(&self, cluster: impl Into<String>) -> Result<ClusterStatus> {
        self.cloud.cube_status(cluster).await?.into_data()
    }

    /// Runs one kubectl command that only reads, given without the word `kubectl`; its output with secrets masked.
    ///
    /// # Errors
    /// As any tool; `InvalidInput` for a command that the service does not allow.
    pub async fn kubectl(&self, cluster: impl Into<String>, command: impl Into<String>) -> Result<String> {
        Ok(self.cloud.kubectl_exec(cluster, command).await?.text().to_owned())
    }

    /// The credentials of a cluster, for programs that keep them themselves.
    ///
    /// # Errors
    /// As any tool; `Decode` where the service gives none.
    pub async fn credentials(&self, cluster: impl Into<String>) -> Result<Credentials> {
        let cluster = cluster.into();
        let ClusterLogin { kubeconfig, expires_at, cluster: named, .. } =
            self.cloud.cube_cluster_login(&cluster).await?.into_data()?;
        if kubeconfig.expose_secret().trim().is_empty() {
            return Err(Error::new(ErrorKind::Decode, "the service gave no kubeconfig").with_target(cluster));
        }
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        Ok(Credentials { kubeconfig, expires_at: or(expires_at, "unknown"), cluster: or(named, &cluster) })
    }

    /// Fetches the credentials of a cluster and merges them into the user's kubeconfig; to be awaited.
    pub fn login(&self, cluster: impl Into<String>) -> LogIn {
        LogIn { kube: self.clone(), cluster: cluster.into(), shape: |merge| merge }
    }

    /// A merge of credentials into the user's kubeconfig: the files of `KUBECONFIG`, else `~/.kube/config`.
    ///
    /// # Errors
    /// `Config` where the environment names neither.
    pub fn merge(&self, credentials: &Credentials) -> Result<Merge> {
        Merge::by(self.cloud.service().ground().environment(), credentials.kubeconfig.clone())
    }
}

/// What leads into a cluster.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// A whole kubeconfig with its certificates inside.
    pub kubeconfig: SecretString,
    /// When they end, as the service tells: RFC 3339, or `unknown`.
    pub expires_at: String,
    /// The cluster.
    pub cluster: String,
}

/// A login about to be made; await it.
///
/// ```
/// use cube_sdk::prelude::*;
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let world = cube_sdk_server::local::World::start().await?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("config");
/// # let open = <cube_sdk::core::SecretString as cube_sdk::core::secret::ExposeSecret<str>>::expose_secret;
/// # let mut pairs: Vec<_> = world.env().iter().map(|(name, value)| (name.clone(), open(value).to_owned())).collect();
/// # pairs.push(("KUBECONFIG".to_owned(), file.to_str().unwrap().to_owned()));
/// # let environment = cube_sdk::core::config::Environment::from_pairs(pairs);
/// # let cube = Cube::builder().environment(environment).build();
/// // Into the files of KUBECONFIG, or ~/.kube/config.
/// let done = cube.kube()?.login("cube-7").merge_with(|merge| merge.backup()).await?;
/// println!("context {} until {}", done.merged.context, done.expires_at);
/// assert!(std::fs::read_to_string(&file).unwrap().contains(&done.merged.context));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is fetched until the login is awaited"]
pub struct LogIn {
    kube: Kube,
    cluster: String,
    shape: fn(Merge) -> Merge,
}

impl fmt::Debug for LogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogIn").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// A login that went well.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoggedIn {
    /// What was written.
    pub merged: Merged,
    /// When the credentials end, as the service tells. Log in again then.
    pub expires_at: String,
    /// The cluster.
    pub cluster: String,
}

impl LogIn {
    /// Shapes the merge: `|merge| merge.backup().accept_losses()`.
    pub fn merge_with(mut self, shape: fn(Merge) -> Merge) -> Self {
        self.shape = shape;
        self
    }

    async fn send(self) -> Result<LoggedIn> {
        let credentials = self.kube.credentials(self.cluster).await?;
        let merged = (self.shape)(self.kube.merge(&credentials)?).await?;
        Ok(LoggedIn { merged, expires_at: credentials.expires_at, cluster: credentials.cluster })
    }
}

awaitable! {
    /// Fetches and merges.
    ///
    /// # Errors
    /// As [`Kube::credentials`] and [`Merge`].
    LogIn => LoggedIn
}
