//! The real `aws` command line client, aimed at a loopback endpoint.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::{PYTHON, component};

/// One caller of one endpoint.
#[derive(Clone, Debug)]
pub struct AwsCli {
    executable: PathBuf,
    endpoint: String,
    region: String,
    key: String,
    secret: String,
    token: Option<String>,
}

impl AwsCli {
    /// A caller; none when the client may be skipped.
    ///
    /// # Panics
    /// When it is required and missing.
    pub fn find(endpoint: &str, region: &str, key: &str, secret: &str) -> Option<Self> {
        Some(Self {
            executable: component("aws", PYTHON)?,
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            key: key.to_owned(),
            secret: secret.to_owned(),
            token: None,
        })
    }

    /// The same client with other keys.
    #[must_use]
    pub fn with_keys(&self, key: &str, secret: &str) -> Self {
        Self { key: key.to_owned(), secret: secret.to_owned(), token: None, ..self.clone() }
    }

    /// The same client in a session of a role.
    ///
    /// # Panics
    /// When the role is not to be had, with what the client wrote.
    #[must_use]
    pub fn assume_role(&self, role: &str, external_id: &str) -> Self {
        let named = ["--role-arn", role, "--role-session-name", "aws-cli", "--external-id", external_id];
        let assumed = self.run(&[&["sts", "assume-role"], &named[..]].concat());
        let field = |name: &str| assumed["Credentials"][name].as_str().expect("credentials have it").to_owned();
        let (key, secret, token) = (field("AccessKeyId"), field("SecretAccessKey"), Some(field("SessionToken")));
        Self { key, secret, token, ..self.clone() }
    }

    /// Another program with this client's endpoint, region and keys in its environment.
    pub fn beside(&self, program: &Path) -> Command {
        self.prepared(program)
    }

    /// Runs `aws ARGUMENTS` and reads its JSON; null when it prints none.
    ///
    /// # Panics
    /// When it fails, with what it wrote.
    pub fn run(&self, arguments: &[&str]) -> Value {
        let mut command = self.prepared(&self.executable);
        let output = command.args(arguments).output().expect("aws can be started");
        assert!(output.status.success(), "aws {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Runs a shell script in `dir` in which `aws` is this client with these keys.
    ///
    /// # Panics
    /// When the shell cannot be started.
    pub fn shell(&self, script: &str, dir: &Path) -> Output {
        let mut command = self.prepared(Path::new("sh"));
        command.current_dir(dir).args(["-e", "-u", "-c", script]).output().expect("sh can be started")
    }

    fn prepared(&self, program: &Path) -> Command {
        let bin = self.executable.parent().expect("an executable lies in a directory");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_DEFAULT_REGION", &self.region)
            .env("AWS_ACCESS_KEY_ID", &self.key)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "")
            .env_remove("AWS_SESSION_TOKEN")
            .env_remove("AWS_PROFILE");
        if let Some(token) = &self.token {
            command.env("AWS_SESSION_TOKEN", token);
        }
        command
    }
}
