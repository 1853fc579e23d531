//! Which file of an output directory is which, and which directory belongs to which app.
//!
//! Names are those that `tbot` writes (Teleport Machine ID reference, outputs).

use std::path::{Path, PathBuf};

use cube_sdk_core::config::{Environment, Key};
use cube_sdk_core::{Error, ErrorKind, Result};

/// Where tbot's outputs are.
pub const OUTPUTS: Key =
    Key::open("CUBE_TELEPORT_OUTPUTS", "Directory with tbot's outputs, one directory `app-<name>` per app.");

/// Everything in one file: private key, SSH certificate, TLS certificate, authorities.
pub const IDENTITY: &str = "identity";
/// The TLS client certificate, PEM.
pub const TLS_CERT: &str = "tlscert";
/// The private key, PEM: PKCS#1, PKCS#8 or SEC1.
pub const KEY: &str = "key";
/// The same certificate under the name that `specific_tls_naming` asks for.
pub const TLS_CRT: &str = "tls.crt";
/// The same key under the name that `specific_tls_naming` asks for.
pub const TLS_KEY: &str = "tls.key";
/// Certificates of the authority that signs the proxy's own host certificate, PEM, one or several.
pub const HOST_CA: &str = "teleport-host-ca.crt";
/// The kubeconfig of a Kubernetes output.
pub const KUBECONFIG: &str = "kubeconfig.yaml";

/// The forms in which one directory holds a credential, in the order in which they are tried:
/// `(certificate, key)`, or one file for both. `tbot` writes `identity` first, so during a rotation it
/// is the newest; while it is being written the pairs still hold the old credential whole.
pub const FORMS: [(&str, Option<&str>); 3] = [(IDENTITY, None), (TLS_CERT, Some(KEY)), (TLS_CRT, Some(TLS_KEY))];

/// Is this a name that Teleport accepts for an app: a DNS label of at most 63 characters in `a-z`, `0-9`
/// and `-`, neither first nor last `-`? Such a name cannot leave its directory.
///
/// ```
/// use cube_sdk_teleport::tbot::is_dns_label;
/// assert!(is_dns_label("postgres-cube7"));
/// assert!(!is_dns_label("../etc") && !is_dns_label("Postgres") && !is_dns_label("-a"));
/// ```
pub fn is_dns_label(name: &str) -> bool {
    let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(letters) && !name.starts_with('-') && !name.ends_with('-')
}

/// The directory under which each app has an output directory of its own, `app-<name>`.
///
/// ```
/// use std::path::Path;
///
/// use cube_sdk_teleport::tbot::OutputRoot;
///
/// let root = OutputRoot::new("/opt/machine-id");
/// assert_eq!(root.app("db").as_deref(), Some(Path::new("/opt/machine-id/app-db")));
/// assert_eq!(root.app("../etc"), None);
/// assert_eq!(root.prefix("").app("db").as_deref(), Some(Path::new("/opt/machine-id/db")));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutputRoot {
    path: PathBuf,
    prefix: String,
}

impl OutputRoot {
    /// Outputs under `path`, each named `app-<name>`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), prefix: "app-".to_owned() }
    }

    /// Outputs under the directory that `CUBE_TELEPORT_OUTPUTS` names.
    ///
    /// # Errors
    /// `Config` when it is not set or is no text.
    pub fn from_env(environment: &Environment) -> Result<Self> {
        environment.text(OUTPUTS)?.map(|path| Self::new(path.value)).ok_or_else(|| {
            Error::new(ErrorKind::Config, "no directory with tbot outputs is configured")
                .with_target(OUTPUTS.env)
                .advice("set it to the directory that holds the `app-<name>` directories")
        })
    }

    /// Another prefix in place of `app-`; may be empty.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The root itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of an app; none for a name that is no DNS label, which could point elsewhere.
    pub fn app(&self, name: &str) -> Option<PathBuf> {
        is_dns_label(name).then(|| self.path.join(format!("{}{name}", self.prefix)))
    }

    /// The apps that have a directory, sorted, whatever is inside. An absent root has none.
    ///
    /// # Errors
    /// `Io` when the root exists and cannot be listed.
    pub async fn apps(&self) -> Result<Vec<(String, PathBuf)>> {
        let found = self.directories().await?;
        Ok(found
            .into_iter()
            .filter_map(|(file, path)| {
                let name = file.strip_prefix(&self.prefix)?;
                is_dns_label(name).then(|| (name.to_owned(), path))
            })
            .collect())
    }

    /// Every directory below the root, by name, sorted.
    ///
    /// # Errors
    /// `Io` when the root exists and cannot be listed.
    pub async fn directories(&self) -> Result<Vec<(String, PathBuf)>> {
        let doing = || format!("listing the tbot outputs in {}", self.path.display());
        let mut entries = match tokio::fs::read_dir(&self.path).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(doing(), error)),
        };
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(|error| Error::io(doing(), error))? {
            let Ok(name) = entry.file_name().into_string() else { continue };
            // A directory may be a symbolic link: a mounted Kubernetes secret is one.
            if tokio::fs::metadata(entry.path()).await.is_ok_and(|meta| meta.is_dir()) {
                found.push((name, entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_root() {
        let root = OutputRoot::new("/srv/tbot");
        assert_eq!(root.app("db").unwrap(), Path::new("/srv/tbot/app-db"));
        for bad in ["", "..", "a/b", "a\\b", "a.b", "A", "a_b", "-a", "a-", "ä", &"a".repeat(64)] {
            assert!(root.app(bad).is_none(), "{bad}");
        }
        assert!(root.prefix("").app("..").is_none());
    }

    #[tokio::test]
    async fn lists_directories_only() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["app-b", "app-a", "kube", "app-Bad_Name"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("app-file"), b"").unwrap();
        let root = OutputRoot::new(dir.path());
        let names: Vec<_> = root.apps().await.unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(OutputRoot::new(dir.path().join("absent")).apps().await.unwrap().is_empty());
    }
}
