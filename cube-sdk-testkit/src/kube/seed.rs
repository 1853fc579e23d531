//! A small cluster to begin with.

use cube_sdk_core::Timestamp;
use serde_json::{Value, json};

use super::state::State;

impl State {
    pub(super) fn seeded() -> Self {
        let mut state = Self::default();
        for name in ["default", "kube-system", "shop"] {
            state.put("namespaces", json!({ "metadata": { "name": name }, "status": { "phase": "Active" } }));
        }
        for (name, ready, role) in [("node-1", "True", "control-plane"), ("node-2", "False", "worker")] {
            state.put("nodes", node(name, ready, role));
            let usage = json!({ "cpu": "250m", "memory": "1024Mi" });
            let metric = json!({ "metadata": { "name": name }, "timestamp": "2026-07-01T09:00:00Z", "window": "10s", "usage": usage });
            state.put("nodes.metrics.k8s.io", metric);
            let lease = json!({ "metadata": { "name": name, "namespace": "kube-node-lease" }, "spec": { "holderIdentity": name } });
            state.put("leases", lease);
        }
        for (at, name) in ["web-1", "web-2"].into_iter().enumerate() {
            state.put("pods", pod("shop", name, "web", &format!("node-{}", at + 1)));
            state.log("shop", name, second(1), "starting\n");
            state.log("shop", name, second(2), "password=canary-log listening\n");
        }
        state.put("pods", pod("kube-system", "dns-1", "dns", "node-1"));
        state.log("kube-system", "dns-1", second(1), "serving\n");
        for (namespace, name) in [("shop", "web-1"), ("shop", "web-2"), ("kube-system", "dns-1")] {
            let containers = json!([{ "name": "main", "usage": { "cpu": "5m", "memory": "32Mi" } }]);
            let metadata = json!({ "name": name, "namespace": namespace });
            let metric = json!({ "metadata": metadata, "timestamp": "2026-07-01T09:00:00Z", "window": "10s", "containers": containers });
            state.put("pods.metrics.k8s.io", metric);
        }
        state.put("services", service("shop", "web", 80, &json!({ "app": "web" })));
        state.put("services", service("default", "kubernetes", 443, &json!({ "component": "apiserver" })));
        state.put(
            "services",
            service("kube-system", "kube-dns", 53, &json!({ "kubernetes.io/cluster-service": "true" })),
        );
        let labels = json!({ "app": "web" });
        let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [container()] } });
        state.put("deployments", json!({
            "metadata": { "name": "web", "namespace": "shop", "labels": labels, "generation": 1, "uid": "deploy-web",
                "annotations": { "deployment.kubernetes.io/revision": "1" } },
            "spec": { "replicas": 2, "selector": { "matchLabels": labels }, "template": template,
                "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } } },
            "status": { "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
                "conditions": [{ "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable" }] },
        }));
        let owner = json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "deploy-web", "controller": true }]);
        state.put(
            "replicasets",
            json!({
                "metadata": { "name": "web-5d4f", "namespace": "shop", "labels": labels, "ownerReferences": owner,
                    "annotations": { "deployment.kubernetes.io/revision": "1" } },
                "spec": { "replicas": 2, "selector": { "matchLabels": labels }, "template": template },
                "status": { "replicas": 2, "readyReplicas": 2, "availableReplicas": 2 },
            }),
        );
        state.put(
            "configmaps",
            json!({ "metadata": { "name": "web", "namespace": "shop" }, "data": { "color": "blue" } }),
        );
        let data = json!({ "password": "Y2FuYXJ5LXNlY3JldA==" });
        state.put(
            "secrets",
            json!({ "metadata": { "name": "web", "namespace": "shop" }, "type": "Opaque", "data": data }),
        );
        state.put(
            "events",
            json!({
                "metadata": { "name": "web-1.17", "namespace": "shop" }, "type": "Warning", "reason": "BackOff",
                "message": "Back-off restarting failed container", "count": 3, "firstTimestamp": "2026-07-01T08:01:00Z",
                "lastTimestamp": "2026-07-01T08:02:00Z", "source": { "component": "kubelet", "host": "node-1" },
                "involvedObject": { "apiVersion": "v1", "kind": "Pod", "name": "web-1", "namespace": "shop", "uid": "pod-web-1" },
            }),
        );
        state
    }
}

/// A second after the cluster began, at 2026-07-01T08:00:00Z.
fn second(second: i64) -> Timestamp {
    Timestamp::from_millisecond((1_782_892_800 + second) * 1000)
}

fn node(name: &str, ready: &str, role: &str) -> Value {
    let capacity = json!({ "cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "100Gi" });
    json!({
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name, format!("node-role.kubernetes.io/{role}"): "" } },
        "spec": { "podCIDR": "10.42.0.0/24" },
        "status": {
            "capacity": capacity, "allocatable": capacity,
            "addresses": [{ "type": "InternalIP", "address": "10.0.0.1" }, { "type": "Hostname", "address": name }],
            "conditions": [
                { "type": "DiskPressure", "status": "False", "reason": "KubeletHasNoDiskPressure", "message": "kubelet has no disk pressure" },
                { "type": "Ready", "status": ready, "reason": "KubeletReady", "message": "kubelet is posting ready status" },
            ],
            "nodeInfo": { "kubeletVersion": "v1.32.4", "osImage": "Linux", "kernelVersion": "6.1", "containerRuntimeVersion": "containerd://2.0",
                "architecture": "amd64", "operatingSystem": "linux", "machineID": "m", "systemUUID": "s", "bootID": "b", "kubeProxyVersion": "" },
        },
    })
}

fn container() -> Value {
    let env = json!([{ "name": "DB_PASSWORD", "value": "canary-env" }]);
    json!({ "name": "main", "image": "example/web:1", "ports": [{ "containerPort": 8080 }], "env": env, "resources": {} })
}

fn pod(namespace: &str, name: &str, app: &str, node: &str) -> Value {
    let started = "2026-07-01T08:00:00Z";
    json!({
        "metadata": { "name": name, "namespace": namespace, "labels": { "app": app }, "uid": format!("pod-{name}") },
        "spec": { "nodeName": node, "containers": [container()], "restartPolicy": "Always", "serviceAccountName": "default" },
        "status": {
            "phase": "Running", "podIP": "10.42.0.7", "hostIP": "10.0.0.1", "startTime": started, "qosClass": "BestEffort",
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": started }],
            "containerStatuses": [{ "name": "main", "ready": true, "restartCount": 3, "image": "example/web:1",
                "imageID": "sha256:0", "containerID": "containerd://0", "state": { "running": { "startedAt": started } }, "lastState": {} }],
        },
    })
}

fn service(namespace: &str, name: &str, port: u16, labels: &Value) -> Value {
    json!({
        "metadata": { "name": name, "namespace": namespace, "labels": labels },
        "spec": { "type": "ClusterIP", "clusterIP": "10.43.0.1", "clusterIPs": ["10.43.0.1"], "selector": labels,
            "ports": [{ "name": "main", "port": port, "protocol": "TCP", "targetPort": 8080 }] },
        "status": { "loadBalancer": {} },
    })
}
