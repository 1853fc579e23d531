//! Runs kubectl: a cleared environment, bounded time and output, secrets masked.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cube_sdk_core::redact::{masked, masked_text};
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Command, Output};

/// How long a command may take: less than a client waits.
const LIMIT: Duration = Duration::from_secs(60);
/// How many bytes of text are shown.
const SHOWN: usize = 256 * 1024;
/// How many bytes of JSON are read, which must be whole to be masked.
const READ: usize = 8 * 1024 * 1024;
/// How many bytes of what it says on stderr are kept.
const SAID: usize = 16 * 1024;
/// Where kubectl may look for nothing but itself.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Where it keeps what it learned of a cluster, which the next caller must not find: below a file nobody makes folders, root
/// neither.
const CACHE: &str = "/dev/null";

/// The program.
#[derive(Clone, Debug)]
pub(crate) struct Kubectl(PathBuf);

/// Which cluster, with whose credentials.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) context: String,
}

impl Kubectl {
    pub(crate) fn new(program: &Path) -> Self {
        Self(program.to_owned())
    }

    /// What the command says, masked and cut. Dropping the future ends the process.
    pub(crate) async fn run(&self, target: &Target, command: &Command) -> Result<String> {
        let limit = match command.output {
            Output::Text => SHOWN,
            Output::Json | Output::Yaml => READ,
        };
        let (bytes, whole) = self.output(target, &command.arguments, limit).await?;
        let text = String::from_utf8_lossy(&bytes);
        if command.output == Output::Text {
            return Ok(cut(masked_text(&text), whole));
        }
        if !whole {
            return Err(Error::new(ErrorKind::InvalidInput, format!("the output has more than {READ} bytes"))
                .advice("name a namespace, a selector or single objects"));
        }
        let value = hidden(&serde_json::from_str(&text).map_err(|cause| {
            Error::new(ErrorKind::Decode, "kubectl's output is no JSON").with_target("kubectl").cause(cause)
        })?);
        let text = match command.output {
            Output::Yaml => serde_saphyr::to_string(&value).map_err(|cause| undecodable(&cause.to_string()))?,
            _ => serde_json::to_string_pretty(&value).map_err(|cause| undecodable(&cause.to_string()))?,
        };
        Ok(cut(text, true))
    }

    /// A JSON answer of kubectl, for the service's own use.
    pub(crate) async fn json(&self, target: &Target, arguments: &[&str]) -> Result<Value> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let (bytes, whole) = self.output(target, &arguments, READ).await?;
        if !whole {
            return Err(undecodable("it is too long"));
        }
        serde_json::from_slice(&bytes).map_err(|cause| undecodable(&cause.to_string()))
    }

    async fn output(&self, target: &Target, arguments: &[String], limit: usize) -> Result<(Vec<u8>, bool)> {
        let doing = || format!("starting {}", self.0.display());
        let mut child = tokio::process::Command::new(&self.0)
            .arg("--kubeconfig")
            .arg(&target.kubeconfig)
            .arg(format!("--context={}", target.context))
            .arg("--request-timeout=30s")
            .args(arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", "/nonexistent")
            .env("KUBECACHEDIR", CACHE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| Error::io(doing(), cause).advice("set `kubectl` in the service's settings"))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let ((out, whole), (err, _)) = tokio::try_join!(up_to(stdout, limit), up_to(stderr, SAID))?;
            if !whole {
                // It may write for ever.
                child.start_kill()?;
            }
            Ok::<_, std::io::Error>((out, whole, err, child.wait().await?))
        };
        let ended = tokio::time::timeout(LIMIT, work).await.map_err(|_| {
            Error::new(ErrorKind::Timeout, format!("kubectl gave no end within {} s", LIMIT.as_secs()))
                .with_clock(WhichClock::Attempt)
                .advice("ask for less: a namespace, a selector, a smaller --tail")
        })?;
        let (out, whole, err, status) = ended.map_err(|cause| Error::io("reading from kubectl", cause))?;
        if whole && !status.success() {
            let said = masked_text(String::from_utf8_lossy(&err).trim());
            // `can-i` says no by its status, with the answer on stdout.
            if said.is_empty() && !out.is_empty() {
                return Ok((out, whole));
            }
            return Err(Error::new(ErrorKind::Server, format!("kubectl failed: {said}")).with_target("kubectl"));
        }
        Ok((out, whole))
    }
}

/// Reads up to so many bytes; false when there is more.
async fn up_to(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> std::io::Result<(Vec<u8>, bool)> {
    let Some(stream) = stream else { return Ok((Vec::new(), true)) };
    let mut bytes = Vec::new();
    stream.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    let whole = bytes.len() <= limit;
    bytes.truncate(limit);
    Ok((bytes, whole))
}

/// Masked by the rules of names and values, and every Secret's values whatever they are called.
fn hidden(value: &Value) -> Value {
    let mut value = value.clone();
    empty_secrets(&mut value);
    masked(&value)
}

fn empty_secrets(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("kind").and_then(Value::as_str) == Some("Secret") {
                for part in ["data", "stringData"] {
                    object.shift_remove(part);
                }
            }
            object.values_mut().for_each(empty_secrets);
        }
        Value::Array(items) => items.iter_mut().for_each(empty_secrets),
        _ => {}
    }
}

fn cut(mut text: String, whole: bool) -> String {
    let long = text.len() > SHOWN;
    if long {
        let mut end = SHOWN;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    if long || !whole {
        text.push_str("\n… the output is longer: ask for less\n");
    }
    text
}

fn undecodable(why: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("kubectl's output cannot be used: {why}")).with_target("kubectl")
}
