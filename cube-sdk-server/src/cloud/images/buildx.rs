//! `docker buildx`, as a subprocess.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_core::redact::masked_text;
use cube_sdk_core::secret::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Build, Built, ImageBuilder};

/// How long a build may take.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// How many bytes of its log's end are kept.
const TAIL: usize = 8 * 1024;

/// The program, and where its credentials for the registry are.
#[derive(Clone, Debug)]
pub(crate) struct Buildx {
    pub(crate) docker: PathBuf,
    pub(crate) config: PathBuf,
}

#[async_trait]
impl ImageBuilder for Buildx {
    async fn build(&self, build: &Build) -> Built {
        match tokio::time::timeout(LIMIT, self.run(build)).await {
            Ok(Ok(built)) => built,
            Ok(Err(cause)) => Built { reason: Some(format!("docker could not be run: {cause}")), ..Built::default() },
            Err(_) => Built { reason: Some("it did not end within 15 minutes".to_owned()), ..Built::default() },
        }
    }
}

impl Buildx {
    async fn run(&self, build: &Build) -> std::io::Result<Built> {
        let context = std::fs::File::open(&build.context)?;
        let mut command = tokio::process::Command::new(&self.docker);
        command.args(["buildx", "build", "--push", "--progress=plain"]);
        command.arg(format!("--platform={}", build.platform)).arg(format!("--file={}", build.dockerfile));
        command.arg(format!("--tag={}", build.image));
        if let Some(target) = &build.target {
            command.arg(format!("--target={target}"));
        }
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("DOCKER_CONFIG", &self.config);
        command.env("HOME", &self.config);
        for (name, value) in &build.arguments {
            // Its value comes from the environment, which others on the machine do not see.
            command.arg(format!("--build-arg={name}")).env(name, value.expose_secret());
        }
        command.arg("-").stdin(context).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let log = tail(child.stderr.take()).await?;
        let status = child.wait().await?;
        let mut log = masked_text(&String::from_utf8_lossy(&log));
        for (_, value) in build.arguments.iter().filter(|(_, value)| !value.expose_secret().is_empty()) {
            log = log.replace(value.expose_secret(), "***");
        }
        let reason = (!status.success()).then(|| format!("docker ended with {status}"));
        Ok(Built { exit_code: status.code(), reason, log })
    }
}

/// The end of a stream, read to its end.
async fn tail(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(kept) };
    let mut piece = vec![0; TAIL];
    loop {
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(&piece[..count]);
        kept.drain(..kept.len().saturating_sub(TAIL));
    }
}
