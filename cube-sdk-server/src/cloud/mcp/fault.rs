//! A failure as programs read it, beside the words for people.
//!
//! It goes into an error's `data`, and into a failed result's `_meta`: clients check `structuredContent` against the
//! tool's output schema even where the tool failed.

use cube_sdk_core::Error;
use rmcp::model::MetaObject;
use serde_json::{Map, Value, json};

/// Its name in `_meta`.
const NAME: &str = "cube/fault";

/// Kind, and where the service behind said so its code, its request id, and how long to wait.
pub(super) fn data(error: &Error) -> Value {
    let mut data = Map::from_iter([("kind".to_owned(), json!(snake(error.kind().name())))]);
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    };
    put("code", error.code().map(Value::from));
    put("request_id", error.request_id().map(Value::from));
    put("retry_after_s", error.retry_after().map(|it| json!(it.as_secs() + u64::from(it.subsec_nanos() > 0))));
    Value::Object(data)
}

pub(super) fn meta(error: &Error) -> MetaObject {
    MetaObject(Map::from_iter([(NAME.to_owned(), data(error))]))
}

/// `NotFound` as `not_found`.
fn snake(name: &str) -> String {
    let mut word = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use cube_sdk_core::ErrorKind;

    use super::*;

    #[test]
    fn what_is_known_is_told_and_nothing_else() {
        let plain = Error::new(ErrorKind::NotFound, "no cube");
        assert_eq!(data(&plain), json!({ "kind": "not_found" }));
        let full = Error::new(ErrorKind::Throttled, "slow down").with_code("Apollo:Busy").with_request_id(Some("r-1"));
        let full = full.with_retry_after(Some(Duration::from_millis(1500)));
        assert_eq!(
            data(&full),
            json!({ "kind": "throttled", "code": "Apollo:Busy", "request_id": "r-1", "retry_after_s": 2 })
        );
        assert_eq!(meta(&plain).0[NAME]["kind"], "not_found");
    }
}
