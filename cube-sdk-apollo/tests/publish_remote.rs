//! An image built elsewhere: the context goes up to a presigned place, the builder is asked until it is done.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cube_sdk_apollo::Apollo;
use cube_sdk_apollo::publish::{
    BuildState, BuildStatus, Chart, ImageBuild, PreparedBuild, Progress, PublishErrorExt, PublishFault, Registry,
    RegistryHost, RemoteBuild, RemoteBuilder,
};
use cube_sdk_core::config::Environment;
use cube_sdk_core::{ErrorKind, Result};
use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
use cube_sdk_testkit::apollo::{self, CLIENT_ID, CLIENT_SECRET};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A place that takes one upload; its head and the length of its body.
async fn bucket() -> (String, Arc<Mutex<Vec<(String, usize)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&taken);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let mut buffer = vec![0; 64 * 1024];
            let (head, body) = loop {
                let read = stream.read(&mut buffer).await.unwrap();
                bytes.extend_from_slice(&buffer[..read]);
                let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
                });
                if bytes.len() >= end + 4 + length.unwrap() {
                    break (head, length.unwrap());
                }
            };
            noted.lock().unwrap().push((head, body));
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    });
    (format!("http://{address}/ctx?X-Amz-Signature=canary-signature"), taken)
}

#[derive(Debug)]
struct Builder {
    url: String,
    ends: Mutex<Vec<BuildStatus>>,
    started: Arc<Mutex<Vec<RemoteBuild>>>,
}

#[async_trait]
impl RemoteBuilder for Builder {
    async fn prepare(&self, image: &str, tag: &str) -> Result<PreparedBuild> {
        assert_eq!((image, tag), ("web", "1.4.3"));
        Ok(PreparedBuild { job: "j-1".into(), upload_url: self.url.clone().into() })
    }

    async fn start(&self, build: &RemoteBuild) -> Result<()> {
        self.started.lock().unwrap().push(build.clone());
        Ok(())
    }

    async fn status(&self, job: &str) -> Result<BuildStatus> {
        assert_eq!(job, "j-1");
        Ok(self.ends.lock().unwrap().remove(0))
    }
}

fn at(state: BuildState) -> BuildStatus {
    BuildStatus { state: Some(state), ..BuildStatus::default() }
}

async fn release(
    ends: Vec<BuildStatus>,
) -> (Result<Option<String>>, Vec<Progress>, Vec<RemoteBuild>, Vec<(String, usize)>) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("web");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
    let apollo = apollo::Double::empty().unwrap().serve().await.unwrap();
    let double = Double::start(Guard::Open).await.unwrap();
    let environment = Environment::from_pairs([
        ("CUBE_APOLLO_URL", apollo.url().as_str()),
        ("CUBE_APOLLO_CLIENT_ID", CLIENT_ID),
        ("CUBE_APOLLO_CLIENT_SECRET", CLIENT_SECRET),
        ("NO_PROXY", "*"),
    ]);
    let client = Apollo::from_environment(&environment).unwrap();
    let registry = Registry::builder(RegistryHost::parse(&double.host()).unwrap()).plain_http().anonymous();
    let registry = registry.environment(&environment).build().unwrap();
    let (url, taken) = bucket().await;
    let started = Arc::new(Mutex::new(Vec::new()));
    let builder = Builder { url, ends: Mutex::new(ends), started: Arc::clone(&started) };
    let build = ImageBuild::of_chart(&folder).unwrap().unwrap();
    let build = build.build_arg("NPM_TOKEN", "canary-arg".to_owned().into()).unwrap();
    let chart = Chart::find(Some(&folder)).unwrap();
    let plan = client.publish().release(&chart).group("com.example").registry(registry).remote_image(build, builder);
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let run = plan.plan().unwrap().run().progress(move |event| seen.lock().unwrap().push(event));
    let outcome = run.await;
    if outcome.is_err() {
        assert!(double.manifest("charts/com.example/web", "1.4.3").is_none() && apollo.requests().is_empty());
        assert_eq!(Chart::find(Some(&folder)).unwrap().version().as_str(), "1.4.2");
    }
    let (events, started, taken) =
        (events.lock().unwrap().clone(), started.lock().unwrap().clone(), taken.lock().unwrap().clone());
    (outcome.map(|report| report.image), events, started, taken)
}

#[tokio::test]
async fn a_context_goes_up_without_credentials_and_the_states_are_told() {
    let image = "registry.example/com.example/web:1.4.3";
    let done = BuildStatus { image: Some(image.into()), ..at(BuildState::Succeeded) };
    let (outcome, events, started, taken) = release(vec![done]).await;
    assert_eq!(outcome.unwrap().as_deref(), Some(image));
    let [(head, body)] = taken.as_slice() else { panic!("{}", taken.len()) };
    assert!(head.starts_with("PUT /ctx?X-Amz-Signature=canary-signature HTTP/1.1") && *body > 50, "{head}");
    assert!(
        !head.to_ascii_lowercase().contains("authorization") && !head.to_ascii_lowercase().contains("content-type")
    );
    assert_eq!((started[0].dockerfile.as_str(), started[0].platform.as_str()), ("Dockerfile", "linux/amd64"));
    assert!(events.contains(&Progress::Build("SUCCEEDED".into())), "{events:?}");
    assert!(!format!("{events:?}{started:?}").contains("canary"));
}

#[tokio::test]
async fn a_failed_build_says_why_and_stops_everything() {
    let failed = BuildStatus {
        reason: Some("OutOfMemory".into()),
        exit_code: Some(137),
        log: Some(format!("{}\nstep 7 of canary-arg\nkilled", "x".repeat(9_000))),
        ..at(BuildState::Failed)
    };
    let (outcome, events, ..) = release(vec![failed]).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.publish_fault()), (ErrorKind::Server, Some(&PublishFault::BuildFailed)));
    let line = error.to_string();
    assert!(line.contains("137") && line.contains("OutOfMemory") && line.contains("nothing was published"), "{line}");
    assert!(!format!("{error:?}{events:?}").contains("canary"), "{error:?}");
}
