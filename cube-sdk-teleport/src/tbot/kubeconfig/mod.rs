//! Which Kubernetes clusters a kubeconfig written by `tbot` leads to.
//!
//! `kubernetes` outputs (version 1) name one cluster in the client certificate; `kubernetes/v2` outputs
//! name many, each in its server URL: `https://<proxy>/v1/teleport/<cluster>/<kube cluster>`, both parts
//! base64url without padding (Teleport RFD 185).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cube_sdk_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use url::Url;

/// A kubeconfig, as far as listing and checking need it. Client keys are not read out of the text.
///
/// ```
/// use cube_sdk_teleport::tbot::Kubeconfig;
///
/// let text = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "cube-edge",
///   "clusters": [{"name": "edge", "cluster": {"server": "https://cube.teleport.sh"}}],
///   "users": [{"name": "bot", "user": {"exec": {"command": "/no/such/tbot"}}}],
///   "contexts": [{"name": "cube-edge", "context": {"cluster": "edge", "user": "bot", "namespace": "shop"}}]}
/// "#;
/// let kubeconfig = Kubeconfig::parse(text)?.with_teleport_cluster("cube"); // a file: Kubeconfig::read(path)
/// assert_eq!(kubeconfig.current_context.as_deref(), Some("cube-edge"));
/// assert_eq!(kubeconfig.contexts[0].kube_cluster, "edge");
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Kubeconfig {
    /// The context that kubectl takes by default.
    pub current_context: Option<String>,
    /// All contexts, in the order of the file.
    pub contexts: Vec<KubeContext>,
}

/// One way into one cluster.
///
/// ```
/// use cube_sdk_core::ErrorKind;
/// use cube_sdk_teleport::tbot::Kubeconfig;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "cube-edge",
///   "clusters": [{"name": "edge", "cluster": {"server": "https://cube.teleport.sh"}}],
///   "users": [{"name": "bot", "user": {"exec": {"command": "/no/such/tbot"}}}],
///   "contexts": [{"name": "cube-edge", "context": {"cluster": "edge", "user": "bot", "namespace": "shop"}}]}
/// "#;
/// let context = Kubeconfig::parse(text)?.contexts.remove(0);
/// assert_eq!((context.namespace.as_deref(), context.complete), (Some("shop"), true));
/// // The file names a program that only tbot's own container has:
/// assert_eq!(context.check_exec().await.unwrap_err().kind(), ErrorKind::Config);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KubeContext {
    /// The context's name, as for `kubectl --context`.
    pub name: String,
    /// The API server's URL.
    pub server: String,
    /// The SNI that is sent in place of the server's host.
    pub tls_server_name: Option<String>,
    /// Default namespace.
    pub namespace: Option<String>,
    /// The Teleport cluster: from the URL (version 2); absent in version 1.
    pub teleport_cluster: Option<String>,
    /// The Kubernetes cluster: from the URL (version 2); in version 1 the name of the context, from
    /// which [`Kubeconfig::with_teleport_cluster`] takes the Teleport cluster's name away.
    pub kube_cluster: String,
    /// The program that fetches the client certificate; none when it is embedded.
    pub exec_command: Option<PathBuf>,
    /// True when the entries that the context names exist and carry a way to authenticate.
    pub complete: bool,
}

impl Kubeconfig {
    /// From the text of `kubeconfig.yaml`.
    ///
    /// # Errors
    /// `Decode` when the text is no kubeconfig, or not a whole one, for example because it was read while being written:
    /// half a file must not pass for one with fewer clusters.
    pub fn parse(text: &str) -> Result<Self> {
        let cut = |what: &str| {
            Error::new(ErrorKind::Decode, format!("the kubeconfig is not whole: {what}"))
                .advice("read it again: tbot rewrites it in place")
        };
        if !text.ends_with('\n') {
            return Err(cut(if text.is_empty() { "it is empty" } else { "it ends within a line" }));
        }
        if text.trim_end().ends_with(':') {
            return Err(cut("it ends before a value"));
        }
        let file: File = serde_saphyr::from_str(text).map_err(|cause| {
            // The parser's own message may quote the text, and with it a key.
            drop(cause);
            Error::new(ErrorKind::Decode, "the kubeconfig is not readable YAML of its kind")
                .advice("read it again: tbot rewrites it in place")
        })?;
        match file.kind.as_deref() {
            Some("Config") => {}
            Some(_) => return Err(Error::new(ErrorKind::Decode, "the YAML is no kubeconfig: its kind is not Config")),
            None => return Err(cut("its kind is missing")),
        }
        if let Some(missing) = file.missing() {
            return Err(cut(missing));
        }
        let contexts = file.contexts.iter().flatten().flatten().map(|entry| context(entry, &file)).collect();
        Ok(Self { current_context: file.current_context.filter(|name| !name.is_empty()), contexts })
    }

    /// Reads a file, twice if the first reading meets a half-written text.
    ///
    /// # Errors
    /// `Io` when it cannot be read, `Decode` as [`Self::parse`].
    pub async fn read(path: &Path) -> Result<Self> {
        let target = path.display().to_string();
        let mut outcome = Self::read_once(path).await;
        if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Decode) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            outcome = Self::read_once(path).await;
        }
        outcome.map_err(|error| error.with_target(target))
    }

    async fn read_once(path: &Path) -> Result<Self> {
        let text = tokio::fs::read(path)
            .await
            .map(secrecy::zeroize::Zeroizing::new)
            .map_err(|cause| Error::io("reading the kubeconfig", cause))?;
        let text =
            std::str::from_utf8(&text).map_err(|_| Error::new(ErrorKind::Decode, "the kubeconfig is not UTF-8"))?;
        Self::parse(text)
    }

    /// Takes `<teleport cluster>-` off the names of version 1 contexts.
    #[must_use]
    pub fn with_teleport_cluster(mut self, cluster: &str) -> Self {
        for context in self.contexts.iter_mut().filter(|context| context.teleport_cluster.is_none()) {
            let rest = context.kube_cluster.strip_prefix(cluster).and_then(|rest| rest.strip_prefix('-'));
            if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
                context.kube_cluster = rest.to_owned();
                context.teleport_cluster = Some(cluster.to_owned());
            }
        }
        self
    }
}

impl KubeContext {
    /// Refuses a context whose credential program does not exist on this machine: tbot writes the
    /// absolute path of its own binary, which another container does not have.
    ///
    /// # Errors
    /// `Config`, naming the program.
    pub async fn check_exec(&self) -> Result<()> {
        let Some(command) = self.exec_command.as_deref().filter(|command| command.is_absolute()) else {
            return Ok(());
        };
        if tokio::fs::metadata(command).await.is_ok_and(|meta| meta.is_file()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Config, format!("its credential program {} does not exist here", command.display()))
            .with_target(format!("context {}", self.name))
            .advice("set `disable_exec_plugin: true` in tbot's Kubernetes output"))
    }
}

fn context(entry: &Named<ContextFields>, file: &File) -> KubeContext {
    let fields = entry.context.as_ref();
    let cluster = find(&file.clusters, fields.and_then(|at| at.cluster.as_deref())).and_then(|at| at.cluster.as_ref());
    let user = find(&file.users, fields.and_then(|at| at.user.as_deref())).and_then(|at| at.user.as_ref());
    let server = cluster.and_then(|cluster| cluster.server.clone()).unwrap_or_default();
    let exec_command = user.and_then(|user| user.exec.as_ref()?.as_ref()?.command.as_ref()).map(PathBuf::from);
    let embedded = user.is_some_and(|user| user.certificate.is_some() && user.key.is_some());
    let (teleport_cluster, kube_cluster) = match route_of(&server) {
        Some((teleport, kube)) => (Some(teleport), kube),
        None => (None, entry.name.clone()),
    };
    KubeContext {
        name: entry.name.clone(),
        complete: !server.is_empty() && (embedded || exec_command.is_some()),
        tls_server_name: cluster.and_then(|cluster| cluster.tls_server_name.clone()),
        namespace: fields.and_then(|fields| fields.namespace.clone()),
        server,
        teleport_cluster,
        kube_cluster,
        exec_command,
    }
}

/// `(teleport cluster, kube cluster)` from a version 2 server URL.
fn route_of(server: &str) -> Option<(String, String)> {
    let url = Url::parse(server).ok()?;
    let mut segments = url.path_segments()?;
    if (segments.next()?, segments.next()?) != ("v1", "teleport") {
        return None;
    }
    let mut decode = || String::from_utf8(URL_SAFE_NO_PAD.decode(segments.next()?).ok()?).ok();
    decode().zip(decode()).filter(|(teleport, kube)| !teleport.is_empty() && !kube.is_empty())
}

fn find<'a, T>(entries: &'a List<T>, name: Option<&str>) -> Option<&'a Named<T>> {
    entries.iter().flatten().flatten().find(|entry| Some(entry.name.as_str()) == name)
}

#[derive(Deserialize)]
struct File {
    kind: Option<String>,
    #[serde(rename = "current-context")]
    current_context: Option<String>,
    #[serde(default, deserialize_with = "present")]
    contexts: List<ContextFields>,
    #[serde(default, deserialize_with = "present")]
    clusters: List<ClusterFields>,
    #[serde(default, deserialize_with = "present")]
    users: List<UserFields>,
}

/// Absent, null, or there.
type List<T> = Option<Option<Vec<Named<T>>>>;

fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl File {
    /// What every file of tbot's has and this one lacks: it was cut before it, or within it.
    fn missing(&self) -> Option<&'static str> {
        let (Some(contexts), Some(clusters), Some(users)) = (&self.contexts, &self.clusters, &self.users) else {
            return Some("its clusters, contexts or users are missing");
        };
        if contexts.iter().flatten().any(|entry| entry.context.is_none()) {
            return Some("a context is empty");
        }
        if clusters.iter().flatten().any(|entry| entry.cluster.as_ref().is_none_or(|at| at.server.is_none())) {
            return Some("a cluster has no server");
        }
        let whole = |user: &UserFields| {
            user.certificate.is_some() == user.key.is_some()
                && user.exec.as_ref().is_none_or(|exec| exec.as_ref().is_some_and(|exec| exec.command.is_some()))
        };
        if users.iter().flatten().any(|entry| !entry.user.as_ref().is_some_and(whole)) {
            return Some("a user has half a credential");
        }
        None
    }
}

#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(default = "none")]
    context: Option<T>,
    #[serde(default = "none")]
    cluster: Option<T>,
    #[serde(default = "none")]
    user: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

#[derive(Deserialize)]
struct ContextFields {
    cluster: Option<String>,
    user: Option<String>,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct ClusterFields {
    server: Option<String>,
    #[serde(rename = "tls-server-name")]
    tls_server_name: Option<String>,
}

#[derive(Deserialize)]
struct UserFields {
    #[serde(rename = "client-certificate-data")]
    certificate: Option<serde::de::IgnoredAny>,
    #[serde(rename = "client-key-data")]
    key: Option<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    exec: Option<Option<Exec>>,
}

#[derive(Deserialize)]
struct Exec {
    command: Option<String>,
}

#[cfg(test)]
mod tests;
