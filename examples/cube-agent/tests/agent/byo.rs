//! The flow of storage that customers bring.

use cube_sdk_server::local::World;
use serde_json::json;

use crate::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn from_a_bucket_to_the_audit_of_a_run() {
    let world = World::start().await.unwrap();
    let (aws, edgegate) = (&world.card().aws, &world.card().edgegate);
    let mut host = Host::in_world(&world, &[]);
    let workspace = edgegate.workspace.as_str();

    let (data, said) = host.done("edgegate_check_byo_bucket", json!({ "workspace_id": workspace }));
    assert!(data["grant"].is_null() && said.contains("edgegate_register_byo_bucket"), "{said}");
    let (data, _) = host.done("edgegate_disconnect_byo_bucket", json!({ "workspace_id": workspace }));
    assert_eq!(data["removed"], false);

    let bucket = json!({
        "workspace_id": workspace, "role_arn": aws.role_arn, "bucket": aws.bucket, "region": aws.region
    });
    let (grant, said) = host.done("edgegate_register_byo_bucket", bucket.clone());
    assert_eq!(grant["bucket"], aws.bucket.as_str());
    assert!(said.contains("sts:ExternalId") && said.contains(grant["external_id"].as_str().unwrap()), "{said}");
    let said = host.failed("edgegate_register_byo_bucket", bucket);
    for words in ["nothing was changed", "edgegate_check_byo_bucket", "edgegate_disconnect_byo_bucket", workspace] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (data, said) = host.done("edgegate_check_byo_bucket", json!({ "workspace_id": workspace }));
    assert_eq!(data["grant"]["status"], "active", "{said}");
    assert!(said.contains(data["grant"]["external_id"].as_str().unwrap()), "{said}");

    let uri = format!("s3://{}/{}", aws.bucket, aws.object_key);
    let object = json!({
        "workspace_id": workspace, "s3_uri": uri, "expected_sha256": aws.object_sha256, "expected_size": aws.object_size
    });
    let (artifact, said) = host.done("edgegate_register_byo_artifact", object);
    assert_eq!(artifact["byo"], true, "{said}");
    let missing = format!("s3://{}/{}", aws.bucket, aws.missing_key);
    let said = host.failed("edgegate_register_byo_artifact", json!({ "workspace_id": workspace, "s3_uri": missing }));
    assert!(said.contains("BYO_OBJECT_NOT_FOUND"), "{said}");

    let asked = json!({
        "workspace_id": workspace, "pipeline_id": edgegate.pipeline, "model_artifact_id": artifact["artifact_id"]
    });
    let (started, said) = host.done("edgegate_run_gate", asked);
    assert!(said.contains("edgegate_check_status"), "{said}");
    let look = json!({ "workspace_id": workspace, "run_id": started["run_id"] });
    let ended = loop {
        let (run, said) = host.done("edgegate_check_status", look.clone());
        if run["ended"] == true {
            assert!(said.contains("verdict") || said.contains("error"), "{said}");
            break run;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    assert_eq!(ended["status"], "passed", "{ended}");

    let page = json!({ "workspace_id": workspace, "run_id": started["run_id"], "limit": 1 });
    let (page, said) = host.done("edgegate_get_byo_audit", page);
    assert_eq!(page["entries"].as_array().unwrap().len(), 1, "{said}");
    let cursor = page["next_cursor"].as_i64().unwrap_or_else(|| panic!("a run makes more calls: {said}"));
    assert!(said.contains(&format!("cursor {cursor}")), "{said}");
    let more = json!({ "workspace_id": workspace, "run_id": started["run_id"], "cursor": cursor });
    let (more, said) = host.done("edgegate_get_byo_audit", more);
    assert!(said.contains("End of the log") && !more["entries"].as_array().unwrap().is_empty(), "{said}");
    let uri = format!("cube://workspaces/{workspace}/runs/{}/audit", started["run_id"].as_str().unwrap());
    let read = host.ask("resources/read", json!({ "uri": uri }));
    let text = read["result"]["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{read}"));
    let id = page["entries"][0]["aws_request_id"].as_str().unwrap();
    assert!(text.contains(id), "{text}");

    let said = host.failed("edgegate_disconnect_byo_bucket", json!({ "workspace_id": workspace }));
    assert!(said.contains("artifacts") && said.contains("dashboard"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_probe_is_an_answer_and_a_refusal_is_none() {
    let world = World::start().await.unwrap();
    let (aws, edgegate) = (&world.card().aws, &world.card().edgegate);
    let mut host = Host::in_world(&world, &[]);
    let bucket = json!({
        "workspace_id": edgegate.workspace, "role_arn": aws.bad_role_arn, "bucket": aws.bucket, "region": aws.region
    });
    let (grant, said) = host.done("edgegate_register_byo_bucket", bucket);
    assert_eq!(grant["status"], "failed", "{said}");
    let (data, said) = host.done("edgegate_check_byo_bucket", json!({ "workspace_id": edgegate.workspace }));
    assert_eq!(data["grant"]["checklist"][0]["code"], "BYO_ASSUME_ROLE_FAILED", "{said}");
    assert!(said.contains("BYO_KMS_ACCESS_DENIED") && said.contains("edgegate_check_byo_bucket"), "{said}");
    let (data, said) = host.done("edgegate_disconnect_byo_bucket", json!({ "workspace_id": edgegate.workspace }));
    assert_eq!(data["removed"], true, "{said}");

    let said = host.failed("edgegate_check_byo_bucket", json!({ "workspace_id": edgegate.free_workspace }));
    assert!(said.contains("/enterprise"), "{said}");
    let nowhere = "00000000-0000-4000-8000-000000000000";
    for (tool, arguments, word) in [
        ("edgegate_check_byo_bucket", json!({ "workspace_id": nowhere }), "404"),
        ("edgegate_check_status", json!({ "workspace_id": edgegate.workspace, "run_id": nowhere }), "404"),
        ("edgegate_check_status", json!({ "workspace_id": edgegate.workspace, "run_id": "x" }), "x"),
        ("edgegate_register_byo_bucket", json!({ "workspace_id": edgegate.workspace }), "role_arn"),
        ("edgegate_get_byo_audit", json!({ "workspace_id": edgegate.workspace, "since": "yesterday" }), "RFC 3339"),
        ("edgegate_get_byo_audit", json!({ "workspace_id": edgegate.workspace, "limit": 501 }), "500"),
    ] {
        let said = host.failed(tool, arguments.clone());
        assert!(said.contains(word), "{tool} {arguments}: {said}");
    }
}
