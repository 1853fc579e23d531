//! Values that come as a file, as text, or as `name=value`.

use std::io::Read as _;
use std::path::Path;

use anyhow::Result;
use cube_sdk::{Error, ErrorKind};
use serde_json::{Map, Value};

fn refused(words: String) -> Error {
    Error::new(ErrorKind::InvalidInput, words)
}

/// The text of a file; `-` is standard input.
pub(crate) fn text(path: &Path) -> Result<String> {
    let failed = |cause| Error::io(format!("reading {}", path.display()), cause);
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    Ok(std::fs::read_to_string(path).map_err(failed)?)
}

/// A JSON object out of a file; `-` is standard input.
pub(crate) fn object(path: &Path) -> Result<Value> {
    let text = text(path)?;
    let value: Value =
        serde_json::from_str(&text).map_err(|cause| refused(format!("{} is no JSON: {cause}", path.display())))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(refused(format!("{} holds no JSON object", path.display())).into())
}

/// `name=value`, for clap. The value may be JSON; what is none is text.
pub(crate) fn pair(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "write NAME=VALUE".to_owned())?;
    if name.trim().is_empty() {
        return Err("it has no name: write NAME=VALUE".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.trim().to_owned(), value))
}

/// Variables out of a file, with those of the command line over them; none where none were given.
pub(crate) fn variables(file: Option<&Path>, pairs: Vec<(String, Value)>) -> Result<Option<Value>> {
    let mut found = match file {
        Some(path) => object(path)?,
        None if pairs.is_empty() => return Ok(None),
        None => Value::Object(Map::new()),
    };
    if let Value::Object(map) = &mut found {
        map.extend(pairs);
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_or_else_text() {
        assert_eq!(pair("tier=edge"), Ok(("tier".to_owned(), json!("edge"))));
        assert_eq!(pair("n=3"), Ok(("n".to_owned(), json!(3))));
        assert_eq!(pair("url=a=b"), Ok(("url".to_owned(), json!("a=b"))));
        assert!(pair("tier").is_err() && pair("=edge").is_err());
    }

    #[test]
    fn what_the_command_line_says_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap_or_else(|error| unreachable!("{error}"));
        let path = dir.path().join("v.json");
        assert!(std::fs::write(&path, r#"{"a":1,"b":2}"#).is_ok());
        let found = variables(Some(&path), vec![("b".to_owned(), json!(3))]);
        assert_eq!(found.ok().flatten(), Some(json!({ "a": 1, "b": 3 })));
        assert_eq!(variables(None, Vec::new()).ok().flatten(), None);
    }
}
