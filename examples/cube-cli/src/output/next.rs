//! What can be done next, as commands.

use cube_render::Step;

pub(super) fn words(step: &Step) -> String {
    match step {
        Step::RegisterBucket => "begin with the bucket: cube byo setup BUCKET --region REGION".to_owned(),
        Step::CheckGrant => "once that is done: cube byo check".to_owned(),
        Step::RegisterArtifact => "register an object: cube byo register s3://BUCKET/KEY".to_owned(),
        Step::RunGate => "run a pipeline with it: cube run trigger PIPELINE --model ARTIFACT".to_owned(),
        Step::CheckRun { run, .. } => format!("see how it goes: cube run watch {run}"),
        Step::ReadOn { .. } => "there is more: cube byo audit --limit N, or --output ndjson for all".to_owned(),
        Step::StopTunnel { app } => format!("stop it: cube tunnel stop {app}"),
    }
}
