//! What each request gets.

use bytes::Bytes;
use cube_sdk_core::Timestamp;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use super::chunk::chunk;
use super::discovery;
use super::review::{asked as asked_of, review};
use super::selector::{fields_fit, labels_fit};
use super::state::{Resource, State};
use super::table::table;

type Answer = Result<Response<Bytes>, (StatusCode, &'static str, String)>;

pub(super) fn respond(state: &mut State, parts: &Parts, body: &Bytes) -> Response<Bytes> {
    state.requests.push(format!("{} {}", parts.method, parts.uri));
    answer(state, parts, body).unwrap_or_else(|(status, reason, message)| {
        let text = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": status.as_u16() });
        with(status, "application/json", text.to_string())
    })
}

fn with(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn json_of(value: &Value) -> Answer {
    Ok(with(StatusCode::OK, "application/json", value.to_string()))
}

fn not_found(what: &str) -> (StatusCode, &'static str, String) {
    (StatusCode::NOT_FOUND, "NotFound", format!("{what} not found"))
}

fn bad(message: impl Into<String>) -> (StatusCode, &'static str, String) {
    (StatusCode::BAD_REQUEST, "BadRequest", message.into())
}

fn answer(state: &State, parts: &Parts, body: &Bytes) -> Answer {
    let unknown = || not_found("the server could not find the requested resource:");
    let url = Url::parse("https://x").and_then(|base| base.join(&parts.uri.to_string())).map_err(|_| bad("path"))?;
    let segments: Vec<&str> = url.path().trim_matches('/').split('/').collect();
    let (group, version, rest) = match segments.as_slice() {
        ["version"] => return json_of(&discovery::version()),
        ["healthz" | "livez" | "readyz"] => return Ok(with(StatusCode::OK, "text/plain", "ok")),
        ["api"] => return json_of(&discovery::core_versions()),
        ["apis"] => return json_of(&discovery::group_list()),
        ["apis", group] => return json_of(&discovery::one_group(group).ok_or_else(unknown)?),
        ["openapi", "v3"] => return json_of(&discovery::openapi_index()),
        ["openapi", "v3", path @ ..] => return json_of(&discovery::openapi(&path.join("/")).ok_or_else(unknown)?),
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(unknown()),
    };
    let (namespace, rest) = match rest {
        [] => return json_of(&discovery::resource_list(group, version).ok_or_else(unknown)?),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
        rest => (None, rest),
    };
    if let ([plural], true) = (rest, group.starts_with("auth")) {
        let asked = Some(body).filter(|_| parts.method == Method::POST);
        let asked =
            asked.ok_or((StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "reviews are created".to_owned()))?;
        let asked = asked_of(plural, asked).ok_or_else(|| bad("the body is no review"))?;
        let reviewed = review(plural, asked).ok_or_else(unknown)?;
        return Ok(with(StatusCode::CREATED, "application/json", reviewed.to_string()));
    }
    let resource = rest.first().and_then(|plural| Resource::find(group, version, plural)).ok_or_else(unknown)?;
    if parts.method != Method::GET {
        let message = format!("{} is forbidden: User \"bot-cube\" may only read", resource.plural);
        return Err((StatusCode::FORBIDDEN, "Forbidden", message));
    }
    if !resource.namespaced && namespace.is_some() {
        return Err(unknown());
    }
    let request = Asked { state, resource, namespace, parts, url: &url };
    match rest {
        [_] => request.list(),
        [_, name] => request.get(name),
        [_, name, "log"] if resource.plural == "pods" => request.log(name),
        _ => Err(unknown()),
    }
}

/// A request about one resource.
struct Asked<'r> {
    state: &'r State,
    resource: &'static Resource,
    namespace: Option<&'r str>,
    parts: &'r Parts,
    url: &'r Url,
}

impl Asked<'_> {
    fn query(&self, wanted: &str) -> Option<String> {
        self.url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    }

    fn wants_table(&self) -> bool {
        let accepted = self.parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        accepted.contains("as=Table") && !self.resource.is_metric()
    }

    fn shown(&self, whole: &Value, objects: &[&Value], metadata: &Value) -> Answer {
        match self.wants_table() {
            true => json_of(&table(self.resource, objects, metadata)),
            false => json_of(whole),
        }
    }

    fn get(&self, name: &str) -> Answer {
        let (kind, namespace) = (self.resource.plural, self.namespace.unwrap_or_default());
        let object = self.state.get(self.resource, namespace, name);
        let object = object.ok_or_else(|| not_found(&format!("{kind} \"{name}\"")))?;
        self.shown(object, &[object], &json!({ "resourceVersion": self.state.resource_version() }))
    }

    fn list(&self) -> Answer {
        let (labels, fields) = (self.query("labelSelector"), self.query("fieldSelector"));
        let mut objects = self.state.list(self.resource, self.namespace);
        for object in std::mem::take(&mut objects) {
            let by_label = labels_fit(object, labels.as_deref().unwrap_or_default());
            let by_field = fields_fit(object, self.resource.plural, fields.as_deref().unwrap_or_default());
            let by_label = by_label.ok_or_else(|| bad("unable to parse requirement: the label selector is none"))?;
            if by_label & by_field.map_err(|field| bad(format!("field label not supported: {field}")))? {
                objects.push(object);
            }
        }
        if self.query("watch").is_some_and(|watch| watch == "true" || watch == "1") {
            // Nothing changes here: the events are those that are there, and the end.
            let events: String =
                objects.iter().map(|object| json!({ "type": "ADDED", "object": object }).to_string() + "\n").collect();
            return Ok(with(StatusCode::OK, "application/json", events));
        }
        let (limit, token) = (self.query("limit"), self.query("continue"));
        let version = self.state.resource_version();
        let (objects, metadata) = chunk(&objects, &version, limit.as_deref(), token.as_deref()).map_err(bad)?;
        let list = json!({
            "kind": format!("{}List", self.resource.kind), "apiVersion": self.resource.api_version(),
            "metadata": metadata, "items": objects,
        });
        self.shown(&list, &objects, &metadata)
    }

    fn log(&self, name: &str) -> Answer {
        let namespace = self.namespace.unwrap_or_default();
        let pod = self.state.get(self.resource, namespace, name);
        let pod = pod.ok_or_else(|| not_found(&format!("pods \"{name}\"")))?;
        if let Some(container) = self.query("container") {
            let mut containers = pod["spec"]["containers"].as_array().into_iter().flatten();
            if !containers.any(|it| it["name"] == container.as_str()) {
                return Err(bad(format!("container {container} is not valid for pod {name}")));
            }
        }
        if self.query("previous").is_some_and(|it| it == "true") {
            return Err(bad(format!("previous terminated container \"main\" in pod \"{name}\" not found")));
        }
        let text = match self.state.log_of(namespace, name) {
            Some(log) => log.text(|name| self.query(name), Timestamp::now()).map_err(bad)?,
            None => String::new(),
        };
        Ok(with(StatusCode::OK, "text/plain", text))
    }
}
