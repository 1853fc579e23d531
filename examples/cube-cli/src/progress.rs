//! How far long work is, on a terminal: a line that is redrawn on stderr and gone at the end.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

const SPINNER: &str = "{spinner} {wide_msg} {elapsed}";
const BYTES: &str = "{wide_msg} {bytes}/{total_bytes} {bytes_per_sec} {eta} left [{bar:20}]";
const STEPS: &str = "{wide_msg} {pos}/{len} {elapsed} [{bar:20}]";

pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Work of unknown length.
    pub(crate) fn new(output: &Output) -> Self {
        let bar = drawn(output, None);
        bar.set_style(style(SPINNER));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Bytes to move.
    pub(crate) fn bytes(output: &Output, total: u64, what: &str) -> Self {
        let bar = drawn(output, Some(total));
        bar.set_style(style(BYTES).progress_chars("=> "));
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// As a service tells it.
    pub(crate) fn tell(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(total) = total.filter(|total| *total > 0.0) {
            if self.0.length() != Some(total as u64) {
                self.0.set_style(style(STEPS).progress_chars("=> "));
                self.0.set_length(total as u64);
            }
            self.0.set_position(done as u64);
        }
        if let Some(message) = message {
            self.0.set_message(message.to_owned());
        }
    }

    /// So much is to be done.
    pub(crate) fn of(&self, total: u64) {
        self.0.set_length(total);
    }

    /// So much is done.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn drawn(output: &Output, total: Option<u64>) -> ProgressBar {
    let target = if output.draws() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    ProgressBar::with_draw_target(total, target)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
