//! A tbot that writes one application output the way tbot does: truncating in place, file by file.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cube_sdk_core::{Error, Result, private_file};

use super::authority::{Credential, KeyForm, Life};
use super::cluster::Cluster;

/// Where a rotation dawdles, so that readers meet what is between.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Pauses {
    /// Between truncating each file and writing it.
    pub empty: Duration,
    /// After the first half of each file.
    pub half: Duration,
    /// Between `tlscert` and `key`.
    pub between: Duration,
}

impl Pauses {
    /// The same pause everywhere.
    pub const fn all(pause: Duration) -> Self {
        Self { empty: pause, half: pause, between: pause }
    }
}

/// A state in which a rotation that died leaves a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Tear {
    /// Truncated and not written.
    Empty,
    /// Written up to this many bytes.
    Cut(usize),
    /// Removed.
    Gone,
}

/// One application output.
///
/// ```
/// use cube_sdk_testkit::teleport::{AppKind, Cluster, TbotDirectory};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let outputs = tempfile::tempdir().unwrap();
/// let cluster = Cluster::new("cube.teleport.sh")?;
/// cluster.add_app("db", AppKind::Tcp, "127.0.0.1:5432".parse().unwrap());
/// let mut tbot = TbotDirectory::new(&cluster, "db", outputs.path().join("app-db"));
/// tbot.rotate().await?; // one renewal: every file is written anew, in place
/// assert!(tbot.path().join("tlscert").is_file());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TbotDirectory {
    cluster: Cluster,
    app: String,
    path: PathBuf,
    form: KeyForm,
    life: Life,
    pauses: Pauses,
    identity: bool,
    pair: bool,
    specific_tls_naming: bool,
}

impl TbotDirectory {
    /// The output for an app of a cluster. Writes nothing yet, not even the directory.
    pub fn new(cluster: &Cluster, app: &str, path: impl Into<PathBuf>) -> Self {
        Self {
            cluster: cluster.clone(),
            app: app.to_owned(),
            path: path.into(),
            form: KeyForm::default(),
            life: Life::default(),
            pauses: Pauses::default(),
            identity: true,
            pair: true,
            specific_tls_naming: false,
        }
    }

    /// How keys are made and written from now on.
    #[must_use]
    pub fn key_form(mut self, form: KeyForm) -> Self {
        self.form = form;
        self
    }

    /// How long certificates live from now on.
    #[must_use]
    pub fn life(mut self, life: Life) -> Self {
        self.life = life;
        self
    }

    /// Where rotations dawdle from now on.
    #[must_use]
    pub fn pauses(mut self, pauses: Pauses) -> Self {
        self.pauses = pauses;
        self
    }

    /// Whether `identity` and the pair `tlscert`, `key` are written, and the pair under its TLS names.
    #[must_use]
    pub fn files(mut self, identity: bool, pair: bool, specific_tls_naming: bool) -> Self {
        (self.identity, self.pair, self.specific_tls_naming) = (identity, pair, specific_tls_naming);
        self
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One renewal: a new key, a new certificate, a new session, every file rewritten in place.
    ///
    /// # Errors
    /// `NotFound` when the app is not registered: nothing is written, as tbot does; `Io`.
    pub async fn rotate(&mut self) -> Result<Credential> {
        let credential = self.cluster.issue(&self.app, self.form, self.life)?;
        self.write(&credential).await?;
        Ok(credential)
    }

    /// Writes a given credential, for example another app's.
    ///
    /// # Errors
    /// `Io`.
    pub async fn write(&self, credential: &Credential) -> Result<()> {
        let doing = || format!("writing the output {}", self.path.display());
        private_file::directory(fs::DirBuilder::new().recursive(true))
            .create(&self.path)
            .map_err(|cause| Error::io(doing(), cause))?;
        for (name, text) in self.set(credential) {
            self.write_file(name, &text).await.map_err(|cause| Error::io(doing(), cause))?;
            if name == "tlscert" || name == "tls.crt" {
                tokio::time::sleep(self.pauses.between).await;
            }
        }
        Ok(())
    }

    /// Leaves one file as a rotation that died would.
    ///
    /// # Errors
    /// `Io`.
    pub fn tear(&self, file: &str, tear: Tear) -> Result<()> {
        let path = self.path.join(file);
        let torn = match tear {
            Tear::Gone => fs::remove_file(&path),
            Tear::Empty => fs::write(&path, b""),
            Tear::Cut(length) => fs::read(&path).and_then(|text| fs::write(&path, &text[..length.min(text.len())])),
        };
        torn.map_err(|cause| Error::io(format!("tearing {}", path.display()), cause))
    }

    /// The files in the order in which tbot writes them.
    fn set(&self, credential: &Credential) -> Vec<(&'static str, String)> {
        let authority = self.cluster.authority();
        let (key, cert) = (&credential.key_pem, &credential.cert_pem);
        let ssh = format!("ssh-rsa-cert-v01@openssh.com AAAAHHNzaC1yc2EtY2VydA bot-{}\n", self.app);
        let hosts = "@cert-authority proxy.example.com,*.example.com ssh-rsa AAAAB3NzaC1yc2E type=host\n";
        let mut files = Vec::new();
        if self.identity {
            let parts = [key, &ssh, cert, hosts, &authority.user_ca_pem(), &authority.host_ca_pem()];
            files.push(("identity", parts.concat()));
        }
        files.push(("key-cert.pub", ssh));
        if self.pair {
            files.extend([("tlscert", cert.clone()), ("key", key.clone())]);
            files.push(("key.pub", "ssh-rsa AAAAB3NzaC1yc2E\n".to_owned()));
        }
        if self.specific_tls_naming {
            files.extend([("tls.crt", cert.clone()), ("tls.key", key.clone()), ("tls.cas", authority.user_ca_pem())]);
        }
        files.extend([
            (".write-test", String::new()),
            ("teleport-host-ca.crt", authority.host_ca_pem()),
            ("teleport-user-ca.crt", authority.user_ca_pem()),
        ]);
        files
    }

    async fn write_file(&self, name: &str, text: &str) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let options = private_file::options(options.write(true).create(true).truncate(true));
        let mut file = options.open(self.path.join(name))?;
        tokio::time::sleep(self.pauses.empty).await;
        let (first, rest) = text.as_bytes().split_at(text.len() / 2);
        file.write_all(first)?;
        file.flush()?;
        tokio::time::sleep(self.pauses.half).await;
        file.write_all(rest)
    }
}
