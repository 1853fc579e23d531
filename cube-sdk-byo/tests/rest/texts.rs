//! Methods take texts; one that is none of what is asked for is refused when the call is awaited, and nothing is sent.

use cube_sdk_byo::rest::ArtifactId;
use cube_sdk_core::{ErrorKind, Result};

use crate::fixtures::*;
use crate::script::Script;

fn refused<T>(what: &str, outcome: Result<T>) {
    let Err(error) = outcome else { panic!("{what} was accepted") };
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains(what), "{error} does not name {what}");
}

#[tokio::test]
async fn a_text_that_is_none_is_refused_before_anything_is_sent() {
    let script = Script::of([]);
    let client = script.client();
    let (workspace, byo) = (workspace(&client), byo(&client));
    let artifact = ARTIFACT.parse::<ArtifactId>().unwrap();

    refused("workspace id `nil`", client.workspace("nil").byo().setup(BUCKET, REGION).await);
    refused("workspace id `nil`", client.workspace("nil").runs().get(RUN).await);
    refused("workspace id `nil`", client.workspace("nil").id());
    refused("workspace id `nil`", client.workspaces().get("nil").await);
    refused("bucket `UPPER`", byo.setup("UPPER", REGION).await);
    refused("region `?`", byo.setup(BUCKET, "?").await);
    refused("KMS key", byo.setup(BUCKET, REGION).kms_key("alias/k").await);
    refused("role name", byo.setup(BUCKET, REGION).role_name("a b").await);
    refused("role ARN", byo.register("role", BUCKET, REGION).await);
    refused("bucket", byo.register(ROLE, "b", REGION).await);
    refused("KMS key", byo.register(ROLE, BUCKET, REGION).kms_key("k").await);
    refused("role ARN", byo.attach_role("role").await);
    refused("S3 URI", byo.register_artifact("https://example.org/x").await);
    refused("SHA-256", byo.register_artifact(format!("s3://{BUCKET}/x")).expected_sha256("ab").await);
    refused("artifact id", byo.audit().artifact("x").await);
    refused("run id", byo.audit().run(String::from("x")).await);
    refused("run id", byo.audit().run("x").stream().collect().await);
    refused("pipeline id", workspace.runs().trigger("x").model(artifact).await);
    refused("artifact id", workspace.runs().trigger(PIPELINE).model("x").await);
    refused("pipeline id", workspace.runs().list().pipeline("x").await);
    refused("run id", workspace.runs().wait("x").await);
    refused("run id", workspace.runs().bundle("x").await);
    refused("run id", workspace.runs().cancel("x").await);
    refused("pipeline id", workspace.pipelines().get("x").await);
    refused("artifact id", workspace.artifacts().delete("x").await);
    refused("artifact id", workspace.artifacts().download("x").await);
    refused("API key id", workspace.api_keys().revoke("x").await);
    assert_eq!(script.seen(), Vec::<String>::new());
}
