//! One reader as a process: what it cost and what it says.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use wait4::Wait4;

/// What a reader that we wrote prints as its last line.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Said {
    /// Payload bytes that reached the sink.
    pub(crate) bytes: u64,
    /// From the first request to the last byte.
    pub(crate) seconds: f64,
    /// Peak resident set (`VmHWM`), where the process could tell.
    pub(crate) peak_rss: Option<u64>,
    /// The most bytes that the reader's own accounts showed at once.
    pub(crate) accounted: Option<u64>,
    /// First-byte times in microseconds, where that is what was asked: ours, then a plain GET's.
    pub(crate) first_byte: Option<[Vec<f64>; 2]>,
}

/// One run of one reader.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    /// Seconds of the read: as the reader says, else the process's life.
    pub(crate) seconds: f64,
    /// User and system CPU seconds of the whole process.
    pub(crate) cpu: f64,
    /// Peak resident set in bytes.
    pub(crate) peak_rss: u64,
    /// What the reader said, if it is one of ours.
    pub(crate) said: Option<Said>,
}

/// Runs a reader to its end. `speaks`: its last line of output is a [`Said`]; otherwise output is discarded.
pub(crate) fn run(mut command: Command, speaks: bool) -> anyhow::Result<Sample> {
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(if speaks { Stdio::piped() } else { Stdio::null() }).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().with_context(|| format!("starting {shown}"))?;
    let out = child.stdout.take();
    let err = child.stderr.take();
    // Both are a few lines at most, so reading one after the other cannot block the child.
    let out = out.map(std::io::read_to_string).transpose()?.unwrap_or_default();
    let err = err.map(std::io::read_to_string).transpose()?.unwrap_or_default();
    let used = child.wait4()?;
    let life = began.elapsed();
    anyhow::ensure!(used.status.success(), "{shown}: {}\n{err}", used.status);
    let said = if speaks {
        let line = out.lines().last().with_context(|| format!("{shown} printed nothing"))?;
        Some(serde_json::from_str::<Said>(line).with_context(|| format!("{shown} printed {line:?}"))?)
    } else {
        None
    };
    let own = said.as_ref().filter(|said| said.seconds > 0.0);
    Ok(Sample {
        seconds: own.map_or(life.as_secs_f64(), |said| said.seconds),
        cpu: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        peak_rss: said.as_ref().and_then(|said| said.peak_rss).unwrap_or(used.rusage.maxrss),
        said,
    })
}

/// Peak resident set of this process in bytes, from `/proc/self/status`.
pub(crate) fn own_peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_child_is_timed_and_its_line_read() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo noise; echo '{\"bytes\":7,\"seconds\":0.5}'"]);
        let sample = run(command, true).unwrap();
        assert_eq!(sample.said.unwrap().bytes, 7);
        assert!((sample.seconds - 0.5).abs() < f64::EPSILON);
        assert!(sample.peak_rss > 0);
    }

    #[test]
    fn a_failing_child_is_an_error_with_its_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo broken >&2; exit 3"]);
        assert!(run(command, false).unwrap_err().to_string().contains("broken"));
    }

    #[test]
    fn this_process_has_a_peak() {
        assert!(own_peak_rss().unwrap() > 100_000);
    }
}
