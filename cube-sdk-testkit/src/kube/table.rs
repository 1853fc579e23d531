//! Objects as the tables that kubectl prints.

use serde_json::{Map, Value, json};

use super::state::Resource;

/// A column: its name, whether only `-o wide` shows it, and its text.
type Column = (&'static str, bool, fn(&Value) -> String);

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<none>".to_owned(),
        other => other.to_string(),
    }
}

fn ready(pod: &Value) -> String {
    let all = pod["status"]["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    format!("{}/{}", all.iter().filter(|it| it["ready"] == true).count(), all.len())
}

fn node_status(node: &Value) -> String {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.filter(|it| it["type"] == "Ready").any(|it| it["status"] == "True");
    if ready { "Ready" } else { "NotReady" }.to_owned()
}

fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<_> = labels.filter_map(|(name, _)| name.strip_prefix("node-role.kubernetes.io/")).collect();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

fn ports(service: &Value) -> String {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports.map(|it| format!("{}/{}", text(&it["port"]), text(&it["protocol"]))).collect::<Vec<_>>().join(",")
}

fn keys(object: &Value) -> String {
    object["data"].as_object().map_or(0, Map::len).to_string()
}

fn columns(kind: &str) -> &'static [Column] {
    match kind {
        "Pod" => &[
            ("Ready", false, ready),
            ("Status", false, |it| text(&it["status"]["phase"])),
            ("Restarts", false, |it| text(&it["status"]["containerStatuses"][0]["restartCount"])),
            ("IP", true, |it| text(&it["status"]["podIP"])),
            ("Node", true, |it| text(&it["spec"]["nodeName"])),
        ],
        "Node" => &[
            ("Status", false, node_status),
            ("Roles", false, roles),
            ("Version", false, |it| text(&it["status"]["nodeInfo"]["kubeletVersion"])),
            ("OS-Image", true, |it| text(&it["status"]["nodeInfo"]["osImage"])),
        ],
        "Namespace" => &[("Status", false, |it| text(&it["status"]["phase"]))],
        "Service" => &[
            ("Type", false, |it| text(&it["spec"]["type"])),
            ("Cluster-IP", false, |it| text(&it["spec"]["clusterIP"])),
            ("Port(s)", false, ports),
        ],
        "Deployment" => &[
            ("Ready", false, |it| {
                format!("{}/{}", text(&it["status"]["readyReplicas"]), text(&it["spec"]["replicas"]))
            }),
            ("Available", false, |it| text(&it["status"]["availableReplicas"])),
        ],
        "ReplicaSet" => &[("Desired", false, |it| text(&it["spec"]["replicas"]))],
        "Event" => &[
            ("Type", false, |it| text(&it["type"])),
            ("Reason", false, |it| text(&it["reason"])),
            ("Message", false, |it| text(&it["message"])),
        ],
        "Secret" => &[("Type", false, |it| text(&it["type"])), ("Data", false, keys)],
        "ConfigMap" => &[("Data", false, keys)],
        _ => &[],
    }
}

/// The table of some objects.
pub(super) fn table(resource: &Resource, objects: &[&Value], metadata: &Value) -> Value {
    let columns = columns(resource.kind);
    let define = |name: &str, wide: bool| {
        let format = if name == "Name" { "name" } else { "" };
        json!({ "name": name, "type": "string", "format": format, "description": name, "priority": i32::from(wide) })
    };
    let mut definitions = vec![define("Name", false)];
    definitions.extend(columns.iter().map(|(name, wide, _)| define(name, *wide)));
    definitions.push(define("Age", false));
    let row = |object: &&Value| {
        let mut cells = vec![object["metadata"]["name"].clone()];
        cells.extend(columns.iter().map(|(_, _, show)| Value::from(show(object))));
        cells.push("7d".into());
        let partial =
            json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] });
        json!({ "cells": cells, "object": partial })
    };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": objects.iter().map(row).collect::<Vec<_>>(),
    })
}
