//! `cube run`: runs of EdgeGate's pipelines.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use cube_render::runs::RunShown;
use cube_sdk::ErrorKind;
use cube_sdk::byo::rest::{RunDetail, RunStatus, Runs};

use crate::context::{Context, given};
use crate::output::{Format, Output};
use crate::progress::Progress;

/// Runs of EdgeGate's pipelines: trigger, watch
#[derive(Subcommand)]
pub(crate) enum RunCommands {
    Trigger(Trigger),
    Watch(Watch),
}

/// Where runs are.
#[derive(Args)]
pub(crate) struct Workspace {
    /// The EdgeGate workspace, a UUID
    #[arg(long, env = "EDGEGATE_WORKSPACE_ID", value_name = "UUID", hide_env_values = true)]
    workspace: String,
}

/// Start a run of a pipeline
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        cube run trigger 7b0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01\n  \
                        cube run trigger \"$PIPELINE\" --model \"$MODEL\" --watch")]
pub(crate) struct Trigger {
    #[command(flatten)]
    workspace: Workspace,
    /// The pipeline, a UUID
    pipeline: String,
    /// The model, an artifact's UUID from `cube byo register`
    #[arg(long, value_name = "UUID")]
    model: Option<String>,
    /// Wait until it has ended
    #[arg(long)]
    watch: bool,
}

/// Wait until a run has ended
///
/// The exit code is 0 for a run that passed, else 1.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cube run watch 9c0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01\n  cube run watch \"$RUN\" -o ndjson"
)]
pub(crate) struct Watch {
    #[command(flatten)]
    workspace: Workspace,
    /// The run, a UUID
    run: String,
    /// Seconds between two looks
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    interval: u64,
}

impl RunCommands {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Self::Trigger(Trigger { workspace, pipeline, model, watch }) => {
                let runs = context.cube().edgegate()?.workspace(workspace.workspace).runs();
                let run = given!(runs.trigger(pipeline), model = model).await?;
                if watch {
                    context.output().note(&format!("run {} is {}", run.id, run.status));
                    return watched(context.output(), &runs, run.id.to_string(), 2, "run trigger").await;
                }
                let run = runs.get(run.id).await?;
                let shown = RunShown::from(&run);
                context.output().view("run trigger", &shown)?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Watch(Watch { workspace, run, interval }) => {
                let runs = context.cube().edgegate()?.workspace(workspace.workspace).runs();
                watched(context.output(), &runs, run, interval, "run watch").await
            }
        }
    }
}

/// Waits for the end of a run; with ndjson each look is a line.
async fn watched(output: &Output, runs: &Runs, run: String, seconds: u64, command: &'static str) -> Result<ExitCode> {
    let progress = Progress::new(output);
    let lines = (output.format() == Format::Ndjson).then(|| output.clone());
    let ended = runs
        .wait(run)
        .interval(Duration::from_secs(seconds))
        .progress(move |run: &RunDetail| {
            progress.tell(0.0, None, Some(&format!("run {} is {}", run.id(), run.status())));
            if let Some(lines) = &lines
                && !run.summary.has_ended()
            {
                // Told again at the end, where a closed pipe is an error.
                let _ = lines.line(command, &RunShown::from(run));
            }
        })
        .await?;
    let shown = RunShown::from(&ended);
    output.view(command, &shown)?;
    let passed = *ended.status() == RunStatus::Passed;
    let cancelled = *ended.status() == RunStatus::Cancelled;
    let code = if passed {
        0
    } else if cancelled {
        ErrorKind::Cancelled.exit_code()
    } else {
        1
    };
    Ok(ExitCode::from(code))
}
