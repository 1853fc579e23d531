//! Clusters, by tbot's kubeconfigs and the real kubectl.

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::Nothing;
use super::call::{Call, Reply};
use super::tool::Tool;
use crate::cloud::kubectl::Command;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct OfCluster {
    /// Name from `cube_list`.
    cluster: String,
}

#[derive(Deserialize, JsonSchema)]
struct Exec {
    /// Name from `cube_list`.
    cluster: String,
    /// The command without the leading word `kubectl`, such as `get pods -n default`. Only reading is served.
    command: String,
}

#[derive(Deserialize, JsonSchema)]
struct Services {
    /// Name from `cube_list`.
    environment: String,
    /// Only this namespace; without it, those of the system are left out.
    namespace: Option<String>,
}

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("cube_list", Effect::Read, Needs::Clusters, list)
            .about("List clusters", "The Cube clusters that the server reaches and your profile may see.")
            .gives(&[("clusters", "array")]),
        Tool::new("cube_status", Effect::Read, Needs::Clusters, status)
            .about("Status of a cluster", "The nodes of a cluster with their conditions and capacity.")
            .gives(&[("cluster", "string"), ("nodes", "array")]),
        Tool::new("cube_cluster_login", Effect::Credential, Needs::Clusters, login)
            .about("Log in to a cluster", "A self-contained kubeconfig of a cluster, as JSON text with its expiry.")
            .gives(&[("kubeconfig", "string"), ("expires_at", "string"), ("cluster", "string")]),
        Tool::new("kubectl_exec", Effect::Read, Needs::Clusters, exec)
            .about(
                "Run kubectl",
                "Runs one kubectl command that only reads: get, describe, logs, top, events, version, cluster-info, \
                 api-resources, api-versions, explain, rollout status and history, auth can-i. Secrets are masked.",
            )
            .gives(&[("output", "string")]),
        Tool::new("list_services", Effect::Read, Needs::Clusters, services)
            .about("List services", "The Services of a cluster, with the in-cluster address of each port.")
            .gives(&[("services", "array")]),
    ]
}

async fn list(call: Call, _: Nothing) -> Result<Reply> {
    let mut names: Vec<_> = call.app.clusters.list().await?.into_iter().map(|cluster| cluster.name).collect();
    names.retain(|name| call.caller.profile().clusters.matches(name));
    let text = if names.is_empty() { "No cluster is reachable for your profile.".to_owned() } else { names.join("\n") };
    Ok(Reply::new(text + "\n", json!({ "clusters": names })))
}

async fn status(call: Call, args: OfCluster) -> Result<Reply> {
    let cluster = call.cluster(&args.cluster).await?;
    let kubectl = call.app.clusters.kubectl();
    let found = kubectl.json(&cluster.target(), &["get", "nodes", "--output=json"]).await?;
    let nodes: Vec<Value> = found["items"].as_array().into_iter().flatten().map(node).collect();
    let mut text = format!("{}: {} nodes\n", cluster.name, nodes.len());
    for node in &nodes {
        let ready = if node["ready"] == true { "Ready" } else { "NotReady" };
        let word = |name: &str| node[name].as_str().unwrap_or("unknown").to_owned();
        text.push_str(&format!(
            "{}  {ready}  {}  cpu {}  memory {}  pods {}\n",
            word("name"),
            word("version"),
            word("cpu"),
            word("memory"),
            word("pods")
        ));
        for problem in node["problems"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            text.push_str(&format!("  {problem}\n"));
        }
    }
    Ok(Reply::new(text, json!({ "cluster": cluster.name, "nodes": nodes })))
}

fn node(item: &Value) -> Value {
    let conditions = item["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let is = |condition: &Value, kind: &str, status: &str| condition["type"] == kind && condition["status"] == status;
    let ready = conditions.iter().any(|condition| is(condition, "Ready", "True"));
    let problems = conditions.iter().filter(|condition| {
        let good = if condition["type"] == "Ready" { "True" } else { "False" };
        condition["status"] != good
    });
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let problems =
        problems.map(|it| format!("{} is {}: {}", words(&it["type"]), words(&it["status"]), words(&it["message"])));
    let capacity = &item["status"]["capacity"];
    json!({
        "name": item["metadata"]["name"],
        "ready": ready,
        "version": item["status"]["nodeInfo"]["kubeletVersion"],
        "cpu": capacity["cpu"],
        "memory": capacity["memory"],
        "pods": capacity["pods"],
        "problems": problems.collect::<Vec<_>>(),
    })
}

async fn login(call: Call, args: OfCluster) -> Result<Reply> {
    let cluster = call.cluster(&args.cluster).await?;
    let login = cluster.login().await?;
    let expires_at = login.expires_at.map_or_else(|| "unknown".to_owned(), |time| time.to_string());
    let data =
        json!({ "kubeconfig": login.kubeconfig.expose_secret(), "expires_at": expires_at, "cluster": cluster.name });
    // The published agent reads the text as JSON.
    Ok(Reply::new(data.to_string(), data))
}

async fn exec(call: Call, args: Exec) -> Result<Reply> {
    let command = Command::read(&args.command).map_err(|refused| {
        Error::new(ErrorKind::InvalidInput, format!("command: {refused}")).advice("only reading is served")
    })?;
    let cluster = call.cluster(&args.cluster).await?;
    let output = call.app.clusters.kubectl().run(&cluster.target(), &command).await?;
    Ok(Reply::new(output.clone(), json!({ "output": output })))
}

async fn services(call: Call, args: Services) -> Result<Reply> {
    let cluster = call.cluster(&args.environment).await?;
    let found = call
        .app
        .clusters
        .kubectl()
        .json(&cluster.target(), &["get", "services", "--all-namespaces", "--output=json"])
        .await?;
    let (mut text, mut services) = (String::new(), Vec::new());
    for item in found["items"].as_array().into_iter().flatten() {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, namespace) = (word(&item["metadata"]["name"]), word(&item["metadata"]["namespace"]));
        let wanted = args.namespace.as_ref().map_or_else(|| !is_of_the_system(&namespace), |only| *only == namespace);
        if !wanted {
            continue;
        }
        for port in item["spec"]["ports"].as_array().into_iter().flatten() {
            let number = port["port"].as_u64().unwrap_or_default();
            let scheme = scheme(number, &word(&port["name"]));
            let uri = format!("{scheme}://{name}.{namespace}.svc.cluster.local:{number}");
            text.push_str(&format!("{namespace}/{name}  port {number}  {uri}\n"));
            services.push(json!({ "name": name, "namespace": namespace, "port": number, "app_uri": uri }));
        }
    }
    if services.is_empty() {
        text.push_str("No service fits.\n");
    }
    Ok(Reply::new(text, json!({ "services": services })))
}

fn is_of_the_system(namespace: &str) -> bool {
    const EXACT: [&str; 5] = ["kube-system", "kube-public", "kube-node-lease", "groundcover", "teleport"];
    EXACT.contains(&namespace) || namespace.starts_with("openshift")
}

/// What a port most likely speaks: a suggestion, to be checked by whoever takes it.
fn scheme(port: u64, name: &str) -> &'static str {
    match name.split('-').next() {
        Some("https") => "https",
        Some("http" | "web") => "http",
        _ if port == 443 || port == 8443 => "https",
        _ if port == 80 || port == 8080 => "http",
        _ => "tcp",
    }
}
