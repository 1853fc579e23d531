//! Clusters.

use cube_sdk::cloud::tools::ClusterStatus;
use cube_sdk::kube;
use schemars::JsonSchema;
use serde::Serialize;

use crate::table::or_dash;
use crate::{Table, View};

/// The clusters that the profile may see.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Clusters {
    /// Their names.
    pub clusters: Vec<String>,
}

impl View for Clusters {
    const NAME: &'static str = "clusters";

    fn text(&self) -> String {
        if self.clusters.is_empty() { "No cluster.".to_owned() } else { self.clusters.join("\n") }
    }

    fn table(&self) -> Option<Table> {
        Some(Table::new(["CLUSTER"], self.clusters.iter().map(|name| [name.clone()])))
    }
}

/// A node.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// It takes work.
    pub ready: bool,
    /// The version of its kubelet.
    pub version: Option<String>,
    /// Its processors.
    pub cpu: Option<String>,
    /// Its memory.
    pub memory: Option<String>,
    /// What is not as it should be.
    pub problems: Vec<String>,
}

/// The nodes of a cluster.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Nodes {
    /// The cluster.
    pub cluster: String,
    /// Its nodes.
    pub nodes: Vec<Node>,
}

impl From<ClusterStatus> for Nodes {
    fn from(status: ClusterStatus) -> Self {
        let nodes = status.nodes.into_iter().map(|node| Node {
            name: node.name,
            ready: node.ready,
            version: node.version,
            cpu: node.cpu,
            memory: node.memory,
            problems: node.problems,
        });
        Self { cluster: status.cluster, nodes: nodes.collect() }
    }
}

impl Nodes {
    fn rows(&self) -> Table {
        let row = |node: &Node| {
            let state = if node.ready { "ready" } else { "not ready" }.to_owned();
            let problems = if node.problems.is_empty() { "-".to_owned() } else { node.problems.join("; ") };
            [
                node.name.clone(),
                state,
                or_dash(node.version.as_ref()),
                or_dash(node.cpu.as_ref()),
                or_dash(node.memory.as_ref()),
                problems,
            ]
        };
        Table::new(["NODE", "STATE", "VERSION", "CPU", "MEMORY", "PROBLEMS"], self.nodes.iter().map(row))
    }
}

impl View for Nodes {
    const NAME: &'static str = "cluster.status";

    fn text(&self) -> String {
        self.rows().to_string()
    }

    fn table(&self) -> Option<Table> {
        Some(self.rows())
    }
}

/// A cluster's credentials, merged into the user's kubeconfig.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct LoggedIn {
    /// The cluster.
    pub cluster: String,
    /// The context that kubectl uses now.
    pub context: String,
    /// The files that were changed; none where everything was there already.
    pub files: Vec<String>,
    /// Where their old text is.
    pub backups: Vec<String>,
    /// What of them was not kept.
    pub losses: Vec<String>,
    /// When the credentials end: RFC 3339, or `unknown`.
    pub expires_at: String,
}

impl From<&kube::LoggedIn> for LoggedIn {
    fn from(done: &kube::LoggedIn) -> Self {
        let shown = |paths: &[std::path::PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
        Self {
            cluster: done.cluster.clone(),
            context: done.merged.context.clone(),
            files: shown(&done.merged.files),
            backups: shown(&done.merged.backups),
            losses: done.merged.losses.clone(),
            expires_at: done.expires_at.clone(),
        }
    }
}

impl View for LoggedIn {
    const NAME: &'static str = "cluster.login";

    fn text(&self) -> String {
        let mut lines = vec![match self.files.as_slice() {
            [] => format!("The kubeconfig leads into {} already.", self.cluster),
            files => format!("Signed in to {}; merged into {}.", self.cluster, files.join(", ")),
        }];
        lines.push(format!("current context: {}", self.context));
        lines.push(format!("try: kubectl --context {} get nodes", self.context));
        lines.push(format!("The credentials end: {}. Log in to the cluster again then.", self.expires_at));
        lines.extend(self.losses.iter().map(|loss| format!("not kept: {loss}")));
        lines.extend(self.backups.iter().map(|file| format!("old text: {file}")));
        lines.join("\n")
    }
}
