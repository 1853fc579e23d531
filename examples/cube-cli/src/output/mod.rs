//! What a command shows: tables and texts for people, documents for programs.

mod document;
mod next;
mod table;
mod view;

use std::io::{IsTerminal as _, Write as _};

use anyhow::Result;
use cube_render::{Table, View as Shown};
use cube_sdk::cloud::ToolReply;
use serde::Serialize;
use serde_json::Value;

pub(crate) use document::{ERROR, schema_of};
pub(crate) use view::{Column, View};

/// For whom a command writes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document, by the schema that `cube schema COMMAND` prints.
    Json,
    /// A line of JSON for each row or event.
    Ndjson,
}

/// Colours are not wanted.
pub(crate) fn plain() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[derive(Clone)]
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    terminal: bool,
}

impl Output {
    pub(crate) fn new(format: Format, quiet: bool) -> Self {
        Self { format, quiet, terminal: std::io::stdout().is_terminal() }
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// A program reads standard output.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.format != Format::Text
    }

    /// Standard output is a terminal, and a person reads it.
    pub(crate) fn is_screen(&self) -> bool {
        self.terminal && self.format == Format::Text
    }

    /// Progress may be drawn on stderr.
    pub(crate) fn draws(&self) -> bool {
        !self.quiet && self.format == Format::Text && std::io::stderr().is_terminal()
    }

    /// A text on standard output.
    pub(crate) fn say(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        write!(out, "{text}{end}")?;
        Ok(out.flush()?)
    }

    /// A remark for people, on stderr.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.insist(text);
        }
    }

    /// What a person has to know, however quiet the rest is, on stderr.
    pub(crate) fn insist(&self, text: &str) {
        // Nobody reads it when stderr is closed.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// A table, with `none` in place of an empty one.
    pub(crate) fn table(&self, table: &Table, none: &str) -> Result<()> {
        if table.rows.is_empty() { self.say(none) } else { self.say(&table::drawn(table, self.terminal, plain())) }
    }

    /// What a tool answered.
    pub(crate) fn reply(&self, view: &View, reply: &ToolReply) -> Result<()> {
        match self.format {
            Format::Text => self.reply_text(view, reply),
            Format::Json => self.say(&pretty(&document::of_reply(view, reply))),
            Format::Ndjson => match view.rows_in(reply.data()) {
                Some(rows) => {
                    self.hint(reply.data());
                    rows.iter().try_for_each(|row| self.say(&row.to_string()))
                }
                None => self.say(&document::of_reply(view, reply).to_string()),
            },
        }
    }

    fn reply_text(&self, view: &View, reply: &ToolReply) -> Result<()> {
        let table = view.table(reply.data()).filter(|table| !table.rows.is_empty());
        match table {
            Some(table) => {
                self.table(&table, "")?;
                self.hint(reply.data());
                Ok(())
            }
            None => self.say(&table::visible(reply.text())),
        }
    }

    fn hint(&self, data: Option<&Value>) {
        if data.is_some_and(|data| data["more"] == true) {
            self.note("There are more: narrow the search, or ask for more with --limit where there is one.");
        }
    }

    /// A value of the command's own: `text` for people, else the value as the document of `command`.
    pub(crate) fn show(&self, command: &str, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        match self.format {
            Format::Text => self.say(&text()),
            Format::Json => self.say(&pretty(&document::of_value(command, value)?)),
            Format::Ndjson => self.say(&document::of_value(command, value)?.to_string()),
        }
    }

    /// What agent and command line show alike.
    pub(crate) fn view(&self, command: &str, view: &impl Shown) -> Result<()> {
        self.show(command, view, || view.text())?;
        if self.format == Format::Text {
            view.next().iter().for_each(|step| self.note(&format!("next: {}", next::words(step))));
        }
        Ok(())
    }

    /// A line for a program: one of several values that the command tells one after the other.
    pub(crate) fn line(&self, command: &str, value: &impl Serialize) -> Result<()> {
        self.say(&document::of_value(command, value)?.to_string())
    }

    /// Rows of the command's own: a table for people, one document or a line for each row for programs.
    pub(crate) fn rows<T: Serialize>(
        &self,
        command: &str,
        rows: &[T],
        none: &str,
        table: impl FnOnce() -> Table,
    ) -> Result<()> {
        match self.format {
            Format::Text => self.table(&table(), none),
            Format::Json => self.say(&pretty(&document::of_value(command, &rows)?)),
            Format::Ndjson => rows.iter().try_for_each(|row| self.say(&serde_json::to_string(row)?)),
        }
    }

    /// Before something is shown anew: on a terminal the old text goes away.
    pub(crate) fn again(&self, shown: bool) -> Result<()> {
        if self.is_screen() {
            self.say("\u{1b}[2J\u{1b}[H")?;
        } else if shown && self.format == Format::Text {
            self.say("\n")?;
        }
        Ok(())
    }

    /// Why the command failed, on stderr.
    pub(crate) fn failed(&self, message: &str, value: &impl Serialize) {
        let text = match self.format {
            Format::Text => {
                let red = std::io::stderr().is_terminal() && !plain();
                let word = if red { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
                format!("{word} {}", table::visible(message))
            }
            _ => document::of_value(ERROR, value).map_or_else(|_| message.to_owned(), |value| value.to_string()),
        };
        // Nobody reads it when stderr is closed.
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
