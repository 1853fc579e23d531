//! Plays a little work on the embedded world and exports its spans and figures.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use clap::Parser;
use telemetry::{Export, read_a_model};

#[derive(Parser)]
#[command(name = "telemetry", version, about = "Exports spans and figures of the SDK to an OpenTelemetry collector")]
struct Arguments {
    /// The collector.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", default_value = "http://127.0.0.1:4318")]
    collector: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let export = Export::to(arguments.collector.trim_end_matches('/'))?;
    let bytes = read_a_model().await?;
    export.finish().await?;
    println!("{bytes} bytes read; spans and figures are at {}", arguments.collector);
    Ok(())
}
