//! What cube-cloud counts.

use std::fmt;
use std::time::Duration;

use cube_sdk_teleport::tunnel::Relay;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::metrics::{Metrics, seconds};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Called {
    tool: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Tool {
    tool: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: &'static str,
}

/// Calls of tools, logins and look-ups of keys.
#[derive(Clone)]
pub(crate) struct Counted {
    calls: Family<Called, Counter>,
    seconds: Family<Tool, Histogram, fn() -> Histogram>,
    logins: Family<Outcome, Counter>,
    keys: Family<Outcome, Counter>,
}

impl Counted {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let counted = Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            logins: Family::default(),
            keys: Family::default(),
        };
        metrics.register(|registry| {
            registry.register("tool_calls", "Calls of tools", counted.calls.clone());
            registry.register("tool_seconds", "How long calls of tools took", counted.seconds.clone());
            registry.register("logins", "Steps of browser logins", counted.logins.clone());
            registry.register("key_lookups", "API keys that were looked at", counted.keys.clone());
        });
        counted
    }

    /// A tool was called; tools that do not exist are none of the names.
    pub(crate) fn call(&self, tool: &'static str, outcome: &'static str, took: Duration) {
        self.calls.get_or_create(&Called { tool, outcome }).inc();
        self.seconds.get_or_create(&Tool { tool }).observe(took.as_secs_f64());
    }

    pub(crate) fn login(&self, outcome: &'static str) {
        self.logins.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn key(&self, outcome: &'static str) {
        self.keys.get_or_create(&Outcome { outcome }).inc();
    }
}

/// Figures that the relay keeps itself, read when they are asked for.
#[derive(Debug)]
pub(crate) struct OfTunnels(pub(crate) Relay);

impl Collector for OfTunnels {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let traffic = self.0.traffic();
        let gauges = [
            ("tunnels_open", "Tunnels that are open", self.0.connections() as i64),
            ("tunnel_streams_open", "Streams of tunnels that are open", traffic.streams.cast_signed()),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let counters = [
            ("tunnel_sent_bytes", "Bytes of apps that went to agents", traffic.sent),
            ("tunnel_received_bytes", "Bytes of agents that went to apps", traffic.received),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}
