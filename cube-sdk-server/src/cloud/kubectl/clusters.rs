//! The clusters that tbot writes kubeconfigs for.

use std::path::PathBuf;

use cube_sdk_core::secret::SecretString;
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};
use cube_sdk_teleport::apps::list_kube_clusters;
use cube_sdk_teleport::tbot::watch::Identities;
use cube_sdk_teleport::tbot::{Bundle, Kubeconfig, OutputRoot, ReadPolicy};

use super::{Kubectl, Target};
use crate::cloud::settings::CloudSettings;

/// The name of a kubeconfig in an output directory.
const KUBECONFIG: &str = "kubeconfig.yaml";
/// The name of the credential beside it.
const IDENTITY: &str = "identity";

/// Clusters by name, each with the kubeconfig that leads there.
pub(crate) struct Clusters {
    /// Outputs stand directly below the root, or below `kube/`.
    roots: Vec<Identities>,
    kubectl: Kubectl,
}

/// One cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    directory: PathBuf,
    context: String,
}

/// A kubeconfig for people's own machines.
pub(crate) struct Login {
    pub(crate) kubeconfig: SecretString,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Clusters {
    pub(crate) fn new(settings: &CloudSettings) -> Self {
        let outputs = settings.tbot.as_ref().map(|tbot| tbot.outputs.clone());
        let roots = outputs.into_iter().flat_map(|root| [root.join("kube"), root]);
        Self {
            roots: roots.map(|root| Identities::new(OutputRoot::new(root), ReadPolicy::default())).collect(),
            kubectl: Kubectl::new(&settings.kubectl),
        }
    }

    pub(crate) const fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Every cluster, sorted, the first directory that has one counting. What cannot be read is logged and left out.
    pub(crate) async fn list(&self) -> Result<Vec<Cluster>> {
        let mut found = Vec::<Cluster>::new();
        for root in &self.roots {
            let (entries, broken) = list_kube_clusters(root).await?;
            for error in broken {
                tracing::warn!(%error, "a kubeconfig of tbot cannot be read");
            }
            for entry in entries {
                let name = entry.context.kube_cluster;
                if !found.iter().any(|known| known.name == name) {
                    let directory = root.root().path().join(entry.output);
                    found.push(Cluster { name, directory, context: entry.context.name });
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// One cluster by its exact name; none when it is not there.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Cluster>> {
        Ok(self.list().await?.into_iter().find(|cluster| cluster.name == name))
    }
}

impl Cluster {
    pub(crate) fn target(&self) -> Target {
        Target { kubeconfig: self.directory.join(KUBECONFIG), context: self.context.clone() }
    }

    /// Its kubeconfig with the credentials inside, and when they end.
    ///
    /// # Errors
    /// `Unsupported` when the kubeconfig fetches its credentials by a program, or leads to other clusters too.
    pub(crate) async fn login(&self) -> Result<Login> {
        let path = self.directory.join(KUBECONFIG);
        let text = tokio::fs::read_to_string(&path)
            .await
            .map_err(|cause| Error::io("reading the kubeconfig", cause).with_target(self.name.clone()))?;
        let text = SecretString::from(text);
        use cube_sdk_core::secret::ExposeSecret as _;
        let kubeconfig = Kubeconfig::parse(text.expose_secret())?;
        let unsupported = |why: &str, advice: &str| {
            Error::new(ErrorKind::Unsupported, format!("the kubeconfig of {} {why}", self.name))
                .advice(advice.to_owned())
        };
        if kubeconfig.contexts.len() != 1 {
            return Err(unsupported(
                "leads to other clusters too",
                "give each cluster a `kubernetes` output of its own",
            ));
        }
        if kubeconfig.contexts.iter().any(|context| context.exec_command.is_some()) {
            return Err(unsupported(
                "fetches its credentials by a program that exists on the server only",
                "set `disable_exec_plugin: true` in tbot's output",
            ));
        }
        Ok(Login { kubeconfig: text, expires_at: self.expires_at().await })
    }

    /// The end of the credential that tbot wrote beside the kubeconfig.
    async fn expires_at(&self) -> Option<Timestamp> {
        let text = tokio::fs::read(self.directory.join(IDENTITY)).await.ok()?;
        Some(Bundle::from_identity(&text).ok()?.subject().not_after)
    }
}
