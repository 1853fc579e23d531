//! A kubeconfig that is to be merged: what it holds, and whether it works on another machine.

use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde_json::{Map, Value};

/// The lists of a kubeconfig, each with the field that its entries hold beside their name.
pub(super) const SECTIONS: [(&str, &str); 3] = [("clusters", "cluster"), ("users", "user"), ("contexts", "context")];

/// What a kubeconfig holds.
pub(super) struct Incoming {
    pub(super) entries: Vec<Entry>,
    /// The context that kubectl is to use.
    pub(super) context: String,
}

pub(super) struct Entry {
    pub(super) section: &'static str,
    pub(super) name: String,
    pub(super) value: Map<String, Value>,
}

fn refused(kind: ErrorKind, words: impl Into<String>) -> Error {
    Error::new(kind, words).with_target("the kubeconfig of the cluster")
}

impl Incoming {
    /// Reads one and checks that it stands by itself.
    pub(super) fn read(text: &SecretString) -> Result<Self> {
        // The parser's words may quote the text, which holds keys.
        let value: Value = serde_saphyr::from_str(text.expose_secret())
            .map_err(|_| refused(ErrorKind::Decode, "it is not one YAML document"))?;
        let mut entries = Vec::new();
        for (section, field) in SECTIONS {
            let list = value.get(section).and_then(Value::as_array).filter(|list| !list.is_empty());
            let list = list.ok_or_else(|| refused(ErrorKind::Decode, format!("it has no {section}")))?;
            for entry in list {
                let map = entry.as_object().cloned().unwrap_or_default();
                let name = map.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| refused(ErrorKind::Decode, format!("{section}: one has no name")))?;
                if !map.get(field).is_some_and(Value::is_object) {
                    return Err(refused(ErrorKind::Decode, format!("{section}: `{name}` has no {field}")));
                }
                if entries.iter().any(|known: &Entry| known.section == section && known.name == name) {
                    return Err(refused(ErrorKind::Decode, format!("{section}: `{name}` is there twice")));
                }
                stands_by_itself(section, name, &map[field])?;
                entries.push(Entry { section, name: name.to_owned(), value: map.clone() });
            }
        }
        let contexts: Vec<_> = entries.iter().filter(|entry| entry.section == "contexts").collect();
        let wanted = value.get("current-context").and_then(Value::as_str).filter(|name| !name.is_empty());
        let context = match (wanted, contexts.as_slice()) {
            (Some(wanted), all) if all.iter().any(|entry| entry.name == wanted) => wanted.to_owned(),
            (None, [only]) => only.name.clone(),
            _ => return Err(refused(ErrorKind::Decode, "its current context is none of its contexts")),
        };
        for entry in &contexts {
            for (section, field) in [("clusters", "cluster"), ("users", "user")] {
                let named = entry.value["context"].get(field).and_then(Value::as_str).unwrap_or_default();
                if !entries.iter().any(|known| known.section == section && known.name == named) {
                    let words = format!("the context `{}` names a {field} that is not there", entry.name);
                    return Err(refused(ErrorKind::Decode, words));
                }
            }
        }
        Ok(Self { entries, context })
    }
}

/// Programs and files exist on the machine that wrote it, and nowhere else.
fn stands_by_itself(section: &str, name: &str, value: &Value) -> Result<()> {
    let has = |field: &str| value.get(field).is_some_and(|value| !value.is_null());
    if has("exec") || has("auth-provider") {
        let words = format!("{section}: `{name}` fetches its credentials by a program that exists on the server only");
        return Err(refused(ErrorKind::Unsupported, words)
            .advice("ask the one who runs the service to set `disable_exec_plugin: true` in tbot's output"));
    }
    const FILES: [&str; 4] = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];
    match FILES.iter().find(|field| has(field)) {
        Some(field) => {
            let words = format!("{section}: `{name}` has its `{field}` in a file that exists on the server only");
            Err(refused(ErrorKind::Unsupported, words)
                .advice("ask the one who runs the service for a kubeconfig with its certificates inside"))
        }
        None => Ok(()),
    }
}
