//! What the reader of the story sees: at most 100 columns, in colour at a terminal.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use textwrap::WordSplitter::NoHyphenation;

use crate::shown::Source;
use crate::witness::Sighting;

/// The widest line.
pub(crate) const COLUMNS: usize = 100;
const INDENT: &str = "   ";
const BOLD: &str = "\x1b[1m";
const CYAN: &str = "\x1b[36m";
const GREEN: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";

/// Writes the story, line by line. A reader that went away ends no step.
pub(crate) struct Narrator {
    out: Box<dyn Write + Send>,
    colour: bool,
    step: u32,
}

impl Narrator {
    /// On stdout; in colour at a terminal, unless `NO_COLOR` says otherwise.
    pub(crate) fn stdout() -> Self {
        let colour =
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour, ..Self::new(std::io::stdout()) }
    }

    pub(crate) fn new(out: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out), colour: false, step: 0 }
    }

    fn line(&mut self, style: &str, text: impl Display) {
        let _ = match (self.colour, style) {
            (true, style) if !style.is_empty() => writeln!(self.out, "{style}{text}{RESET}"),
            _ => writeln!(self.out, "{text}"),
        };
        let _ = self.out.flush();
    }

    /// A new part of the story.
    pub(crate) fn part(&mut self, title: &str) {
        self.line(BOLD, format_args!("\n== {title}"));
    }

    /// A new step.
    pub(crate) fn step(&mut self, title: &str) {
        self.step += 1;
        let number = self.step;
        self.line(BOLD, format_args!("\n{number}. {title}"));
    }

    /// Something worth knowing.
    pub(crate) fn say(&mut self, text: impl Display) {
        for line in text.to_string().lines() {
            // Where a line goes on, it stands deeper than where it began.
            let indent = &line[..line.len() - line.trim_start().len()];
            let (first, later) = (format!("{INDENT}{indent}"), format!("{INDENT}{indent}  "));
            let options = textwrap::Options::new(COLUMNS).break_words(false).word_splitter(NoHyphenation);
            let options = options.initial_indent(&first).subsequent_indent(&later);
            for part in textwrap::wrap(line.trim_start(), options) {
                self.line("", part);
            }
        }
    }

    /// A command for a shell, which may be pasted as it stands.
    pub(crate) fn command(&mut self, text: impl Display) {
        for line in text.to_string().lines() {
            let options = textwrap::Options::new(COLUMNS - 2).break_words(false).word_splitter(NoHyphenation);
            let options = options.initial_indent(INDENT).subsequent_indent("     ");
            let parts = textwrap::wrap(line, options);
            for (at, part) in parts.iter().enumerate() {
                let more = if at + 1 < parts.len() { " \\" } else { "" };
                self.line("", format_args!("{part}{more}"));
            }
        }
    }

    /// The title of the story.
    pub(crate) fn title(&mut self, text: impl Display) {
        self.line(BOLD, text);
    }

    /// The few lines that did it.
    pub(crate) fn code(&mut self, source: Source, name: &str) {
        for line in source.lines(name) {
            self.line(CYAN, format_args!("{INDENT}| {line}").to_string().trim_end());
        }
    }

    /// The end of a step, and where it is written.
    pub(crate) fn done(&mut self, source: Source) {
        self.line(GREEN, format_args!("{INDENT}done: {}", source.place));
    }

    /// The calls that a step made.
    pub(crate) fn calls(&mut self, sightings: Vec<Sighting>) {
        for seen in sightings {
            self.line("", format_args!("{INDENT}{} {}", seen.method, shortened(&seen.path)));
            self.line(
                "",
                format_args!(
                    "{INDENT}  {} in {}, {} bytes, request id {}",
                    seen.status,
                    elapsed(seen.elapsed),
                    seen.bytes,
                    seen.request_id
                ),
            );
        }
    }

    /// The end of a story that went wrong.
    pub(crate) fn failed(&mut self, error: &anyhow::Error) {
        self.line(BOLD, "\nThe story ends here:");
        self.say(error);
        for cause in error.chain().skip(1) {
            self.say(format_args!("because: {cause}"));
        }
    }
}

/// A path whose ids show their first eight letters only.
fn shortened(path: &str) -> String {
    let segment = |segment: &str| {
        let id = segment.len() == 36 && segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if id { format!("{}…", &segment[..8]) } else { segment.to_owned() }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
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
