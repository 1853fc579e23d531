//! What can be done next, by the names of the agent's tools.

use cube_render::Step;

pub(crate) fn named(step: &Step) -> String {
    match step {
        Step::RegisterBucket => "next: edgegate_register_byo_bucket registers a bucket of one's own".to_owned(),
        Step::CheckGrant => "next: edgegate_check_byo_bucket probes again".to_owned(),
        Step::RegisterArtifact => {
            "next: edgegate_register_byo_artifact registers an object, then edgegate_run_gate".to_owned()
        }
        Step::RunGate => {
            "next: name it in a pipeline's model matrix, or as model_artifact_id of edgegate_run_gate".to_owned()
        }
        Step::CheckRun { workspace, run } => {
            format!("next: edgegate_check_status with workspace_id {workspace} and run_id {run}")
        }
        Step::ReadOn { cursor } => format!("next: the same call with cursor {cursor}"),
        Step::StopTunnel { app } => format!("to stop it: app_proxy_stop with app {app}"),
    }
}
