//! What a person sees of a running tunnel: a line that is redrawn on a terminal, else a line for each change.

use std::time::Duration;

use cube_sdk::teleport::tunnel::{Ending, Tunnel, TunnelEvent, TunnelState};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// The line at the bottom of a terminal.
pub(super) struct Line(ProgressBar);

impl Line {
    pub(super) fn new(output: &Output) -> Self {
        let target = if output.draws() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    /// How it stands now.
    pub(super) fn draw(&self, tunnel: &Tunnel) {
        self.0.set_message(standing(tunnel));
    }

    /// A remark above it.
    pub(super) fn remark(&self, output: &Output, text: &str) {
        if output.draws() { self.0.println(text) } else { output.note(text) }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
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
