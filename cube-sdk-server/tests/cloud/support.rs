//! The service beside doubles of what stands behind it, and plain clients: no code of ours but the server.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use cube_sdk_core::Clock;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::cloud::{CloudService, CloudSettings};
use cube_sdk_server::listener::Listener;
use cube_sdk_server::metrics::Metrics;
use cube_sdk_server::store::Store;
use cube_sdk_testkit::apollo::{CLIENT_ID, CLIENT_SECRET, Double};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub const PASSWORD: &str = "correct horse battery";

pub struct Cloud {
    pub url: String,
    pub address: SocketAddr,
    pub store: Store,
    pub apollo: Double,
    pub metrics: Metrics,
    _dir: tempfile::TempDir,
    _listener: Listener,
    service: CloudService,
}

thread_local! {
    /// One per test, because each test has a thread and a runtime of its own.
    static HTTP: reqwest::Client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
}

pub fn http() -> reqwest::Client {
    HTTP.with(reqwest::Client::clone)
}

/// A TCP app that answers each byte with itself.
pub async fn echo() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

/// What stands in the kubeconfig of the cluster `cube-7`.
pub const CLUSTER_SECRET: &str = "Y2FuYXJ5LW9mLXRoZS1jbHVzdGVy";

fn kubeconfig(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:1\nusers:\n- name: u\n  user:\n    \
         client-certificate-data: Y2VydA==\n    client-key-data: {CLUSTER_SECRET}\ncontexts:\n- name: {name}\n  context:\n    cluster: c\n    user: u\n\
         current-context: {name}\n"
    )
}

#[cfg(unix)]
fn fake_kubectl(dir: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let nodes = r#"{"items":[{"metadata":{"name":"n1"},"status":{"capacity":{"cpu":"4","memory":"8Gi","pods":"110"},
        "nodeInfo":{"kubeletVersion":"v1.30.1"},"conditions":[{"type":"Ready","status":"True"},
        {"type":"DiskPressure","status":"True","message":"the disk is full"}]}}]}"#;
    let services = r#"{"items":[{"metadata":{"name":"web","namespace":"shop"},"spec":{"ports":[{"port":80}]}},
        {"metadata":{"name":"dns","namespace":"kube-system"},"spec":{"ports":[{"port":53}]}}]}"#;
    let running = dir.join("running");
    let running = running.display();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *'get nodes'*) echo '{nodes}';; *'get services'*) echo '{services}';; \
         *'get events'*) echo $$ > {running}.new; mv {running}.new {running}; exec sleep 600;; *) echo \"ran $*\"; echo 'password: canary-of-kubectl';; esac\n"
    );
    let program = dir.join("kubectl");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

impl Cloud {
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With more lines in its settings.
    pub async fn with(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fake_kubectl(dir.path());
        for cluster in ["cube-7", "other-1"] {
            let output = dir.path().join("tbot/kube").join(cluster);
            std::fs::create_dir_all(&output).unwrap();
            std::fs::write(output.join("kubeconfig.yaml"), kubeconfig(cluster)).unwrap();
        }
        let apollo = Double::seeded().unwrap().serve().await.unwrap();
        let (app, dead) = (echo().await, "127.0.0.1:1");
        let (base, url) = (dir.path().display(), apollo.url());
        let credentials = format!("apollo: {{ client_id: {CLIENT_ID}, client_secret: '{CLIENT_SECRET}' }}");
        let settings = format!(
            "url: http://cube.example\napollo_url: {url}\nkubectl: {base}/kubectl\ntbot: {{ outputs: {base}/tbot }}\n\
             apps: {{ echo: '{app}', dead: '{dead}', secret-app: '{app}' }}\n{more}\nprofiles:\n\
             \x20 admin: {{ groups: [admin], {credentials}, clusters: ['*'], apps: ['*'], admin: true }}\n\
             \x20 reader: {{ groups: [readers], {credentials}, clusters: ['cube-*'], apps: [echo, dead], read_only: true }}\n\
             \x20 bare: {{ groups: [bare], clusters: [], apps: [] }}\n\
             \x20 narrow: {{ groups: [narrow], {credentials}, tools: [list_products] }}\n"
        );
        let store = Store::open(&dir.path().join("cloud.sqlite")).await.unwrap();
        let metrics = Metrics::new();
        let service = CloudService::builder(store.clone(), CloudSettings::from_yaml(&settings).unwrap());
        let service = service.metrics(metrics.clone()).start().unwrap();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), service.router()).await.unwrap();
        let (url, address) = (listener.url(), listener.address());
        Self { url, address, store, apollo, metrics, _dir: dir, _listener: listener, service }
    }

    /// Its endpoints, to be served once more.
    pub fn router(&self) -> axum::Router {
        self.service.router()
    }

    /// Where the service's files are.
    pub fn dir(&self) -> &Path {
        self._dir.path()
    }

    /// A key of a new owner with this group.
    pub async fn key(&self, group: &str) -> String {
        let owner = format!("bot-of-{group}");
        let made = self.store.create_key(&owner, &[group.to_owned()], "test", None, Clock::system()).await.unwrap();
        made.api_key.expose_secret().to_owned()
    }

    /// A user with a password.
    pub async fn user(&self, name: &str, groups: &[&str]) {
        let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
        self.store.add_user(name, &groups, PASSWORD.to_owned().into(), Clock::system()).await.unwrap();
    }

    /// Exactly what the published agent sends for a call of a tool, and what it makes of the answer.
    pub async fn agent_call(&self, key: &str, tool: &str, arguments: Value) -> Result<String, String> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": tool, "arguments": arguments } });
        let response = self.post(key, &body, &[]).await;
        read_as_the_agent(response).await
    }

    /// As a client that speaks the protocol; the reply's `result` or `error`.
    pub async fn mcp(&self, key: &str, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let response = self.post(key, &body, &[("mcp-protocol-version", "2025-06-18")]).await;
        assert_eq!(response.status(), StatusCode::OK, "{method}");
        last_message(response).await
    }

    pub async fn post(&self, key: &str, body: &Value, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = http()
            .request(Method::POST, format!("{}/mcp/", self.url))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.to_string()).send().await.unwrap()
    }
}

/// The JSON of a reply: the body, or the last line of an event stream that starts with `data: `.
pub async fn last_message(response: reqwest::Response) -> Value {
    let is_stream = response.headers()["content-type"].to_str().unwrap().contains("text/event-stream");
    let text = response.text().await.unwrap();
    let json = match is_stream {
        true => text.lines().rev().find_map(|line| line.strip_prefix("data: ")).expect("a line with data").to_owned(),
        false => text,
    };
    serde_json::from_str(&json).unwrap()
}

async fn read_as_the_agent(response: reqwest::Response) -> Result<String, String> {
    match response.status().as_u16() {
        200 => {}
        401 => return Err("401".to_owned()),
        403 => return Err("403".to_owned()),
        other => return Err(format!("{other}: {}", response.text().await.unwrap())),
    }
    let message = last_message(response).await;
    if let Some(error) = message.get("error") {
        return Err(format!("remote error {}: {}", error["code"], error["message"].as_str().unwrap()));
    }
    let items = message["result"]["content"].as_array().unwrap();
    Ok(items
        .iter()
        .filter(|item| item["type"] == "text")
        .map(|item| item["text"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n"))
}

/// Sends bytes as they are; the whole answer.
pub async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_string(&mut reply));
    read.await.unwrap().unwrap();
    reply
}
