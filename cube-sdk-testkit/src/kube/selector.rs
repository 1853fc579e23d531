//! Label and field selectors.

use serde_json::Value;

/// Does an object have these labels? None for what is no selector.
pub(super) fn labels_fit(object: &Value, selector: &str) -> Option<bool> {
    let mut fits = true;
    for term in split(selector) {
        fits &= term_fits(object, term.trim())?;
    }
    Some(fits)
}

fn term_fits(object: &Value, term: &str) -> Option<bool> {
    let label = |name: &str| object["metadata"]["labels"][name.trim()].as_str();
    if let Some((name, value)) = term.split_once("!=") {
        return Some(label(name) != Some(value.trim()));
    }
    if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Some(label(name) == Some(value.trim()));
    }
    for (word, wanted) in [(" notin ", false), (" in ", true)] {
        if let Some((name, set)) = term.split_once(word) {
            let set = set.trim().strip_prefix('(')?.strip_suffix(')')?;
            let has = label(name).is_some_and(|value| set.split(',').any(|it| it.trim() == value));
            return Some(has == wanted);
        }
    }
    let (name, wanted) = term.strip_prefix('!').map_or((term, true), |name| (name, false));
    (!name.is_empty() && !name.contains([' ', '(', ')'])).then(|| label(name).is_some() == wanted)
}

/// At commas that stand in no set.
fn split(selector: &str) -> Vec<&str> {
    let (mut parts, mut from, mut deep) = (Vec::new(), 0, false);
    for (at, letter) in selector.char_indices() {
        match letter {
            '(' => deep = true,
            ')' => deep = false,
            ',' if !deep => {
                parts.push(&selector[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    if !selector[from..].is_empty() {
        parts.push(&selector[from..]);
    }
    parts
}

/// The fields that the real server selects by, by plural.
fn selectable(plural: &str) -> &'static [&'static str] {
    match plural {
        "pods" => &["metadata.name", "metadata.namespace", "spec.nodeName", "status.phase", "spec.restartPolicy"],
        "events" => &[
            "metadata.name",
            "metadata.namespace",
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "source",
            "type",
            "reportingComponent",
        ],
        "secrets" => &["metadata.name", "metadata.namespace", "type"],
        "nodes" => &["metadata.name", "spec.unschedulable"],
        "namespaces" => &["metadata.name", "status.phase"],
        _ => &["metadata.name", "metadata.namespace"],
    }
}

/// Does an object have these fields?
///
/// # Errors
/// The field that cannot be selected by.
pub(super) fn fields_fit(object: &Value, plural: &str, selector: &str) -> Result<bool, String> {
    let mut fits = true;
    for term in selector.split(',').filter(|term| !term.is_empty()) {
        let (name, wanted, equal) = match term.split_once("!=") {
            Some((name, value)) => (name, value, false),
            None => {
                term.split_once('=').map(|(name, value)| (name, value.trim_start_matches('='), true)).ok_or(term)?
            }
        };
        if !selectable(plural).contains(&name) {
            return Err(name.to_owned());
        }
        let found = name.split('.').fold(object, |value, field| &value[field]).as_str().unwrap_or_default();
        fits &= (found == wanted) == equal;
    }
    Ok(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_are_those_of_kubernetes() {
        let pod = json!({ "metadata": { "name": "a", "labels": { "app": "web", "tier": "front" } } });
        for (selector, fits) in [
            ("app=web", Some(true)),
            ("app==web,tier!=back", Some(true)),
            ("app in (web, api),tier", Some(true)),
            ("app notin (web)", Some(false)),
            ("!app", Some(false)),
            ("!other", Some(true)),
            ("", Some(true)),
            ("app in web", None),
            ("(", None),
        ] {
            assert_eq!(labels_fit(&pod, selector), fits, "{selector}");
        }
        assert_eq!(fields_fit(&pod, "pods", "metadata.name=a,status.phase!=Failed"), Ok(true));
        assert_eq!(fields_fit(&pod, "pods", "spec.containers=x"), Err("spec.containers".to_owned()));
    }
}
