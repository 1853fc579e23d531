//! Clusters by way of the server: the real kubectl against the double of an API server. With `CUBE_REAL=1`.

use std::path::{Path, PathBuf};

use cube_sdk::prelude::*;
use cube_sdk_server::local::World;

fn is_real() -> bool {
    std::env::var("CUBE_REAL").ok().as_deref() == Some("1")
}

/// The real one: that of `CUBE_REAL_BIN`, else the path's.
pub(crate) fn program() -> PathBuf {
    let own = std::env::var_os("CUBE_REAL_BIN").map(|bin| Path::new(&bin).join("kubectl"));
    own.filter(|program| program.exists()).unwrap_or_else(|| "kubectl".into())
}

async fn world() -> World {
    World::builder().kubectl(program()).start().await.unwrap()
}

/// What shows that an option of a line was heeded.
enum Sees {
    /// It does not print this.
    Without(&'static str),
    /// It prints one before the other.
    Order(&'static str, &'static str),
    /// The server was asked with this in the path or query.
    Asked(&'static str),
}
use Sees::{Asked, Order, Without};

/// Lines that would print their word without their option too.
const OPTIONS: [(&str, Sees); 28] = [
    ("get nodes --no-headers", Without("STATUS")),
    ("get nodes -o name", Without("STATUS")),
    ("get node node-1", Without("node-2")),
    ("get ns kube-system", Without("shop")),
    ("get pods -n shop", Without("dns-1")),
    ("get pods --namespace=shop", Without("dns-1")),
    ("get pods --namespace shop --output wide", Without("dns-1")),
    ("get po -A", Asked("/api/v1/pods?")),
    ("get pods --all-namespaces", Asked("/api/v1/pods?")),
    ("get pods -n shop -l app=web", Asked("labelSelector=app%3Dweb")),
    ("get pods -A --selector app!=web", Without("web-1")),
    ("get pods -A -l 'app in (dns)'", Without("web-1")),
    ("get pods -A --field-selector spec.nodeName=node-2", Without("web-1")),
    ("get pods -A --field-selector status.phase=Running", Asked("fieldSelector=status.phase%3DRunning")),
    ("get pod web-1 -n shop", Without("web-2")),
    ("get pod/web-1 -n shop", Without("web-2")),
    ("get pod web-1 -n shop -o json", Without("web-2")),
    ("get pod web-1 -n shop -o yaml", Without("web-2")),
    ("get pods -A --sort-by .metadata.name", Order("aaa-1", "dns-1")),
    ("get svc web -n shop", Without("kubernetes")),
    ("get cm web -n shop -o yaml", Asked("/namespaces/shop/configmaps/web")),
    ("logs pod/web-1 -n shop --tail 1", Without("starting")),
    ("logs web-1 -n shop -c main", Asked("container=main")),
    ("logs dns-1 --namespace kube-system", Without("starting")),
    ("logs web-1 -n shop --timestamps", Order("2026-07-01T08:00:01Z", "starting")),
    ("logs web-1 -n shop --since 1h", Without("starting")),
    ("logs web-1 -n shop --since-time 2026-07-01T08:00:02Z", Without("starting")),
    ("top pods -n shop", Without("dns-1")),
];

/// Honest commands, and a word of what each prints.
const LINES: [(&str, &str); 60] = [
    ("get nodes", "NotReady"),
    ("get nodes -o wide", "OS-IMAGE"),
    ("get no", "node-2"),
    ("get node node-1", "control-plane"),
    ("get nodes -o json", "\"kubeletVersion\""),
    ("get nodes -o yaml", "kubeletVersion: v1.32.4"),
    ("get nodes -o name", "node/node-1"),
    ("get nodes --no-headers", "node-1"),
    ("get nodes --show-labels", "kubernetes.io/hostname=node-1"),
    ("get namespaces", "shop"),
    ("get ns kube-system", "Active"),
    ("get pods -n shop", "web-1"),
    ("get pods --namespace=shop", "web-2"),
    ("get pods --namespace shop --output wide", "node-1"),
    ("get po -A", "kube-system"),
    ("get pods --all-namespaces", "dns-1"),
    ("get pods -n shop -l app=web", "web-2"),
    ("get pods -A --selector app!=web", "dns-1"),
    ("get pods -A -l 'app in (dns)'", "dns-1"),
    ("get pods -A --field-selector spec.nodeName=node-2", "web-2"),
    ("get pods -A --field-selector status.phase=Running", "web-1"),
    ("get pod web-1 -n shop", "Running"),
    ("get pod web-1 -n shop -o json", "\"podIP\""),
    ("get pod web-1 -n shop -o yaml", "phase: Running"),
    ("get pods web-1 web-2 -n shop", "web-2"),
    ("get pod/web-1 -n shop", "Running"),
    ("get pods,services -n shop", "service/web"),
    ("get pods -n shop -L app", "APP"),
    ("get pods -n shop --show-kind", "pod/web-1"),
    ("get pod nobody -n shop --ignore-not-found", ""),
    ("get pods -A --sort-by .metadata.name", "dns-1"),
    ("get services -A", "kubernetes"),
    ("get svc web -n shop", "80/TCP"),
    ("get deployments -n shop", "2/2"),
    ("get deploy web -n shop -o yaml", "replicas: 2"),
    ("get deployments.apps -n shop", "web"),
    ("get rs -n shop", "web-5d4f"),
    ("get configmaps -n shop", "web"),
    ("get cm web -n shop -o yaml", "color: blue"),
    ("get secrets -n shop", "Opaque"),
    ("get events -n shop", "BackOff"),
    ("get leases -n kube-node-lease", "node-1"),
    ("describe node node-1", "KubeletReady"),
    ("describe pod web-1 -n shop", "Back-off"),
    ("describe service web -n shop", "ClusterIP"),
    ("describe deployment web -n shop", "RollingUpdate"),
    ("logs web-1 -n shop", "starting"),
    ("logs pod/web-1 -n shop --tail 1", "listening"),
    ("logs web-1 -n shop -c main", "starting"),
    ("logs dns-1 --namespace kube-system", "serving"),
    ("top nodes", "250m"),
    ("top pods -n shop", "32Mi"),
    ("events -n shop", "BackOff"),
    ("version", "v1.32.4"),
    ("cluster-info", "kube-dns"),
    ("api-resources", "Deployment"),
    ("api-versions", "apps/v1"),
    ("explain pods", "is a resource of the cluster"),
    ("rollout history deployment/web -n shop", "REVISION"),
    ("auth can-i get pods", "yes"),
];

#[tokio::test]
async fn honest_commands_run() {
    if !is_real() {
        return;
    }
    let world = world().await;
    let kube = Cube::builder().environment(world.environment()).build().kube().unwrap();
    let cluster = world.card().kube.cluster.as_str();
    let mut failed = Vec::new();
    for (line, wanted) in LINES {
        match kube.kubectl(cluster, line).await {
            Ok(output) if output.contains("canary") => failed.push(format!("{line}: shows a secret: {output}")),
            Ok(output) if output.contains(wanted) => {}
            Ok(output) => failed.push(format!("{line}: no `{wanted}` in {output}")),
            Err(error) => failed.push(format!("{line}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), LINES.len(), failed.join("\n"));
    assert!(!Path::new("/nonexistent/.kube").exists(), "the program kept something");
    let asked = world.cluster().requests();
    assert!(asked.iter().any(|it| it.contains("/apis/metrics.k8s.io/v1beta1/nodes")), "{asked:?}");
}

#[tokio::test]
async fn options_are_heeded() {
    if !is_real() {
        return;
    }
    let world = world().await;
    world.cluster().log("shop", "web-1", "a line of now\n");
    // By namespace it comes after those of kube-system.
    world.cluster().put("pods", serde_json::json!({ "metadata": { "name": "aaa-1", "namespace": "shop" } }));
    let kube = Cube::builder().environment(world.environment()).build().kube().unwrap();
    let cluster = world.card().kube.cluster.as_str();
    let mut failed = Vec::new();
    for (line, sees) in OPTIONS {
        let before = world.cluster().requests().len();
        let output = match kube.kubectl(cluster, line).await {
            Ok(output) => output,
            Err(error) => {
                failed.push(format!("{line}: {error}"));
                continue;
            }
        };
        let asked = world.cluster().requests().split_off(before);
        let heeded = match sees {
            Without(word) => !output.contains(word),
            Order(first, second) => {
                output.find(first).zip(output.find(second)).is_some_and(|(first, second)| first < second)
            }
            Asked(word) => asked.iter().any(|request| request.contains(word)),
        };
        if !heeded || output.trim().is_empty() {
            failed.push(format!("{line}: {output}\n{asked:?}"));
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), OPTIONS.len(), failed.join("\n"));
    // Long lists come in chunks, which kubectl puts together.
    for at in 0..1100 {
        world.cluster().put(
            "configmaps",
            serde_json::json!({ "metadata": { "name": format!("c-{at:04}"), "namespace": "default" } }),
        );
    }
    let output = kube.kubectl(cluster, "get configmaps -n default -o name").await.unwrap();
    assert_eq!(output.lines().count(), 1100, "{output}");
    let asked = world.cluster().requests();
    assert!(asked.iter().any(|it| it.contains("limit=500") && it.contains("continue=")), "{:?}", asked.last());
}

#[tokio::test]
async fn a_cluster_is_listed_looked_at_and_logged_in_to() {
    let world = world().await;
    let cube = Cube::builder().environment(world.environment()).build();
    let kube = cube.kube().unwrap();
    let cluster = world.card().kube.cluster.clone();
    assert_eq!(kube.list().await.unwrap(), [cluster.as_str()]);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    let mine = Cube::builder().environment(cube_sdk::core::config::Environment::from_pairs([
        ("CUBE_CLOUD_URL", world.card().cloud.url.as_str()),
        ("CUBE_API_KEY", cube_sdk::core::secret::ExposeSecret::expose_secret(&world.card().cloud.api_key)),
        ("KUBECONFIG", config.to_str().unwrap()),
    ]));
    let done = mine.build().kube().unwrap().login(&cluster).merge_with(|merge| merge.backup()).await.unwrap();
    assert_eq!((done.merged.files, done.merged.context.as_str()), (vec![config.clone()], "cube-7"));
    assert!(done.merged.backups.is_empty() && done.expires_at == "unknown", "{}", done.expires_at);
    let error = kube.login("no-such-cluster").await.unwrap_err();
    assert!(error.tool_fault().is_some_and(|fault| fault.text.contains("no-such-cluster")), "{error}");
    if !is_real() {
        return;
    }
    let status = kube.status(&cluster).await.unwrap();
    assert_eq!(status.nodes.iter().map(|node| node.ready).collect::<Vec<_>>(), [true, false]);
    let services = cube.cloud().unwrap().list_services(&cluster).namespace("shop").await.unwrap().into_data().unwrap();
    assert_eq!(services.services[0].app_uri, "http://web.shop.svc.cluster.local:80");
    // With what was merged, the user's own kubectl reaches the cluster.
    let mut ask = std::process::Command::new(program());
    ask.args(["get", "nodes"]).env("KUBECONFIG", &config).env("HOME", dir.path());
    // The double answers from this thread.
    let out = tokio::task::spawn_blocking(move || ask.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("node-1"), "{text}{}", String::from_utf8_lossy(&out.stderr));
}
