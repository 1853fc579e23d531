//! The SDK's own client at each process, and what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cube_sdk_byo::EdgeGate;
use cube_sdk_byo::rest::{ArtifactId, PipelineId};
use cube_sdk_core::engine::Clocks;
use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, ErrorKind};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::PATIENCE;
use crate::processes::{Fleet, World};

/// What the clients were told was kept, and how their calls ended.
#[derive(Clone, Default)]
pub struct Told(pub Arc<Mutex<Kept>>);

#[derive(Default)]
pub struct Kept {
    pub runs: BTreeSet<String>,
    pub artifacts: BTreeSet<String>,
    /// Audit rows that were shown.
    pub rows: BTreeSet<i64>,
    pub calls: BTreeMap<String, usize>,
    pub unexpected: Vec<String>,
}

#[derive(Clone)]
pub struct Client {
    doors: Vec<EdgeGate>,
    workspace: String,
    key: String,
}

/// What a workspace runs and registers.
#[derive(Clone)]
pub struct Subject {
    pipeline: PipelineId,
    model: ArtifactId,
    uri: String,
}

impl Client {
    pub fn new(fleet: &Fleet<'_>, number: usize) -> Self {
        let (workspace, key) = fleet.workspace(number);
        let mut clocks = Clocks::default();
        // A process that is stopped takes connections and says nothing.
        (clocks.first_byte, clocks.attempt) = (Duration::from_secs(15), Duration::from_secs(20));
        let door =
            |url: String| EdgeGate::builder().base_url(url).api_key(key.clone().into()).clocks(clocks).build().unwrap();
        let doors = fleet.addresses().into_iter().map(door).collect();
        Self { doors, workspace, key }
    }

    /// A grant, a model, a pack and a pipeline, while all processes are well.
    pub async fn settle(&self, world: &World) -> Subject {
        let mut clocks = Clocks::default();
        (clocks.first_byte, clocks.attempt, clocks.deadline) = (PATIENCE, PATIENCE, PATIENCE);
        let door = EdgeGate::builder().base_url(self.doors[0].base_url().as_str()).clocks(clocks);
        let door = door.api_key(self.key.clone().into()).build().unwrap();
        let here = door.workspace(self.workspace.as_str());
        let (role, bucket, region) = (world.text("role_arn"), world.text("bucket"), world.text("region"));
        here.byo().register(role, bucket, region).await.unwrap();
        let uri = format!("s3://{bucket}/{}", world.text("object_key"));
        let model = here.byo().register_artifact(uri.as_str()).await.unwrap();
        let content = json!({ "promptpack_id": "p", "version": "1.0.0", "name": "P",
            "cases": [{ "case_id": "one", "name": "One", "prompt": "Say one." }] });
        let pack = json!({ "promptpack_id": "p", "version": "1.0.0", "content": content });
        self.must("POST", "/promptpacks", &pack);
        self.must("PUT", "/promptpacks/p/1.0.0/publish", &Value::Null);
        let pipeline = json!({ "name": "Mine",
            "device_matrix": [{ "name": "QCS8550 (Proxy)", "enabled": true }],
            "promptpack_ref": { "promptpack_id": "p", "version": "1.0.0" },
            "gates": [{ "metric": "first_load_time_ms", "operator": "lte", "threshold": 600_000 }] });
        let pipeline = self.must("POST", "/pipelines", &pipeline);
        Subject { pipeline: pipeline["id"].as_str().unwrap().parse().unwrap(), model: model.id, uri }
    }

    /// A request that the SDK's client has no call for.
    fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(self.doors[0].base_url().socket_addrs(|| None).unwrap()[0]).unwrap();
        write!(
            stream,
            "{method} /v1/workspaces/{}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\
             Content-Type: application/json\r\nConnection: close\r\n\r\n{body}",
            self.workspace,
            self.key,
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 20"), "{method} {path}: {reply}");
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap_or(Value::Null)
    }

    pub async fn load(self, subject: Subject, stop: watch::Receiver<bool>, told: Told, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut number = 0;
        while !*stop.borrow() {
            number += 1;
            let here = self.doors[random.usize(..self.doors.len())].workspace(self.workspace.as_str());
            let (what, ended) = match random.u8(..3) {
                0 => {
                    let triggered = here.runs().trigger(subject.pipeline).model(subject.model).await;
                    let kept = triggered.map(|run| told.kept().runs.extend([run.id.to_string()]));
                    ("trigger", kept)
                }
                1 => {
                    let name = format!("{seed}-{number}.onnx");
                    let registered = here.byo().register_artifact(subject.uri.as_str()).original_filename(name).await;
                    ("register", registered.map(|model| told.kept().artifacts.extend([model.id.to_string()])))
                }
                _ => {
                    let page = here.byo().audit().page_size(20).await;
                    let shown = |page: cube_sdk_byo::rest::AuditPage| {
                        told.kept().rows.extend(page.entries.into_iter().filter_map(|row| row.id));
                    };
                    ("audit", page.map(shown))
                }
            };
            told.ended(what, ended);
            tokio::time::sleep(Duration::from_millis(random.u64(20..150))).await;
        }
    }
}

impl Told {
    pub fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    fn ended(&self, what: &str, ended: Result<(), Error>) {
        let mut kept = self.kept();
        let how = match &ended {
            Ok(()) => "done".to_owned(),
            Err(error) => error.kind().to_string(),
        };
        *kept.calls.entry(format!("{what} {how}")).or_default() += 1;
        if let Err(error) = ended
            && !says_whether_to_repeat(&error)
        {
            kept.unexpected.push(format!("{what}: {error}"));
        }
    }
}

/// Either the service answered, by a status that says so; or the error says whether anything was sent.
fn says_whether_to_repeat(error: &Error) -> bool {
    match error.status().map(|status| status.as_u16()) {
        // Another run is under way; the workspace's places are taken; the process's database, or what it reads, is not well.
        Some(status) => matches!(status, 409 | 429 | 503) && error.sent() == Sent::Yes,
        None => match error.kind() {
            ErrorKind::Connect => error.sent() == Sent::No,
            ErrorKind::Transport | ErrorKind::Timeout => {
                error.sent() == Sent::Unknown && error.to_string().contains("sent: unknown")
            }
            _ => false,
        },
    }
}
