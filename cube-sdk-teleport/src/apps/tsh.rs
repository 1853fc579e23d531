//! `tsh`'s own lists, for those who have the program: what an identity may see, dialled or not.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cube_sdk_core::operation::{Idempotency, Operation};
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// `tsh apps ls`.
pub const LIST_APPS: Operation = Operation::new("tsh", "list_apps", Idempotency::Read);
/// `tsh kube ls`.
pub const LIST_KUBE_CLUSTERS: Operation = Operation::new("tsh", "list_kube_clusters", Idempotency::Read);

/// An app as the cluster lists it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TshApp {
    /// Its name.
    pub name: String,
    /// What it is, in its owner's words.
    pub description: Option<String>,
    /// Where its agent forwards to, such as `tcp://127.0.0.1:5432`.
    pub uri: String,
    /// Its public address.
    pub public_addr: Option<String>,
}

impl TshApp {
    /// A TCP app has a `tcp://` URI; all others speak HTTP.
    pub fn is_tcp(&self) -> bool {
        self.uri.starts_with("tcp://")
    }

    /// The public address, or the one that Teleport makes of the name.
    pub fn address(&self, proxy_host: &str) -> String {
        match self.public_addr.as_deref() {
            Some(addr) if !addr.is_empty() => addr.to_owned(),
            _ => format!("{}.{proxy_host}", self.name),
        }
    }
}

/// A Kubernetes cluster as the cluster lists it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct TshKubeCluster {
    /// Its name.
    #[serde(rename = "kube_cluster_name")]
    pub name: String,
    /// True for the one that `tsh` uses now.
    #[serde(default)]
    pub selected: bool,
}

/// From the output of `tsh apps ls --format=json`; an app served by several agents is listed once.
///
/// # Errors
/// `Decode` when it is no such list.
pub fn parse_apps(json: &[u8]) -> Result<Vec<TshApp>> {
    let mut apps: Vec<TshApp> = Vec::new();
    for app in decode::<Vec<App>>(json)? {
        if !apps.iter().any(|known| known.name == app.metadata.name) {
            apps.push(TshApp {
                name: app.metadata.name,
                description: app.metadata.description,
                uri: app.spec.uri,
                public_addr: app.spec.public_addr,
            });
        }
    }
    Ok(apps)
}

/// From the output of `tsh kube ls --format=json`.
///
/// # Errors
/// `Decode` when it is no such list.
pub fn parse_kube_clusters(json: &[u8]) -> Result<Vec<TshKubeCluster>> {
    decode(json)
}

fn decode<T: DeserializeOwned + Default>(json: &[u8]) -> Result<T> {
    let list: Option<T> = serde_json::from_slice(json).map_err(|cause| {
        Error::new(ErrorKind::Decode, format!("the list is not the JSON that tsh writes: {cause}"))
            .advice("use a tsh of the cluster's major version")
    })?;
    Ok(list.unwrap_or_default())
}

#[derive(Deserialize)]
struct App {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    uri: String,
    #[serde(default)]
    public_addr: Option<String>,
}

/// A `tsh` binary, the identity file that it uses and the proxy that it asks.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::ErrorKind;
/// use cube_sdk_teleport::apps::tsh::Tsh;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tsh = Tsh::new("/no/such/tsh", "/opt/machine-id/identity", "cube.teleport.sh:443");
/// match tsh.limit(Duration::from_secs(10)).apps().await {
///     Ok(apps) => apps.iter().for_each(|app| println!("{} {}", app.name, app.uri)),
///     Err(error) if error.kind() == ErrorKind::Config => println!("no tsh here: list_apps needs none"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tsh {
    binary: PathBuf,
    identity: PathBuf,
    proxy: String,
    limit: Duration,
}

impl Tsh {
    /// Runs nothing yet. `identity` is the `identity` file of an identity output; `proxy` is `host:port`.
    pub fn new(binary: impl Into<PathBuf>, identity: impl Into<PathBuf>, proxy: impl Into<String>) -> Self {
        Self { binary: binary.into(), identity: identity.into(), proxy: proxy.into(), limit: Duration::from_secs(30) }
    }

    /// How long one run may take, in place of 30 s.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The apps that the identity may see.
    ///
    /// # Errors
    /// `Config` when the binary cannot be run, `Unavailable` when it fails, `Timeout`, `Decode`.
    ///
    /// # Cancel safety
    /// Safe: the process is killed.
    pub async fn apps(&self) -> Result<Vec<TshApp>> {
        let json = self.run("apps").await.map_err(|error| error.with_operation(LIST_APPS))?;
        parse_apps(&json).map_err(|error| error.with_operation(LIST_APPS))
    }

    /// The Kubernetes clusters that the identity may see.
    ///
    /// # Errors
    /// As [`Self::apps`].
    pub async fn kube_clusters(&self) -> Result<Vec<TshKubeCluster>> {
        let json = self.run("kube").await.map_err(|error| error.with_operation(LIST_KUBE_CLUSTERS))?;
        parse_kube_clusters(&json).map_err(|error| error.with_operation(LIST_KUBE_CLUSTERS))
    }

    async fn run(&self, noun: &str) -> Result<Vec<u8>> {
        let run = tokio::process::Command::new(&self.binary)
            .args(arguments(noun, &self.identity, &self.proxy))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = match tokio::time::timeout(self.limit, run).await {
            Ok(outcome) => outcome.map_err(|cause| {
                Error::new(ErrorKind::Config, format!("tsh cannot be run from {}", self.binary.display()))
                    .advice("install tsh there, or leave it out: the directories are listed without it")
                    .cause(cause)
            })?,
            Err(_) => {
                return Err(
                    Error::new(ErrorKind::Timeout, "tsh took too long and was stopped").with_clock(WhichClock::Attempt)
                );
            }
        };
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("tsh failed ({}): {}", output.status, cube_sdk_core::redact::excerpt(&output.stderr)),
        ))
    }
}

fn arguments(noun: &str, identity: &Path, proxy: &str) -> Vec<OsString> {
    vec![noun.into(), "ls".into(), "--format=json".into(), "-i".into(), identity.into(), "--proxy".into(), proxy.into()]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn apps_are_listed_once_and_extra_fields_are_passed_over() {
        let json = br#"[
            {"kind":"app","version":"v3","metadata":{"name":"db","labels":{"a":"b"}},
             "spec":{"uri":"tcp://127.0.0.1:5432","public_addr":"db.example.com","tcp_ports":[{"port":1}]}},
            {"kind":"app","version":"v3","metadata":{"name":"db"},"spec":{"uri":"tcp://127.0.0.1:5432"}},
            {"kind":"app","version":"v3","metadata":{"name":"web","description":"site"},"spec":{"uri":"http://x","new":1}}]"#;
        let apps = parse_apps(json).unwrap();
        let seen: Vec<_> = apps.iter().map(|app| (app.name.as_str(), app.is_tcp(), app.address("proxy"))).collect();
        assert_eq!(seen, [("db", true, "db.example.com".to_owned()), ("web", false, "web.proxy".to_owned())]);
        assert!(parse_apps(b"[]").unwrap().is_empty() && parse_apps(b"null").unwrap().is_empty());
        assert_eq!(parse_apps(b"ERROR: expired").unwrap_err().kind(), ErrorKind::Decode);
    }

    #[test]
    fn kube_clusters_are_listed() {
        let json =
            br#"[{"kube_cluster_name":"cube-7","labels":{"env":"x"},"selected":true},{"kube_cluster_name":"b"}]"#;
        let clusters = parse_kube_clusters(json).unwrap();
        assert_eq!((clusters[0].name.as_str(), clusters[0].selected, clusters[1].selected), ("cube-7", true, false));
    }

    #[tokio::test]
    async fn a_missing_binary_is_named() {
        let tsh = Tsh::new("/nonexistent/tsh", "/nonexistent/identity", "proxy:443");
        let error = tsh.apps().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("/nonexistent/tsh"), "{error}");
    }
}
