//! One exporter for spans and one for figures, over HTTP.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::metrics::periodic_reader_with_async_runtime::PeriodicReader;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// How often figures are sent.
const INTERVAL: Duration = Duration::from_secs(10);

/// What runs until [`Export::finish`].
#[derive(Debug)]
pub struct Export {
    spans: SdkTracerProvider,
    figures: SdkMeterProvider,
}

impl Export {
    /// Sends the process's spans and figures to a collector, `http://HOST:4318`. Before the first call of the SDK, which
    /// takes the meter provider that it finds.
    ///
    /// # Errors
    /// When the address cannot be used, or another subscriber is installed already.
    pub fn to(collector: &str) -> anyhow::Result<Self> {
        let spans = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{collector}/v1/traces"))
            .build()?;
        let spans =
            SdkTracerProvider::builder().with_span_processor(BatchSpanProcessor::builder(spans, Tokio).build()).build();
        let figures = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{collector}/v1/metrics"))
            .build()?;
        let reader = PeriodicReader::builder(figures, Tokio).with_interval(INTERVAL).build();
        let figures = SdkMeterProvider::builder().with_reader(reader).build();
        opentelemetry::global::set_meter_provider(figures.clone());
        let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer("telemetry"));
        // The exporter's own requests are no spans of the application.
        let ours = EnvFilter::new("off,cube_sdk=info,cube_sdk_core=info,cube_sdk_byo=info,cube_sdk_teleport=info");
        tracing_subscriber::registry().with(layer.with_filter(ours)).try_init()?;
        Ok(Self { spans, figures })
    }

    /// Sends what is left.
    ///
    /// # Errors
    /// When the collector does not take it.
    pub async fn finish(self) -> anyhow::Result<()> {
        // Both wait for the runtime's own tasks.
        tokio::task::spawn_blocking(move || {
            self.spans.shutdown()?;
            self.figures.shutdown()
        })
        .await??;
        Ok(())
    }
}
