//! Who am I, and what may I do: only reading.

use serde_json::{Value, json};

use super::certificates::USER;

/// What begins a body in Protocol Buffers, which newer clients send reviews as.
const PROTOBUF: &[u8] = b"k8s\0";

/// The review of a body, which is JSON or Protocol Buffers: of these only what is decided by.
pub(super) fn asked(plural: &str, body: &[u8]) -> Option<Value> {
    let Some(message) = body.strip_prefix(PROTOBUF) else { return serde_json::from_slice(body).ok() };
    let text =
        |message: &[u8], number: u64| String::from_utf8_lossy(field(message, number).unwrap_or_default()).into_owned();
    let (api, raw) = (field(message, 1)?, field(message, 2)?);
    let mut asked = json!({ "apiVersion": text(api, 1), "kind": text(api, 2), "metadata": {} });
    let spec = field(raw, 2).unwrap_or_default();
    match plural {
        "selfsubjectrulesreviews" => asked["spec"]["namespace"] = text(spec, 1).into(),
        _ => {
            if let Some(resource) = field(spec, 1) {
                asked["spec"]["resourceAttributes"] =
                    json!({ "verb": text(resource, 2), "resource": text(resource, 5) });
            }
            if let Some(path) = field(spec, 2) {
                asked["spec"]["nonResourceAttributes"] = json!({ "path": text(path, 1), "verb": text(path, 2) });
            }
        }
    }
    Some(asked)
}

/// The bytes of a field that has a length.
fn field(mut message: &[u8], wanted: u64) -> Option<&[u8]> {
    while !message.is_empty() {
        let (key, rest) = number(message)?;
        let (length, rest) = number(rest)?;
        // What has no length is a number, which was read with it.
        message = rest;
        if key & 7 == 2 {
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            if key >> 3 == wanted {
                return Some(value);
            }
            message = rest;
        }
    }
    None
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

const READS: [&str; 3] = ["get", "list", "watch"];

/// The review that was asked for with its answer; none for what is no review.
pub(super) fn review(plural: &str, mut asked: Value) -> Option<Value> {
    match plural {
        "selfsubjectreviews" => {
            asked["status"] =
                json!({ "userInfo": { "username": USER, "groups": ["readers", "system:authenticated"] } });
        }
        "selfsubjectaccessreviews" => {
            let verb = asked["spec"]["resourceAttributes"]["verb"].as_str();
            let path = asked["spec"]["nonResourceAttributes"]["path"].as_str();
            let allowed = verb.is_some_and(|verb| READS.contains(&verb)) || path.is_some();
            asked["status"] = json!({ "allowed": allowed });
        }
        "selfsubjectrulesreviews" => {
            asked["spec"]["namespace"].as_str()?;
            let rule = json!({ "verbs": READS, "apiGroups": ["*"], "resources": ["*"] });
            let path = json!({ "verbs": ["get"], "nonResourceURLs": ["/api", "/api/*"] });
            asked["status"] = json!({ "resourceRules": [rule], "nonResourceRules": [path], "incomplete": false });
        }
        _ => return None,
    }
    Some(asked)
}
