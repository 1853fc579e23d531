//! What there is: groups, versions, resources, and their schemas.

use serde_json::{Map, Value, json};

use super::state::{RESOURCES, Resource};

pub(super) fn version() -> Value {
    json!({ "major": "1", "minor": "32", "gitVersion": "v1.32.4", "gitCommit": "0", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64" })
}

pub(super) fn core_versions() -> Value {
    json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })
}

fn group(name: &str, version: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    json!({ "name": name, "versions": [version], "preferredVersion": version })
}

/// Groups with the version of each, reviews included.
fn groups() -> Vec<(&'static str, &'static str)> {
    let mut found = vec![("authentication.k8s.io", "v1"), ("authorization.k8s.io", "v1")];
    for resource in RESOURCES.iter().filter(|it| !it.group.is_empty()) {
        if !found.iter().any(|(name, _)| *name == resource.group) {
            found.push((resource.group, resource.version));
        }
    }
    found
}

pub(super) fn group_list() -> Value {
    let groups: Vec<_> = groups().into_iter().map(|(name, version)| group(name, version)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

pub(super) fn one_group(name: &str) -> Option<Value> {
    let (name, version) = groups().into_iter().find(|(known, _)| *known == name)?;
    let mut group = group(name, version);
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    Some(group)
}

pub(super) fn resource_list(group: &str, version: &str) -> Option<Value> {
    let listed = |it: &Resource| {
        json!({ "name": it.plural, "singularName": it.singular, "namespaced": it.namespaced, "kind": it.kind,
            "verbs": ["get", "list", "watch"], "shortNames": it.short })
    };
    let mut resources: Vec<_> =
        RESOURCES.iter().filter(|it| it.group == group && it.version == version).map(listed).collect();
    let review = |name: &str, kind: &str| json!({ "name": name, "singularName": "", "namespaced": false, "kind": kind, "verbs": ["create"] });
    match (group, version) {
        ("authentication.k8s.io", "v1") => resources.push(review("selfsubjectreviews", "SelfSubjectReview")),
        ("authorization.k8s.io", "v1") => {
            resources.push(review("selfsubjectaccessreviews", "SelfSubjectAccessReview"));
            resources.push(review("selfsubjectrulesreviews", "SelfSubjectRulesReview"));
        }
        _ => {}
    }
    let whole = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let list = json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": whole, "resources": resources });
    (!resources.is_empty()).then_some(list)
}

/// Where the schema of each version is, for `kubectl explain`.
pub(super) fn openapi_index() -> Value {
    let mut paths = Map::new();
    for resource in &RESOURCES {
        let path = schema_path(resource.group, resource.version);
        paths.insert(path.clone(), json!({ "serverRelativeURL": format!("/openapi/v3/{path}?hash=0") }));
    }
    json!({ "paths": paths })
}

fn schema_path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The schema of a version: each kind with the fields that all kinds have.
pub(super) fn openapi(path: &str) -> Option<Value> {
    let of_path = |it: &&Resource| schema_path(it.group, it.version) == path;
    let (mut schemas, mut paths) = (Map::new(), Map::new());
    for resource in RESOURCES.iter().filter(of_path) {
        let (group, version, kind) = (resource.group, resource.version, resource.kind);
        let known = json!([{ "group": group, "version": version, "kind": kind }]);
        schemas.insert(
            format!("io.k8s.api.{}.{version}.{kind}", if group.is_empty() { "core" } else { group }),
            json!({
                "type": "object", "description": format!("{kind} is a resource of the cluster."),
                "x-kubernetes-group-version-kind": known,
                "properties": {
                    "apiVersion": { "type": "string", "description": "The version of the schema." },
                    "kind": { "type": "string", "description": "The kind of the object." },
                    "metadata": { "type": "object", "description": "Standard object's metadata." },
                    "spec": { "type": "object", "description": "What is wanted.",
                        "properties": { "nodeName": { "type": "string", "description": "Where it runs." } } },
                },
            }),
        );
        let base = if resource.namespaced { format!("/{path}/namespaces/{{namespace}}") } else { format!("/{path}") };
        let action = json!({ "group": group, "version": version, "kind": kind });
        let get = json!({ "get": { "x-kubernetes-action": "get", "x-kubernetes-group-version-kind": action, "responses": {} } });
        paths.insert(format!("{base}/{}/{{name}}", resource.plural), get);
    }
    let info = json!({ "title": "Kubernetes", "version": "v1.32.4" });
    (!schemas.is_empty())
        .then(|| json!({ "openapi": "3.0.0", "info": info, "paths": paths, "components": { "schemas": schemas } }))
}
