//! `cube tunnel open`: a local port until Ctrl-C.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use cube_render::known;
use cube_sdk::core::config::ListenAddress;
use cube_sdk::teleport::tunnel::{Tunnel, TunnelState};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::Row;
use super::control::{self, Held, row};
use super::live::{Line, worth_telling};
use crate::context::Context;
use crate::output::Format;
use crate::{complete, stop};

/// How long open streams get when the tunnel is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Open a tunnel to an app, until Ctrl-C
///
/// It reconnects by itself. Everyone who reaches the local address reaches the app. With --output ndjson each change
/// is a line; with json the first line alone, once it listens.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube tunnel open postgres-cube7\n  \
                        cube tunnel open postgres-cube7 --bind 127.0.0.1:5432\n  \
                        cube tunnel open mosquitto -o ndjson")]
pub(crate) struct Open {
    /// The app, from `cube app ls`
    #[arg(add = ArgValueCandidates::new(complete::apps))]
    app: String,
    /// Where to listen; port 0 means any free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    bind: ListenAddress,
}

/// What a tunnel tells a program, a line each.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(in super::super) enum Event {
    /// It listens.
    Listening {
        /// The tunnel.
        tunnel: Row,
    },
    /// Something changed.
    Changed {
        /// What, for people.
        what: String,
        /// The tunnel.
        tunnel: Row,
    },
    /// It is over.
    Stopped {
        /// The tunnel.
        tunnel: Row,
    },
}

impl Open {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let stopped = stop::asked()?;
        let tunnel = context.cube().apps()?.open(self.app).bind(self.bind.as_str()).await?;
        let mut held = control::held(&tunnel)?;
        let output = context.output();
        match output.format() {
            Format::Text => output.say(&greeting(&tunnel))?,
            _ => output.line("tunnel open", &Event::Listening { tunnel: row(&tunnel) })?,
        }
        let state = tokio::select! {
            state = tunnel.closed() => state,
            told = tell(context, &tunnel) => return told,
            () = wished(&mut held, stopped) => {
                tunnel.shutdown(GRACE).await;
                tunnel.state()
            }
        };
        if output.format() == Format::Ndjson {
            output.line("tunnel open", &Event::Stopped { tunnel: row(&tunnel) })?;
        }
        match state {
            TunnelState::Failed(fault) => Err(fault.into_error().into()),
            _ => Ok(()),
        }
    }
}

async fn wished(held: &mut Held, stopped: impl Future<Output = ()>) {
    tokio::select! {
        () = held.stop_asked() => {}
        () = stopped => {}
    }
}

fn greeting(tunnel: &Tunnel) -> String {
    let (app, address) = (tunnel.app().as_str(), tunnel.local_addr());
    let mut text = format!("{app} is at {}", known::url(app, address).unwrap_or_else(|| address.to_string()));
    if let Some(hint) = known::hint(app, address) {
        text += &format!("\nTry: {hint}");
    }
    text + "\nCtrl-C stops the tunnel."
}

/// Tells what happens, for ever.
async fn tell(context: &Context, tunnel: &Tunnel) -> Result<()> {
    let (output, mut events) = (context.output(), tunnel.events());
    let line = Line::new(output);
    let mut pulse = tokio::time::interval(Duration::from_millis(500));
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = pulse.tick() => {
                line.draw(tunnel);
                continue;
            }
        };
        // Its end is told by its state.
        let Some(event) = event else { return std::future::pending().await };
        if let Some(what) = worth_telling(&event) {
            match output.format() {
                Format::Text => line.remark(output, &what),
                Format::Ndjson => output.line("tunnel open", &Event::Changed { what, tunnel: row(tunnel) })?,
                Format::Json => {}
            }
        }
    }
}
