//! Who am I, and what may I do: only reading.

use serde_json::{Value, json};

use super::certificates::USER;

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
