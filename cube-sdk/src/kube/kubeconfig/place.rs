//! Which files are the user's kubeconfig, and which of them an entry belongs into.

use std::path::PathBuf;

use cube_sdk_core::config::{Environment, Key};
use cube_sdk_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::incoming::{Entry, SECTIONS};
use crate::home::home;

/// kubectl's own variable.
pub const KUBECONFIG: Key = Key::open(
    "KUBECONFIG",
    "The user's kubeconfig: one path, or several as in PATH, of which the one that holds an entry is changed. Default: \
     ~/.kube/config.",
);

/// The files, in kubectl's order.
pub(super) fn files(environment: &Environment) -> Result<Vec<PathBuf>> {
    if let Some(paths) = environment.text(KUBECONFIG)? {
        let files: Vec<_> = std::env::split_paths(&paths.value).filter(|path| !path.as_os_str().is_empty()).collect();
        if !files.is_empty() {
            return Ok(files);
        }
    }
    let home = home(environment)?.ok_or_else(|| {
        Error::new(ErrorKind::Config, "there is no kubeconfig: the environment names no home")
            .with_target(KUBECONFIG.env)
            .advice("set KUBECONFIG")
    })?;
    Ok(vec![home.join(".kube").join("config")])
}

/// What goes into one of the files.
#[derive(Default)]
pub(super) struct Share<'e> {
    pub(super) entries: Vec<&'e Entry>,
    pub(super) sets_context: bool,
}

/// Shares entries out: each goes into the first file that holds one of its name, since kubectl reads that one; new ones go
/// together, where the context is, else where any of them is, else into the first file. The current context is set where
/// kubectl looks for it first.
pub(super) fn shared<'e>(texts: &[Option<String>], entries: &'e [Entry]) -> Vec<Share<'e>> {
    let values: Vec<Value> = texts
        .iter()
        .map(|text| text.as_deref().and_then(|text| serde_saphyr::from_str(text.trim_start_matches('\u{feff}')).ok()))
        .map(Option::unwrap_or_default)
        .collect();
    let holds = |value: &Value, entry: &Entry| {
        let list = value.get(entry.section).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|it| it.get("name").and_then(Value::as_str) == Some(&entry.name)))
    };
    let place_of = |entry: &Entry| values.iter().position(|value| holds(value, entry));
    // Contexts first.
    let by_weight = SECTIONS.iter().rev().flat_map(|(section, _)| entries.iter().filter(|it| it.section == *section));
    let main = by_weight.filter_map(place_of).next().unwrap_or(0);
    let mut shares: Vec<_> = texts.iter().map(|_| Share::default()).collect();
    for entry in entries {
        if let Some(share) = shares.get_mut(place_of(entry).unwrap_or(main)) {
            share.entries.push(entry);
        }
    }
    let has_context =
        |value: &Value| value.get("current-context").and_then(Value::as_str).is_some_and(|it| !it.is_empty());
    if let Some(share) = shares.get_mut(values.iter().position(has_context).unwrap_or(main)) {
        share.sets_context = true;
    }
    shares
}
