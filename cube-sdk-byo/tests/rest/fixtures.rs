//! Replies as EdgeGate writes them.

use cube_sdk_byo::EdgeGate;
use cube_sdk_byo::rest::{Byo, WorkspaceScope};
use serde_json::{Value, json};
use wiremock::MockServer;

pub(crate) const KEY: &str = "egk_live_canary_0123456789";
pub(crate) const WS: &str = "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11";
pub(crate) const GRANT: &str = "5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01";
pub(crate) const EXTERNAL_ID: &str = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90";
pub(crate) const ROLE: &str = "arn:aws:iam::210987654321:role/edgegate-byo-read-c2b7a6d4";
pub(crate) const BUCKET: &str = "acme-edge-models";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const KMS_KEY: &str = "arn:aws:kms:eu-central-1:210987654321:key/5d1f1f6e-2f3a-4b8e-9a50-7d0e1c2b3a49";
pub(crate) const ARTIFACT: &str = "7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77";
pub(crate) const PIPELINE: &str = "3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2";
pub(crate) const RUN: &str = "e1c3a0b9-2f66-4f2b-8a44-5b0c9f1d8e20";
pub(crate) const API_KEY: &str = "f0a1b2c3-0000-4000-8000-000000000001";

pub(crate) fn pending_grant() -> Value {
    json!({
        "id": GRANT, "workspace_id": WS, "role_arn": null, "external_id": EXTERNAL_ID, "bucket": BUCKET,
        "region": REGION, "kms_key_id": null, "status": "pending_role", "last_verified_at": null,
        "last_verify_error": null, "created_at": "2026-07-01T08:00:00Z", "updated_at": "2026-07-01T08:00:00Z"
    })
}

pub(crate) fn active_grant() -> Value {
    let mut grant = pending_grant();
    grant["role_arn"] = ROLE.into();
    grant["status"] = "active".into();
    grant["last_verified_at"] = "2026-07-01T08:05:00.123456Z".into();
    grant
}

pub(crate) fn failed_grant(error: &str) -> Value {
    let mut grant = pending_grant();
    grant["role_arn"] = ROLE.into();
    grant["status"] = "failed".into();
    grant["last_verify_error"] = error.into();
    grant
}

pub(crate) fn setup_info() -> Value {
    json!({
        "edgegate_aws_account_id": "123456789012",
        "edgegate_principal_arn": "arn:aws:iam::123456789012:user/edgegate-worker",
        "docs_url": "https://edgegate.frozo.ai/docs/byo-storage",
        "trust_policy_template": "{}", "permission_policy_template": "{}",
        "permission_policy_with_kms_template": "{}", "cloudformation_template_url": "",
        "cloudformation_template_yaml": "AWSTemplateFormatVersion: '2010-09-09'",
        "terraform_template": "", "terraform_template_with_kms": "", "setup_info_warning": null
    })
}

pub(crate) fn artifact() -> Value {
    json!({
        "id": ARTIFACT, "kind": "model", "sha256": "", "size_bytes": 14_012_345, "original_filename": null,
        "storage_url": "byo-s3://acme-edge-models/vision/net.onnx", "created_at": "2026-07-01T09:00:00Z",
        "expires_at": null
    })
}

pub(crate) fn pipeline() -> Value {
    json!({
        "id": PIPELINE, "name": "gate", "device_count": 3, "model_count": 0, "gate_count": 1, "cell_count": 3,
        "promptpack_id": "smoke", "promptpack_version": "1.0.0", "created_at": "2026-07-01T07:00:00Z",
        "updated_at": "2026-07-01T07:00:00Z",
        "last_run": {"id": RUN, "status": "passed", "created_at": "2026-07-01T07:30:00Z"}
    })
}

pub(crate) fn run(status: &str) -> Value {
    json!({
        "id": RUN, "pipeline_id": PIPELINE, "pipeline_name": "gate", "status": status, "trigger": "manual",
        "model_artifact_id": ARTIFACT, "model_filename": null, "error_code": null, "error_detail": null,
        "created_at": "2026-07-01T09:10:00Z", "updated_at": "2026-07-01T09:15:00Z", "completed_at": null,
        "hub_model_id": null, "hub_job_id": null
    })
}

pub(crate) fn audit_entry(id: i64) -> Value {
    json!({
        "id": id, "event_type": "get_object", "aws_request_id": "4Z1X0E9RFQ2T7K5M", "role_arn": ROLE,
        "bucket": BUCKET, "s3_key": "vision/net.onnx", "bytes_read": 14_012_345, "worker_hostname": "worker-3",
        "outcome": "success", "error_code": null, "artifact_id": ARTIFACT, "run_id": RUN,
        "ts": "2026-07-01T09:15:30Z"
    })
}

/// A server on loopback and a client of it.
pub(crate) async fn served() -> (MockServer, EdgeGate) {
    let server = MockServer::start().await;
    let edgegate = EdgeGate::builder().base_url(server.uri()).api_key(KEY.into()).build().unwrap();
    (server, edgegate)
}

pub(crate) fn workspace(edgegate: &EdgeGate) -> WorkspaceScope {
    edgegate.workspace(WS)
}

pub(crate) fn byo(edgegate: &EdgeGate) -> Byo {
    workspace(edgegate).byo()
}
