//! A program that ends with who waits for it: its output told line by line, its input a secret, its time limited.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::redact::Hidden;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use super::failed;
use crate::publish::progress::{Listener, Progress};

/// The last lines of a program that are kept for its error, in characters.
const TAIL: usize = 2_000;
/// The longest line that is taken, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// Kills all that the program started, too.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0.id()
            && let Some(group) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.start_kill();
    }
}

/// Runs a program to its end.
///
/// Dropping the future ends it and what it started.
pub(super) async fn run(
    mut command: Command,
    input: Option<&SecretString>,
    limit: Duration,
    hidden: &Hidden,
    listener: &Listener,
) -> Result<()> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => Error::new(ErrorKind::Unsupported, format!("there is no program `{program}`"))
            .with_fault(crate::publish::PublishFault::BuildFailed)
            .advice(format!("install {program}, or build remotely"))
            .cause(cause),
        _ => failed(format!("`{program}` cannot be started")).cause(cause),
    })?;
    let mut group = Group(child);
    let tail = Arc::new(Mutex::new(VecDeque::new()));
    let (stdout, stderr, stdin) = (group.0.stdout.take(), group.0.stderr.take(), group.0.stdin.take());
    let whole = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A program that ends without reading it tells why by its status.
            let _ = stdin.write_all(input.expose_secret().as_bytes()).await;
            let _ = stdin.shutdown().await;
        }
        tokio::join!(lines(stdout, hidden, listener, &tail), lines(stderr, hidden, listener, &tail));
        group.0.wait().await
    };
    let status: ExitStatus = tokio::time::timeout(limit, whole)
        .await
        .map_err(|_| {
            Error::new(
                ErrorKind::Timeout,
                format!("`{program}` did not end within {} s and was killed", limit.as_secs()),
            )
            .with_fault(crate::publish::PublishFault::BuildFailed)
            .advice("allow more time with time_limit")
        })?
        .map_err(|cause| failed(format!("waiting for `{program}`")).cause(cause))?;
    if status.success() {
        return Ok(());
    }
    let tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
    let said: Vec<_> = tail.iter().map(String::as_str).collect();
    Err(failed(format!("`{program}` failed ({status}): {}", said.join(" | "))))
}

async fn lines(
    from: Option<impl AsyncRead + Unpin>,
    hidden: &Hidden,
    listener: &Listener,
    tail: &Mutex<VecDeque<String>>,
) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        // Progress bars end their lines with a carriage return alone; a line is cut where it grows too long.
        loop {
            let Ok(have) = from.fill_buf().await else { return };
            if have.is_empty() {
                break;
            }
            let end = have.iter().position(|b| *b == b'\n');
            let taken = end.map_or(have.len(), |end| end + 1);
            line.extend_from_slice(&have[..taken]);
            from.consume(taken);
            if end.is_some() || line.len() > LONGEST_LINE {
                break;
            }
        }
        if line.is_empty() {
            return;
        }
        let text = hidden.scrub(&String::from_utf8_lossy(&line));
        let text = text.trim_end().to_owned();
        if text.is_empty() {
            continue;
        }
        {
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.push_back(text.clone());
            while tail.iter().map(|line| line.chars().count()).sum::<usize>() > TAIL && tail.len() > 1 {
                tail.pop_front();
            }
        }
        listener.tell(Progress::Line(text));
    }
}
