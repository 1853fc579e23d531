//! byo, run, apollo.

use serde_json::{Value, json};

use crate::world::{Place, ended, fits};

#[test]
fn a_bucket_from_setup_to_disconnect() {
    let place = Place::new();
    let aws = place.card().aws.clone();
    place.bad(&["byo", "check", "--workspace", &place.card().edgegate.workspace], 6, "grant");
    let made = place.data(&["byo", "setup", &aws.bucket, "--region", &aws.region]);
    let external = made["grant"]["external_id"].as_str().unwrap().to_owned();
    assert!(made["document"].as_str().unwrap().contains(&external), "{made}");
    for (form, words) in
        [("terraform", "resource"), ("cloudformation", "AWSTemplateFormatVersion"), ("policies", "sts:ExternalId")]
    {
        let document = place.good(&["byo", "setup", &aws.bucket, "--form", form]);
        assert!(document.contains(words), "{form}: {document}");
    }
    place.bad(&["byo", "setup", "No_Bucket", "--region", &aws.region], 2, "No_Bucket");

    let failed = place.run(&["byo", "attach", &aws.bad_role_arn]);
    assert!(failed.code != 0, "{failed:?}");
    let place = Place::new();
    let aws = place.card().aws.clone();
    place.good(&["byo", "setup", &aws.bucket]);
    let grant = place.data(&["byo", "attach", &aws.role_arn]);
    assert_eq!(grant["status"], "active");
    place.bad(&["byo", "attach", "no-arn"], 2, "no-arn");
    let text = place.good(&["byo", "check"]);
    assert!(text.contains(&aws.bucket), "{text}");

    let object = format!("s3://{}/{}", aws.bucket, aws.object_key);
    let model = place.data(&["byo", "register", &object, "--sha256", &aws.object_sha256]);
    assert_eq!(model["size_bytes"], json!(aws.object_size));
    let missing = format!("s3://{}/{}", aws.bucket, aws.missing_key);
    let refused = place.run(&["byo", "register", &missing]);
    assert!(refused.code == 6 && refused.err.contains("BYO_OBJECT_NOT_FOUND"), "{refused:?}");

    let id = model["artifact_id"].as_str().unwrap();
    let run = place.data(&["run", "trigger", &place.card().edgegate.pipeline, "--model", id]);
    let ended_run = place.data(&["run", "watch", run["run_id"].as_str().unwrap(), "--interval", "1"]);
    assert_eq!(ended_run["status"], "passed");
    let watched = place.good(&["run", "trigger", &place.card().edgegate.pipeline, "--model", id, "--watch"]);
    assert!(watched.contains("PASSED"), "{watched}");
    place.bad(&["run", "trigger", "no-uuid"], 2, "no-uuid");
    place.bad(&["run", "watch", "00000000-0000-0000-0000-000000000001"], 6, "00000000");

    let rows = place.data(&["byo", "audit", "--limit", "3"]);
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let lines = place.good(&["byo", "audit", "-o", "ndjson"]);
    assert!(lines.lines().count() > 3, "{lines}");
    assert!(place.good(&["byo", "audit"]).contains("aws_request_id"));
    place.bad(&["byo", "audit", "--since", "yesterday"], 2, "--since");
    reconciled(&place);

    let rotated = place.data(&["byo", "rotate", "--yes"]);
    assert_ne!(rotated["grant"]["external_id"], grant["external_id"]);
    place.bad(&["byo", "rotate"], 2, "--yes");
    place.bad(&["byo", "disconnect", "--yes"], 7, "artifacts first");
}

#[test]
fn a_grant_ends() {
    let place = Place::new();
    place.good(&["byo", "setup", &place.card().aws.bucket]);
    assert!(place.good(&["byo", "disconnect", "--yes"]).contains("ended"));
    place.bad(&["byo", "disconnect", "--yes"], 6, "grant");
}

/// The double's CloudTrail has what EdgeGate did, and nothing else.
fn reconciled(place: &Place) {
    let files = place.world.aws().write_cloudtrail(place.home.path().join("trail"), true).unwrap();
    let mut line = vec!["byo", "reconcile"];
    line.extend(files.iter().map(|file| file.to_str().unwrap()));
    let found = place.data(&line);
    assert!(found["clean"] == true && found["matched"].as_u64().unwrap() > 0, "{found}");
    let empty = place.home.path().join("empty.json");
    std::fs::write(&empty, r#"{"Records":[]}"#).unwrap();
    let differs = place.run(&["byo", "reconcile", empty.to_str().unwrap(), "-o", "json"]);
    assert_eq!(differs.code, 13, "{differs:?}");
    let document: Value = serde_json::from_str(&differs.out).unwrap();
    fits(&document);
    assert!(!document["data"]["missing_in_cloudtrail"].as_array().unwrap().is_empty());
    place.bad(&["byo", "reconcile", "/no/such"], 14, "/no/such");
}

#[test]
fn bytes_go_into_a_file_or_a_pipe_and_are_checked() {
    let place = Place::new();
    let aws = place.card().aws.clone();
    place.good(&["byo", "setup", &aws.bucket]);
    place.good(&["byo", "attach", &aws.role_arn]);
    let object = format!("s3://{}/{}", aws.bucket, aws.object_key);
    let file = place.home.path().join("model");
    let calls = place.home.path().join("calls.ndjson");
    let (to, audit) = (file.to_str().unwrap(), calls.to_str().unwrap());
    let done = place.data(&["byo", "read", &object, "--to", to, "--sha256", &aws.object_sha256, "--audit", audit]);
    assert_eq!(
        (done["bytes"].as_u64(), std::fs::metadata(&file).unwrap().len()),
        (Some(aws.object_size), aws.object_size)
    );
    assert!(std::fs::read_to_string(&calls).unwrap().lines().count() > 0);

    let piped = place.command(&["byo", "read", &object, "--sha256", &aws.object_sha256]).output().unwrap();
    assert!(piped.status.success());
    assert_eq!(piped.stdout, std::fs::read(&file).unwrap());

    let other = place.home.path().join("other");
    let wrong = "0".repeat(64);
    place.bad(
        &["byo", "read", &object, "--to", other.to_str().unwrap(), "--sha256", &wrong],
        13,
        "BYO_INTEGRITY_MISMATCH",
    );
    assert!(!other.exists(), "bytes that are not the wanted ones are there");
    let missing = format!("s3://{}/{}", aws.bucket, aws.missing_key);
    place.bad(&["byo", "read", &missing], 6, "");
    place.bad(&["byo", "read", &object, "-o", "json"], 2, "--to");
}

#[test]
fn apollo_by_a_document() {
    let place = Place::new();
    let document = "query { me { apolloTeams { name } } }";
    let done = place.data(&["apollo", "execute", document]);
    assert_eq!(done["data"]["me"]["apolloTeams"][0]["name"], "platform");
    let change = "mutation($id: String!) { apollo { createProduct(productId: $id) { __typename } } }";
    let shown = place.data(&["apollo", "execute", change, "--var", "id=a:b", "--dry-run"]);
    assert_eq!(shown["dry_run"]["variables"]["id"], "a:b");
    place.bad(&["apollo", "execute", change, "--var", "id=a:b"], 2, "--yes");
    assert!(place.good(&["apollo", "execute", change, "--var", "id=a:b", "--yes"]).contains("ApolloProduct"));
    let piped = place.piped(&["apollo", "execute", "--file", "-"], document);
    assert!(piped.code == 0 && piped.out.contains("platform"), "{piped:?}");
    place.bad(&["apollo", "execute", "no document"], 2, "GraphQL");
    let bare =
        place.command(&["apollo", "execute", document]).env_remove("CUBE_APOLLO_CLIENT_SECRET").output().unwrap();
    assert_eq!(ended(bare).code, 2);
}
