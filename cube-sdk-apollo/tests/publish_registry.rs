//! A registry: pushes through failures, credentials of every kind, places that are not to be trusted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cube_sdk_apollo::publish::{
    Chart, Package, PublishErrorExt, PublishFault, Registry, RegistryBuilder, RegistryHost, Repository, Tag,
};
use cube_sdk_core::ErrorKind;
use cube_sdk_core::config::Environment;
use cube_sdk_core::retry::{Backoff, Retrier, RetryBudget, RetryPolicy};
use cube_sdk_testkit::apollo::registry::{Fault, Guard, Registry as Double};

const REPOSITORY: &str = "charts/com.example/web";

fn repository() -> Repository {
    REPOSITORY.parse().unwrap()
}

fn quick() -> Retrier {
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    let policy = RetryPolicy::default().backoff(backoff).throttle_backoff(backoff).patience(Duration::from_secs(20));
    Retrier::new(policy, RetryBudget::default())
}

fn to(double: &Double) -> RegistryBuilder {
    let registry = Registry::builder(RegistryHost::parse(&double.host()).unwrap()).plain_http().retrier(quick());
    registry.environment(Environment::from_pairs([("NO_PROXY", "*")]))
}

/// A package of some bytes that do not compress.
fn package(dir: &tempfile::TempDir, bytes: usize) -> Package {
    let folder = dir.path().join("web");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2+b.7\n").unwrap();
    let mut noise = vec![0; bytes];
    fastrand::Rng::with_seed(7).fill(&mut noise);
    fs::write(folder.join("noise.bin"), noise).unwrap();
    Chart::find(Some(&folder)).unwrap().contents().unwrap().package(dir.path()).unwrap()
}

fn lines(double: &Double) -> Vec<String> {
    double.came().into_iter().map(|came| came.line.split('?').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_push_is_the_requests_of_the_facts() {
    let double = Double::start(Guard::Bearer("t-1".into())).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let package = package(&dir, 1000);
    let registry = to(&double).token("t-1".to_owned().into()).build().unwrap();
    let pushed = registry.push_chart(&repository(), &package).await.unwrap();
    assert_eq!((pushed.tag.as_str(), pushed.existed), ("1.4.2_b.7", false));
    let (digest, manifest) = double.manifest(REPOSITORY, "1.4.2_b.7").unwrap();
    assert_eq!(digest, pushed.manifest.as_str());
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["layers"][0]["digest"], package.digest().as_str());
    let base = format!("/v2/{REPOSITORY}");
    let config = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let wanted = [
        format!("HEAD {base}/manifests/1.4.2_b.7"),
        format!("HEAD {base}/blobs/{config}"),
        format!("POST {base}/blobs/uploads/"),
        format!("PUT {base}/blobs/uploads/u1"),
        format!("HEAD {base}/blobs/{}", package.digest()),
        format!("POST {base}/blobs/uploads/"),
        format!("PUT http://{}{base}/blobs/uploads/u2", double.host()),
        format!("PUT {base}/manifests/1.4.2_b.7"),
    ];
    let came: Vec<_> =
        lines(&double).iter().map(|line| line.replace(&format!("http://{}", double.host()), "")).collect();
    let wanted: Vec<_> = wanted.iter().map(|line| line.replace(&format!("http://{}", double.host()), "")).collect();
    assert_eq!(came, wanted);
    assert!(double.came().iter().all(|came| came.authorization.as_deref() == Some("Bearer t-1")));
    assert!(double.came()[3].line.ends_with(&format!("?_state=0&digest={config}")), "{}", double.came()[3].line);

    // Once more: it is there.
    let again = registry.push_chart(&repository(), &package).await.unwrap();
    assert!(again.existed && again.manifest == pushed.manifest);
    assert_eq!(double.came().len(), 9);
}

#[tokio::test]
async fn every_request_may_fail_three_times_and_nothing_is_sent_twice_over() {
    let dir = tempfile::tempdir().unwrap();
    let package = package(&dir, 9_000_000);
    let faults: Vec<(&str, Fault)> = vec![
        ("HEAD", Fault::Status(503)),
        ("POST", Fault::Status(500)),
        ("POST", Fault::DropAnswer),
        ("PATCH", Fault::DropAfter(3_000_000)),
        ("PATCH", Fault::DropAnswer),
        ("PATCH", Fault::Status(502)),
        ("PATCH", Fault::Status(429)),
        ("PATCH", Fault::Forget),
        ("PUT", Fault::DropAnswer),
        ("PUT", Fault::DropAfter(1)),
        ("PUT", Fault::Status(503)),
        ("PUT", Fault::Forget),
        ("/manifests/", Fault::Status(503)),
    ];
    for (on, fault) in faults {
        let double = Double::start(Guard::Open).await.unwrap();
        let registry = to(&double).anonymous().build().unwrap();
        // A part that arrived is not sent again, so that no second one meets a fault.
        let times = if on == "PATCH" && matches!(fault, Fault::DropAnswer) { 1 } else { 3 };
        for _ in 0..times {
            double.inject(on, fault.clone());
        }
        let pushed =
            registry.push_chart(&repository(), &package).await.unwrap_or_else(|e| panic!("{on} {fault:?}: {e:?}"));
        assert_eq!(double.waiting(), 0, "{on} {fault:?}");
        assert_eq!(double.blob(REPOSITORY, package.digest().as_str()), Some(package.length()), "{on} {fault:?}");
        assert_eq!(registry.verify_chart(&repository(), &package).await.unwrap(), pushed.manifest);
    }
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut_off() {
    let double = Double::start(Guard::Open).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let package = package(&dir, 9_000_000);
    double.inject("PATCH", Fault::DropAfter(3_000_000));
    double.inject("PATCH", Fault::DropAfter(2_000_000));
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let registry = to(&double).anonymous().build().unwrap();
    let push = registry.push_chart(&repository(), &package).progress(move |at| seen.lock().unwrap().push(at.sent));
    push.await.unwrap();
    let ranges: Vec<_> = double.came().into_iter().filter_map(|came| came.range).collect();
    let starts: Vec<_> = ranges.iter().map(|range| range.split('-').next().unwrap().parse::<u64>().unwrap()).collect();
    assert_eq!(starts.len(), 3, "{ranges:?}");
    assert_eq!((starts[0], starts[1]), (0, 3_000_000));
    assert_eq!(starts[2], 5_000_000);
    assert_eq!(sent.lock().unwrap().last(), Some(&package.length()));
}

#[tokio::test]
async fn a_registry_that_takes_no_parts_gets_the_whole() {
    let double = Double::start(Guard::Open).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let package = package(&dir, 6_000_000);
    double.inject("PATCH", Fault::Status(405));
    to(&double).anonymous().build().unwrap().push_chart(&repository(), &package).await.unwrap();
    assert_eq!(lines(&double).iter().filter(|line| line.starts_with("PATCH")).count(), 1);
    assert_eq!(double.blob(REPOSITORY, package.digest().as_str()), Some(package.length()));
}

#[tokio::test]
async fn uploads_go_to_no_other_place() {
    let dir = tempfile::tempdir().unwrap();
    let package = package(&dir, 100);
    let elsewhere = Double::start(Guard::Open).await.unwrap();
    for place in [
        format!("http://{}/v2/x", elsewhere.host()),
        "https://evil.example/v2/x".to_owned(),
        "//evil.example/v2/x".to_owned(),
        "http://user:pw@127.0.0.1/".to_owned(),
        String::new(),
    ] {
        let double = Double::start(Guard::Bearer("t-canary".into())).await.unwrap();
        double.inject("POST", Fault::SendTo(place.clone()));
        let registry = to(&double).token("t-canary".to_owned().into()).build().unwrap();
        let error = registry.push_chart(&repository(), &package).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{place}: {error}");
        assert_eq!(error.publish_fault(), Some(&PublishFault::Escape), "{place}: {error}");
        assert!(!format!("{error:?}").contains("t-canary") && double.manifest(REPOSITORY, "1.4.2_b.7").is_none());
    }
    assert!(elsewhere.came().is_empty());
}

#[tokio::test]
async fn other_bytes_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let package = package(&dir, 100);
    for on in ["PUT", "PUT /v2/charts/com.example/web/manifests"] {
        let double = Double::start(Guard::Open).await.unwrap();
        double.inject(on, Fault::OtherDigest);
        let error = to(&double).anonymous().build().unwrap().push_chart(&repository(), &package).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.publish_fault()),
            (ErrorKind::Integrity, Some(&PublishFault::Differs)),
            "{error}"
        );
    }
    let double = Double::start(Guard::Open).await.unwrap();
    let registry = to(&double).anonymous().build().unwrap();
    registry.push_chart(&repository(), &package).await.unwrap();
    double.spoil(REPOSITORY, package.digest().as_str());
    let tag = Tag::parse("1.4.2_b.7").unwrap();
    let out = dir.path().join("out");
    for error in [
        registry.verify_chart(&repository(), &package).await.unwrap_err(),
        registry.pull_chart(&repository(), &tag, &out).await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.publish_fault()),
            (ErrorKind::Integrity, Some(&PublishFault::Differs)),
            "{error}"
        );
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "nothing is left of a pull that failed");

    // The archive changed after it was packed.
    fs::write(package.path(), vec![0; usize::try_from(package.length()).unwrap()]).unwrap();
    let double = Double::start(Guard::Open).await.unwrap();
    let error = to(&double).anonymous().build().unwrap().push_chart(&repository(), &package).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Integrity, Some("DIGEST_INVALID")), "{error}");
    fs::write(package.path(), b"short").unwrap();
    let error = to(&double).anonymous().build().unwrap().push_chart(&repository(), &package).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!((double.manifest(REPOSITORY, "1.4.2_b.7"), double.open_uploads()), (None, 0));
}

#[tokio::test]
async fn a_tag_that_is_taken_is_left_alone() {
    let double = Double::start(Guard::Open).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let registry = to(&double).anonymous().build().unwrap();
    let first = package(&dir, 10);
    let before = registry.push_chart(&repository(), &first).await.unwrap();
    let second = package(&dir, 20);
    let error = registry.push_chart(&repository(), &second).await.unwrap_err();
    assert_eq!((error.kind(), error.publish_fault()), (ErrorKind::Conflict, Some(&PublishFault::Taken)), "{error}");
    assert_eq!(double.manifest(REPOSITORY, "1.4.2_b.7").unwrap().0, before.manifest.as_str());
    let error = registry.verify_chart(&repository(), &second).await.unwrap_err();
    assert_eq!(error.publish_fault(), Some(&PublishFault::Differs));
    let after = registry.push_chart(&repository(), &second).overwrite().await.unwrap();
    assert_ne!(after.manifest, before.manifest);
}

#[tokio::test]
async fn a_password_is_sent_only_where_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let package = package(&dir, 5_000_000);
    for guard in [Guard::Basic("ci".into(), "pw".into()), Guard::Token("ci".into(), "pw".into())] {
        let double = Double::start(guard.clone()).await.unwrap();
        let registry = to(&double).user("ci", "pw".to_owned().into()).build().unwrap();
        registry.push_chart(&repository(), &package).await.unwrap();
        assert_eq!(double.came()[0].authorization, None, "the registry is asked first");
        let wrong = to(&double).user("ci", "canary".to_owned().into()).build().unwrap();
        let error = wrong.push_chart(&repository(), &package).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Credentials | ErrorKind::Unauthenticated), "{guard:?}: {error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        let none = to(&double).anonymous().build().unwrap();
        let error = none.push_chart(&repository(), &package).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{guard:?}: {error}");
    }
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_renewed() {
    let double = Double::start(Guard::Token("ci".into(), "pw".into())).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let package = package(&dir, 5_000_000);
    for on in ["POST", "PATCH", "PUT", "/manifests/1.4.2"] {
        double.inject(on, Fault::ExpireTokens);
    }
    let registry = to(&double).user("ci", "pw".to_owned().into()).build().unwrap();
    registry.push_chart(&repository(), &package).await.unwrap();
    assert_eq!(double.waiting(), 0);
    assert_eq!(double.blob(REPOSITORY, package.digest().as_str()), Some(package.length()));
    let asked = lines(&double).iter().filter(|line| line.contains("/token")).count();
    assert!((4..=5).contains(&asked), "one token for many requests: {asked}");
}

fn home(dir: &tempfile::TempDir, file: &str, text: &str) -> Environment {
    let path = dir.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    Environment::from_pairs([
        ("HOME", dir.path().to_str().unwrap()),
        ("NO_PROXY", "*"),
        ("PATH", &format!("{}:/usr/bin:/bin", dir.path().join("bin").display())),
    ])
}

#[tokio::test]
async fn what_docker_and_helm_know_is_used() {
    let out = tempfile::tempdir().unwrap();
    let package = package(&out, 10);
    let double = Double::start(Guard::Basic("ci".into(), "p:w".into())).await.unwrap();
    let host = double.host();
    let auth = "Y2k6cDp3"; // ci:p:w
    for (file, text) in [
        (".docker/config.json", format!("{{\"auths\":{{\"{host}\":{{\"auth\":\"{auth}\"}}}}}}")),
        (
            ".docker/config.json",
            format!("{{\"auths\":{{\"https://{host}/v1/\":{{\"auth\":\"{auth}\"}},\"other\":null}}}}"),
        ),
        (".config/helm/registry/config.json", format!("{{\"auths\":{{\"{host}\":{{\"auth\":\"{auth}\"}}}}}}")),
        (".docker/config.json", format!("{{\"auths\":{{\"{host}\":{{\"username\":\"ci\",\"password\":\"p:w\"}}}}}}")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let registry = to(&double).environment(home(&dir, file, &text)).build().unwrap();
        registry.push_chart(&repository(), &package).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    for bad in ["{", "{\"auths\":{\"HOST\":{\"auth\":\"canary%\"}}}", "{\"auths\": 7}"] {
        let dir = tempfile::tempdir().unwrap();
        let environment = home(&dir, ".docker/config.json", &bad.replace("HOST", &host));
        let error = to(&double).environment(environment).build().unwrap();
        let error = error.push_chart(&repository(), &package).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{bad}: {error}");
        assert!(
            !format!("{error:?}").contains("canary") && error.target().unwrap().ends_with("config.json"),
            "{error:?}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_credential_helper_is_asked_by_its_standard_input() {
    use std::os::unix::fs::PermissionsExt as _;

    let out = tempfile::tempdir().unwrap();
    let package = package(&out, 10);
    let double = Double::start(Guard::Token("ci".into(), "pw".into())).await.unwrap();
    let host = double.host();
    let helper = |dir: &tempfile::TempDir, script: &str| {
        let bin = dir.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let file: PathBuf = bin.join("docker-credential-test");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let good = "read host; echo \"$1 $host\" >> \"$0.log\"; echo '{\"Username\":\"ci\",\"Secret\":\"pw\"}'";
    for text in [format!("{{\"credHelpers\":{{\"{host}\":\"test\"}}}}"), "{\"credsStore\":\"test\"}".to_owned()] {
        let dir = tempfile::tempdir().unwrap();
        helper(&dir, good);
        let registry = to(&double).environment(home(&dir, ".docker/config.json", &text)).build().unwrap();
        registry.push_chart(&repository(), &package).await.unwrap();
        let log = fs::read_to_string(dir.path().join("bin/docker-credential-test.log")).unwrap();
        assert_eq!(log.trim(), format!("get {host}"));
    }
    // It knows nothing: the file does not either, so the registry's word is the error.
    for (script, words) in [
        ("echo 'credentials not found in native keychain'; exit 1", "wants"),
        ("echo no; exit 3", "the credential helper failed"),
        ("echo no", "cannot be read"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        helper(&dir, script);
        let environment = home(&dir, ".docker/config.json", "{\"credsStore\":\"test\"}");
        let error = to(&double).environment(environment).build().unwrap();
        let error = error.push_chart(&repository(), &package).overwrite().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{script}: {error}");
        assert!(error.to_string().contains(words) || words == "wants", "{script}: {error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let environment = home(&dir, ".docker/config.json", "{\"credsStore\":\"../evil\"}");
    let error = to(&double).environment(environment).build().unwrap();
    assert_eq!(error.push_chart(&repository(), &package).await.unwrap_err().kind(), ErrorKind::Credentials);
}

#[tokio::test]
async fn clear_text_goes_to_this_machine_only() {
    let registry = |host: &str| Registry::builder(RegistryHost::parse(host).unwrap()).plain_http();
    let error = registry("registry.example").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    registry("registry.example").danger_allow_clear_text().build().unwrap();
    registry("localhost:5000").build().unwrap();
}
