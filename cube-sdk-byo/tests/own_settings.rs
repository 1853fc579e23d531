//! AWS's own settings as AWS's tools read them: a silent instance-metadata address costs no more than its limits, and
//! is not asked for what is known.
//!
//! The sources of keys and regions read the process's environment, so the calls are made by this test binary itself,
//! started again with an environment of its own.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod world;

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cube_sdk_byo::{S3Uri, Storage};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_testkit::aws::Object;
use futures_util::StreamExt;
use world::account;

const CHILD: &str = "CUBE_TEST_OWN_SETTINGS";

/// Accepts connections and says nothing, as an address that swallows everything does.
fn silent() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok(connection) = listener.accept() {
            counter.fetch_add(1, Ordering::SeqCst);
            held.push(connection);
        }
    });
    (url, asked)
}

/// This binary, running only the named test, with nothing of AWS in its environment but what is given here.
fn child(test: &str, metadata: &str, home: &std::path::Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).stdout(Stdio::piped()).stderr(Stdio::inherit());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
    }
    command.env(CHILD, "1").env("HOME", home).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata);
    command
}

async fn ended(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn child_looks_for_keys() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let storage = Storage::builder().endpoint_url("http://127.0.0.1:1".parse().unwrap()).build().unwrap();
        let session = storage.own_session("acme-edge-models", "eu-central-1").unwrap();
        let begun = Instant::now();
        let open = session.open("s3://acme-edge-models/k").deadline(Duration::from_millis(300));
        let error = open.await.unwrap_err();
        println!("\nfirst {} {}", error.kind(), begun.elapsed().as_millis());
        let error = session.open("s3://acme-edge-models/k").await.unwrap_err();
        println!("\nsecond {} {}", error.kind(), begun.elapsed().as_millis());
    });
}

#[tokio::test]
async fn a_silent_metadata_address_is_left_when_the_deadline_or_its_own_limits_say_so() {
    let ((url, asked), home) = (silent(), tempfile::tempdir().unwrap());
    let text = ended(child("child_looks_for_keys", &url, home.path())).await;
    let line = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{text}"));
        let (kind, millis) = line.trim().rsplit_once(' ').unwrap();
        (kind.to_owned(), Duration::from_millis(millis.parse().unwrap()))
    };
    assert!(asked.load(Ordering::SeqCst) > 0, "it is asked when nobody else has keys");
    let (kind, first) = line("first ");
    assert_eq!(kind, cube_sdk_core::ErrorKind::Timeout.to_string(), "{text}");
    // The SDK's own limits are one second a try and a few tries; the default clocks would be some twenty and more.
    assert!(first < Duration::from_secs(10), "the deadline was 0.3 s: {text}");
    let (kind, second) = line("second ");
    assert_eq!(kind, cube_sdk_core::ErrorKind::Credentials.to_string(), "{text}");
    assert!(second < Duration::from_secs(30), "{text}");
}

#[test]
fn child_reads_with_keys_of_its_own() {
    let (Some(_), Ok(uri), Ok(region)) =
        (std::env::var_os(CHILD), std::env::var("CUBE_TEST_URI"), std::env::var("CUBE_TEST_REGION"))
    else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let storage = Storage::builder().build().unwrap();
        let uri: S3Uri = uri.parse().unwrap();
        let session = storage.own_session(uri.bucket().clone(), region).unwrap();
        let mut reader = session.open(uri).await.unwrap();
        let mut got = 0;
        while let Some(chunk) = reader.next().await {
            got += chunk.unwrap().len();
        }
        println!("\nread {got}");
    });
}

#[tokio::test]
async fn nobody_is_asked_for_a_region_that_is_known() {
    let account = account().await;
    let uri = account.put(Object::generated(1, 3_000_000));
    let ((url, asked), home) = (silent(), tempfile::tempdir().unwrap());
    let admin = &account.world.card().admin;
    let mut command = child("child_reads_with_keys_of_its_own", &url, home.path());
    command
        .env("AWS_ACCESS_KEY_ID", &admin.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", admin.secret_access_key.expose_secret())
        .env("AWS_ENDPOINT_URL", account.world.endpoint_url())
        .env("CUBE_TEST_URI", uri.to_string())
        .env("CUBE_TEST_REGION", account.world.region());
    let text = ended(command).await;
    assert!(text.contains("read 3000000"), "{text}");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "keys and region were known");
}
