//! Apps and the tunnels to them.

use cube_sdk::teleport::tunnel::{Tunnel, TunnelState};
use schemars::JsonSchema;
use serde::Serialize;

use crate::table::{grouped, or_dash};
use crate::{Step, Table, View, known};

/// The apps that the profile reaches.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Apps {
    /// Their names.
    pub apps: Vec<String>,
}

impl View for Apps {
    const NAME: &'static str = "apps";

    fn text(&self) -> String {
        if self.apps.is_empty() { "No app.".to_owned() } else { self.apps.join("\n") }
    }

    fn table(&self) -> Option<Table> {
        Some(Table::new(["APP"], self.apps.iter().map(|name| [name.clone()])))
    }
}

/// A tunnel.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct TunnelShown {
    /// The app that it leads to.
    pub app: String,
    /// Where it listens: `127.0.0.1:PORT`.
    pub address: String,
    /// The port there.
    pub port: u16,
    /// `running`, `reconnecting`, `stopping`, `stopped` or `failed`.
    pub state: &'static str,
    /// The state in words.
    pub words: String,
    /// Streams open now.
    pub streams: u64,
    /// Bytes sent to the app.
    pub sent: u64,
    /// Bytes that came from it.
    pub received: u64,
    /// The last round trip, in milliseconds.
    pub round_trip_ms: Option<f64>,
    /// How a client of this kind of app is started.
    pub hint: Option<String>,
}

impl From<&Tunnel> for TunnelShown {
    fn from(tunnel: &Tunnel) -> Self {
        let (state, traffic, address) = (tunnel.state(), tunnel.traffic(), tunnel.local_addr());
        Self {
            app: tunnel.app().to_string(),
            address: address.to_string(),
            port: address.port(),
            state: match &state {
                TunnelState::Connected { .. } => "running",
                TunnelState::Reconnecting { .. } => "reconnecting",
                TunnelState::Stopping => "stopping",
                TunnelState::Stopped => "stopped",
                _ => "failed",
            },
            words: state.to_string(),
            streams: traffic.streams,
            sent: traffic.sent,
            received: traffic.received,
            round_trip_ms: traffic.round_trip.map(|time| time.as_secs_f64() * 1000.0),
            hint: known::hint(tunnel.app().as_str(), address),
        }
    }
}

/// A tunnel that was asked for.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Opened {
    /// The tunnel.
    #[serde(flatten)]
    pub tunnel: TunnelShown,
    /// It ran before.
    pub already: bool,
    /// The port that was asked for, where another was open already.
    pub other_port: Option<u16>,
}

impl Opened {
    /// What became of asking for `port`; 0 is any.
    pub fn new(tunnel: &Tunnel, already: bool, port: u16) -> Self {
        let tunnel = TunnelShown::from(tunnel);
        let other_port = (already && port != 0 && port != tunnel.port).then_some(port);
        Self { tunnel, already, other_port }
    }
}

impl View for Opened {
    const NAME: &'static str = "tunnel.opened";

    fn text(&self) -> String {
        let TunnelShown { app, port, hint, .. } = &self.tunnel;
        let mut lines = vec![if self.already {
            format!("A tunnel to {app} runs already at localhost:{port}.")
        } else {
            format!("The tunnel to {app} is open at localhost:{port}.")
        }];
        if let Some(asked) = self.other_port {
            lines.push(format!("Not at port {asked}: stop it first, then open it there."));
        }
        lines.extend(hint.iter().map(|hint| format!("try: {hint}")));
        lines.push("It stays open until it is stopped or this program ends.".to_owned());
        lines.join("\n")
    }

    fn next(&self) -> Vec<Step> {
        vec![Step::StopTunnel { app: self.tunnel.app.clone() }]
    }
}

/// The tunnels that run.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Tunnels {
    /// By name of their app.
    pub tunnels: Vec<TunnelShown>,
}

impl FromIterator<Tunnel> for Tunnels {
    fn from_iter<I: IntoIterator<Item = Tunnel>>(tunnels: I) -> Self {
        Self { tunnels: tunnels.into_iter().map(|tunnel| TunnelShown::from(&tunnel)).collect() }
    }
}

impl View for Tunnels {
    const NAME: &'static str = "tunnels";

    fn text(&self) -> String {
        if self.tunnels.is_empty() {
            return "No tunnel runs.".to_owned();
        }
        let line = |it: &TunnelShown| {
            let TunnelShown { app, port, words, streams, .. } = it;
            let (sent, received) = (grouped(it.sent), grouped(it.received));
            format!("{app}: localhost:{port}, {words}, streams {streams}, bytes sent {sent}, received {received}")
        };
        self.tunnels.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn table(&self) -> Option<Table> {
        let row = |it: &TunnelShown| {
            let trip = or_dash(it.round_trip_ms.map(|ms| format!("{ms:.1} ms")));
            let (sent, received) = (grouped(it.sent), grouped(it.received));
            [it.app.clone(), it.address.clone(), it.words.clone(), it.streams.to_string(), sent, received, trip]
        };
        let head = ["APP", "ADDRESS", "STATE", "STREAMS", "SENT", "RECEIVED", "ROUND TRIP"];
        Some(Table::new(head, self.tunnels.iter().map(row)))
    }
}

/// The tunnels that were stopped.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Stopped {
    /// The apps that they led to.
    pub stopped: Vec<String>,
    /// Streams that ended before their time.
    pub cut: u64,
}

impl View for Stopped {
    const NAME: &'static str = "tunnel.stopped";

    fn text(&self) -> String {
        let mut text = match self.stopped.as_slice() {
            [] => "No tunnel runs.".to_owned(),
            apps => format!("Stopped: {}.", apps.join(", ")),
        };
        if self.cut > 0 {
            text += &format!(" Streams that were cut: {}.", self.cut);
        }
        text
    }
}
