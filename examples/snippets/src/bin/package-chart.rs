//! `package-chart CHART OUT_DIR`: packs a chart as `helm package` would and prints where the archive is.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the result goes to stdout, warnings to stderr")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use cube_sdk::apollo::publish::Chart;
use snippets::program;

/// Packs a chart as `helm package` would, with the same bytes for the same chart
#[derive(Parser)]
#[command(name = "package-chart", version)]
struct Arguments {
    /// The chart's folder, or its Chart.yaml.
    chart: PathBuf,
    /// Where the archive goes; made where it is missing.
    out_dir: PathBuf,
    /// Refuse symbolic links that lead out of the chart, whose contents would go into the package.
    #[arg(long)]
    refuse_links_out: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::run("package-chart", async { package(&arguments) }).await
}

fn package(arguments: &Arguments) -> Result<()> {
    let contents = Chart::find(Some(&arguments.chart))?.contents()?;
    for warning in contents.warnings() {
        eprintln!("warning: {warning}");
    }
    if let Some((place, target)) = contents.links_out().first().filter(|_| arguments.refuse_links_out) {
        anyhow::bail!("{place} leads out of the chart, to {}", target.display());
    }
    let package = contents.package(&arguments.out_dir)?;
    println!("{}", package.path().display());
    Ok(())
}
