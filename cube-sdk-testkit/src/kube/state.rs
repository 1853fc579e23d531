//! What the cluster holds.

use std::collections::BTreeMap;

use cube_sdk_core::Timestamp;
use serde_json::{Value, json};

use super::log::Log;

/// A resource: where it is served and how it is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resource {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) kind: &'static str,
    pub(super) short: &'static [&'static str],
    pub(super) namespaced: bool,
}

const fn resource(
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
) -> Resource {
    Resource { group, version: "v1", plural, singular, kind, short, namespaced }
}

/// Everything that is served.
pub(super) const RESOURCES: [Resource; 17] = [
    resource("", "nodes", "node", "Node", &["no"], false),
    resource("", "namespaces", "namespace", "Namespace", &["ns"], false),
    resource("", "pods", "pod", "Pod", &["po"], true),
    resource("", "services", "service", "Service", &["svc"], true),
    resource("", "events", "event", "Event", &["ev"], true),
    resource("", "configmaps", "configmap", "ConfigMap", &["cm"], true),
    resource("", "secrets", "secret", "Secret", &[], true),
    resource("", "endpoints", "endpoints", "Endpoints", &["ep"], true),
    resource("", "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", &["pvc"], true),
    resource("", "resourcequotas", "resourcequota", "ResourceQuota", &["quota"], true),
    resource("", "limitranges", "limitrange", "LimitRange", &["limits"], true),
    resource("apps", "deployments", "deployment", "Deployment", &["deploy"], true),
    resource("apps", "replicasets", "replicaset", "ReplicaSet", &["rs"], true),
    resource("coordination.k8s.io", "leases", "lease", "Lease", &[], true),
    resource("discovery.k8s.io", "endpointslices", "endpointslice", "EndpointSlice", &[], true),
    Resource { version: "v1beta1", ..resource("metrics.k8s.io", "nodes", "", "NodeMetrics", &[], false) },
    Resource { version: "v1beta1", ..resource("metrics.k8s.io", "pods", "", "PodMetrics", &[], true) },
];

impl Resource {
    pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        RESOURCES.iter().find(|it| it.group == group && it.version == version && it.plural == plural)
    }

    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    pub(super) fn is_metric(&self) -> bool {
        self.group == "metrics.k8s.io"
    }
}

/// Objects of one resource, by namespace and name.
type Objects = BTreeMap<(String, String), Value>;

/// Objects by resource (group and plural), then by namespace and name.
#[derive(Debug, Default)]
pub(super) struct State {
    objects: BTreeMap<(&'static str, &'static str), Objects>,
    logs: BTreeMap<(String, String), Log>,
    pub(super) requests: Vec<String>,
    version: u64,
}

impl State {
    /// `kind` is a plural, with its group behind a dot where another has the same: `pods.metrics.k8s.io`.
    pub(super) fn put(&mut self, kind: &str, mut object: Value) {
        let (plural, group) = kind.split_once('.').unwrap_or((kind, ""));
        let fits = |it: &&Resource| it.plural == plural && (it.group == group || group.is_empty() && !it.is_metric());
        let Some(resource) = RESOURCES.iter().find(fits) else { return };
        self.version += 1;
        object["apiVersion"] = resource.api_version().into();
        object["kind"] = resource.kind.into();
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = self.version.to_string().into();
        if metadata["uid"].is_null() {
            metadata["uid"] = format!("00000000-0000-4000-8000-{:012}", self.version).into();
        }
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] = "2026-07-01T08:00:00Z".into();
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespace = if resource.namespaced { text(&metadata["namespace"]) } else { String::new() };
        let key = (namespace, text(&metadata["name"]));
        self.objects.entry((resource.group, resource.plural)).or_default().insert(key, object);
    }

    pub(super) fn log(&mut self, namespace: &str, pod: &str, at: Timestamp, text: &str) {
        self.logs.entry((namespace.to_owned(), pod.to_owned())).or_default().add(at, text);
    }

    pub(super) fn log_of(&self, namespace: &str, pod: &str) -> Option<&Log> {
        self.logs.get(&(namespace.to_owned(), pod.to_owned()))
    }

    pub(super) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Value> {
        let objects = self.objects.get(&(resource.group, resource.plural))?;
        objects.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// Those of a namespace, or of all.
    pub(super) fn list(&self, resource: &Resource, namespace: Option<&str>) -> Vec<&Value> {
        let objects = self.objects.get(&(resource.group, resource.plural)).into_iter().flatten();
        objects.filter(|((of, _), _)| namespace.is_none_or(|it| it == of)).map(|(_, object)| object).collect()
    }

    pub(super) fn resource_version(&self) -> Value {
        json!(self.version.to_string())
    }
}
