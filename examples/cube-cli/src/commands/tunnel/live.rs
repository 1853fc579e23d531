//! What a person sees of a running tunnel: a line that is redrawn on a terminal, else a line for each change.

use std::io::Write as _;

use cube_sdk::teleport::tunnel::{Ending, Tunnel, TunnelEvent, TunnelState};
use indicatif::HumanBytes;

use crate::output::Output;

/// The line at the bottom of a terminal. It is no progress bar: those fill the terminal's width, so that the ^C that a
/// terminal echoes begins another line, and the bar's would stay.
pub(super) struct Line {
    draws: bool,
}

impl Line {
    pub(super) fn new(output: &Output) -> Self {
        Self { draws: output.draws() }
    }

    /// How it stands now.
    pub(super) fn draw(&self, tunnel: &Tunnel) {
        self.put(&standing(tunnel));
    }

    /// A remark above it.
    pub(super) fn remark(&self, output: &Output, text: &str) {
        self.put("");
        output.note(text);
    }

    fn put(&self, text: &str) {
        if !self.draws {
            return;
        }
        let width = comfy_table::Table::new().use_stderr().width().unwrap_or(80).saturating_sub(3);
        let text: String = text.chars().take(usize::from(width)).collect();
        let mut err = std::io::stderr().lock();
        // Nobody reads it when stderr is closed.
        let _ = write!(err, "\r\u{1b}[2K{text}").and_then(|()| err.flush());
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.put("");
    }
}

fn standing(tunnel: &Tunnel) -> String {
    let traffic = tunnel.traffic();
    let mut line = format!(
        "{}: {}, {} open of {} streams, {} up, {} down",
        tunnel.app(),
        tunnel.state(),
        traffic.streams,
        traffic.opened,
        HumanBytes(traffic.sent),
        HumanBytes(traffic.received),
    );
    if let Some(trip) = traffic.round_trip {
        line += &format!(", {:.1} ms", trip.as_secs_f64() * 1_000.0);
    }
    line
}

/// What of an event is worth a line.
pub(super) fn worth_telling(event: &TunnelEvent) -> Option<String> {
    match event {
        TunnelEvent::State(state @ (TunnelState::Connected { .. } | TunnelState::Reconnecting { .. })) => {
            Some(state.to_string())
        }
        TunnelEvent::StreamEnded { report } => match &report.ending {
            Ending::Completed => None,
            ending => Some(format!("stream {} was refused or cut: {ending}", report.stream)),
        },
        TunnelEvent::LocalRefused { code } => Some(format!("a local connection got no stream: {code}")),
        TunnelEvent::Missed(count) => Some(format!("{count} events were not told")),
        _ => None,
    }
}
