//! What the reader of the story sees.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use crate::witness::Sighting;

/// Writes the story, line by line. A reader that went away ends no step.
pub(crate) struct Narrator(Box<dyn Write + Send>);

impl Narrator {
    pub(crate) fn new(out: impl Write + Send + 'static) -> Self {
        Self(Box::new(out))
    }

    fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.0, "{text}");
        let _ = self.0.flush();
    }

    /// A new act or step.
    pub(crate) fn step(&mut self, number: impl Display, title: &str) {
        self.line(format_args!("\n{number}. {title}"));
    }

    /// Something worth knowing.
    pub(crate) fn say(&mut self, text: impl Display) {
        for line in text.to_string().lines() {
            self.line(format_args!("   {line}"));
        }
    }

    /// The title of the story.
    pub(crate) fn title(&mut self, text: impl Display) {
        self.line(text);
    }

    /// The calls that a step made.
    pub(crate) fn calls(&mut self, sightings: Vec<Sighting>) {
        for seen in sightings {
            self.line(format_args!(
                "   {} {} -> {}  request id {}  {}  {} bytes",
                seen.method,
                seen.path,
                seen.status,
                seen.request_id,
                elapsed(seen.elapsed),
                seen.bytes
            ));
        }
    }

    /// The end of a story that went wrong.
    pub(crate) fn failed(&mut self, error: &anyhow::Error) {
        self.line(format_args!("\nThe story ends here: {error}"));
        for cause in error.chain().skip(1) {
            self.say(format_args!("because: {cause}"));
        }
    }
}

/// A duration for people.
pub(crate) fn elapsed(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// Throughput for people.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn mib_per_s(bytes: u64, time: Duration) -> String {
    format!("{:.0} MiB/s", bytes as f64 / 1_048_576.0 / time.as_secs_f64().max(1e-9))
}
