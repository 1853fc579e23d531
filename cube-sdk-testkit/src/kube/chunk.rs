//! Lists in chunks: `limit` and `continue`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// As many of the objects as were asked for, and what a list's `metadata` says of them. The error is what a server says to
/// a `limit` or `continue` that is none.
pub(super) fn chunk<'o>(
    objects: &[&'o Value],
    version: &Value,
    limit: Option<&str>,
    token: Option<&str>,
) -> Result<(Vec<&'o Value>, Value), String> {
    let limit = match limit.unwrap_or("0").parse::<usize>() {
        Ok(0) => usize::MAX,
        Ok(limit) => limit,
        Err(_) => return Err(format!("strconv.ParseInt: parsing {:?}: invalid syntax", limit.unwrap_or_default())),
    };
    let start = token.filter(|token| !token.is_empty()).map_or(Some(0), after);
    let start = start.filter(|start| *start <= objects.len()).ok_or("continue key is not valid")?;
    let end = start.saturating_add(limit).min(objects.len());
    let mut metadata = json!({ "resourceVersion": version });
    if end < objects.len() {
        metadata["continue"] = URL_SAFE_NO_PAD.encode(format!("after {end}")).into();
        metadata["remainingItemCount"] = (objects.len() - end).into();
    }
    Ok((objects[start..end].to_vec(), metadata))
}

fn after(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("after ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn chunk_by_chunk_everything_comes_once() {
        let objects: Vec<Value> = (0..7).map(Value::from).collect();
        let objects: Vec<&Value> = objects.iter().collect();
        for limit in ["0", "1", "2", "3", "7", "500"] {
            let (mut got, mut token) = (Vec::new(), None);
            loop {
                let (some, metadata) = chunk(&objects, &json!("5"), Some(limit), token.as_deref()).unwrap();
                got.extend(some);
                assert_eq!(metadata["remainingItemCount"].as_u64().unwrap_or(0), 7 - got.len() as u64, "{limit}");
                match metadata["continue"].as_str() {
                    Some(next) => token = Some(next.to_owned()),
                    None => break,
                }
            }
            assert_eq!(got, objects, "{limit}");
        }
        for (limit, token) in [("x", ""), ("-1", ""), ("2", "x"), ("2", "YWZ0ZXIgOQ")] {
            chunk(&objects, &json!("5"), Some(limit), Some(token)).unwrap_err();
        }
    }
}
