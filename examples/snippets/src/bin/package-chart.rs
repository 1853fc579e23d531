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
    /// Pack what symbolic links out of the chart lead to, as helm does; without it they are refused.
    #[arg(long)]
    follow_links_out: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::run("package-chart", async { package(&arguments) }).await
}

fn package(arguments: &Arguments) -> Result<()> {
    let mut contents = Chart::find(Some(&arguments.chart))?.contents()?;
    if arguments.follow_links_out {
        contents = contents.follow_links_out();
    }
    for warning in contents.warnings() {
        eprintln!("warning: {warning}");
    }
    let package = contents.package(&arguments.out_dir)?;
    println!("{}", package.path().display());
    Ok(())
}
