//! Images that are built on the server, with a program in docker's place.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Cloud, http, raw};

#[cfg(unix)]
async fn stage(script: &str) -> (Cloud, tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let docker = dir.path().join("docker");
    std::fs::write(&docker, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let base = dir.path().display();
    let images = format!("images: {{ repository: registry.example/edge, docker: {base}/docker, folder: {base} }}");
    (Cloud::with(&images).await, dir)
}

async fn asked(cloud: &Cloud, key: &str, tool: &str, arguments: Value) -> Result<Value, String> {
    cloud.agent_call(key, tool, arguments).await.map(|text| serde_json::from_str(&text).unwrap())
}

/// Announces a build; its job and the path of its upload.
async fn prepared(cloud: &Cloud, key: &str) -> (String, String) {
    let made = asked(cloud, key, "build_image_prepare", json!({ "image_name": "app", "tag": "1.0" })).await.unwrap();
    let url = made["upload_url"].as_str().unwrap();
    let path = url.strip_prefix("http://cube.example").expect("by the public address");
    (made["job_id"].as_str().unwrap().to_owned(), path.to_owned())
}

async fn put(cloud: &Cloud, path: &str, body: &'static str) -> u16 {
    http().put(format!("{}{path}", cloud.url)).body(body).send().await.unwrap().status().as_u16()
}

async fn ended(cloud: &Cloud, key: &str, job: &str) -> Value {
    loop {
        let status = asked(cloud, key, "build_image_status", json!({ "job_id": job })).await.unwrap();
        if !["PENDING", "RUNNING"].contains(&status["state"].as_str().unwrap()) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn it_is_off_unless_it_is_set_and_says_so() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let arguments = json!({ "image_name": "app", "tag": "1" });
    let error = asked(&cloud, &key, "build_image_prepare", arguments).await.unwrap_err();
    assert!(error.contains("is off on this server"), "{error}");
    assert_eq!(put(&cloud, "/builds/x?proof=y", "z").await, 404);
}

#[tokio::test]
async fn from_the_upload_to_the_image() {
    let script = "echo \"$@ TOKEN=$TOKEN context=$(cat)\" > \"$(dirname \"$0\")/ran\"; echo \"used $TOKEN\" >&2";
    let (cloud, dir) = stage(script).await;
    let (key, other) = (cloud.key("admin").await, cloud.key("readers").await);
    let (job, path) = prepared(&cloud, &key).await;
    let start = json!({ "job_id": job, "platform": "linux/arm64", "build_args": { "TOKEN": "canary-of-a-build" } });
    let early = asked(&cloud, &key, "build_image_start", start.clone()).await.unwrap_err();
    assert!(early.contains("not uploaded yet"), "{early}");
    assert_eq!(put(&cloud, &path.replace("proof=", "proof=x"), "bad").await, 403);
    assert_eq!(put(&cloud, &path, "the context").await, 200);
    assert_eq!(put(&cloud, &path, "another").await, 403, "once");
    assert!(asked(&cloud, &other, "build_image_status", json!({ "job_id": job })).await.is_err(), "another's");
    for bad in [
        json!({ "dockerfile": "../Dockerfile" }),
        json!({ "dockerfile": "-x" }),
        json!({ "platform": "linux/amd64 --push" }),
        json!({ "target": "--output=x" }),
        json!({ "build_args": { "A=B": "x" } }),
    ] {
        let mut arguments = bad.clone();
        arguments["job_id"] = json!(job);
        let error = asked(&cloud, &key, "build_image_start", arguments).await.unwrap_err();
        assert!(error.starts_with("remote error -32602"), "{bad}: {error}");
    }
    assert_eq!(asked(&cloud, &key, "build_image_start", start.clone()).await.unwrap()["task_arn"], json!(job));
    let status = ended(&cloud, &key, &job).await;
    assert_eq!(
        (&status["state"], &status["image_uri"]),
        (&json!("SUCCEEDED"), &json!("registry.example/edge/app:1.0"))
    );
    assert!(!status.to_string().contains("canary"), "{status}");
    let ran = std::fs::read_to_string(dir.path().join("ran")).unwrap();
    for word in
        ["buildx build --push", "--platform=linux/arm64", "--tag=registry.example/edge/app:1.0", "--build-arg=TOKEN -"]
    {
        assert!(ran.contains(word), "{word}: {ran}");
    }
    assert!(ran.contains("TOKEN=canary-of-a-build context=the context"), "{ran}");
    assert!(asked(&cloud, &key, "build_image_start", start).await.is_err(), "once");
    let left = std::fs::read_dir(dir.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tar"));
    assert_eq!(left.count(), 0, "no context is left");
}

#[tokio::test]
async fn what_fails_is_told_with_the_end_of_the_log() {
    let (cloud, _dir) = stage("cat > /dev/null; echo 'step 3: no such file' >&2; exit 7").await;
    let key = cloud.key("admin").await;
    let (job, path) = prepared(&cloud, &key).await;
    assert_eq!(put(&cloud, &path, "x").await, 200);
    asked(&cloud, &key, "build_image_start", json!({ "job_id": job })).await.unwrap();
    let status = ended(&cloud, &key, &job).await;
    assert_eq!((&status["state"], &status["exit_code"]), (&json!("FAILED"), &json!(7)));
    assert!(status["logs_tail"].as_str().unwrap().contains("no such file"), "{status}");
}

#[tokio::test]
async fn an_upload_that_breaks_off_or_is_too_long_ends_the_job() {
    let (cloud, _dir) = stage("true").await;
    let key = cloud.key("admin").await;
    let (job, path) = prepared(&cloud, &key).await;
    let head =
        format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    let reply = raw(cloud.address, &format!("{head}5\r\nhello\r\nnonsense\r\n")).await;
    assert!(!reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert_eq!(ended(&cloud, &key, &job).await["state"], "FAILED");
    for bad in [("App", "1"), ("a/b", "1"), ("app", "-x"), ("", "1"), ("app", "a b")] {
        let arguments = json!({ "image_name": bad.0, "tag": bad.1 });
        let error = asked(&cloud, &key, "build_image_prepare", arguments).await.unwrap_err();
        assert!(error.starts_with("remote error -32602"), "{bad:?}: {error}");
    }
    for _ in 0..4 {
        prepared(&cloud, &key).await;
    }
    let one_more = asked(&cloud, &key, "build_image_prepare", json!({ "image_name": "app", "tag": "1" })).await;
    assert!(one_more.unwrap_err().contains("as many builds"), "jobs that nobody uploads do not pile up");
}
