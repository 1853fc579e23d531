//! Promptpacks: checked when they come, immutable from then on, referenced by pipelines once published.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::app::App;
use super::call::Call;
use crate::refusal::{Answer, Refusal};
use crate::store::{Id, PromptpackRow, Role, Time};

#[derive(Serialize)]
pub(crate) struct Pack {
    id: Id,
    promptpack_id: String,
    version: String,
    sha256: String,
    case_count: i64,
    published: bool,
    created_at: Time,
}

impl From<PromptpackRow> for Pack {
    fn from(row: PromptpackRow) -> Self {
        Self {
            id: row.id,
            promptpack_id: row.promptpack_id,
            version: row.version,
            sha256: row.sha256,
            case_count: row.case_count,
            published: row.published,
            created_at: row.created_at,
        }
    }
}

#[derive(Deserialize)]
struct NewPack {
    promptpack_id: String,
    version: String,
    content: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    promptpack_id: String,
    version: String,
    name: String,
    description: Option<String>,
    tags: Option<Vec<String>>,
    defaults: Option<Decoding>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decoding {
    max_new_tokens: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    seed: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case_id: String,
    name: String,
    prompt: String,
    expected: Option<Expected>,
    overrides: Option<Decoding>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Expected {
    None {},
    Exact {
        #[serde(rename = "text")]
        _text: String,
    },
    Regex {
        #[serde(rename = "pattern")]
        _pattern: String,
    },
    JsonSchema {
        #[serde(rename = "schema")]
        _schema: Map<String, Value>,
    },
}

pub(crate) async fn list(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Vec<Pack>>> {
    let access = app.access(&call).await?;
    Ok(Json(app.store.promptpacks_of(access.workspace.id).await?.into_iter().map(Pack::from).collect()))
}

pub(crate) async fn create(State(app): State<Arc<App>>, call: Call) -> Answer<(StatusCode, Json<Pack>)> {
    let access = app.access(&call).await?.at_least(Role::Admin)?;
    let new: NewPack = call.json().await?;
    let row = checked(&new.promptpack_id, &new.version, &new.content, Time::from(app.clock.now()))
        .map_err(|issues| Refusal::invalid(format!("content: {}", issues.join("; "))))?;
    if !app.store.insert_promptpack(access.workspace.id, &row, &new.content).await? {
        return Err(Refusal::conflict(format!(
            "promptpack {} {} exists and never changes: use a higher version",
            row.promptpack_id, row.version
        )));
    }
    Ok((StatusCode::CREATED, Json(row.into())))
}

pub(crate) async fn publish(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Pack>> {
    let access = app.access(&call).await?.at_least(Role::Admin)?;
    let (id, version) = (call.segment("pack"), call.segment("version"));
    let row = app.store.publish_promptpack(access.workspace.id, id, version).await?;
    row.map(|row| Json(row.into())).ok_or_else(|| Refusal::not_found("no such promptpack version"))
}

/// The row of a pack whose content keeps every rule, or all the rules that it breaks.
pub(crate) fn checked(id: &str, version: &str, content: &Value, now: Time) -> Result<PromptpackRow, Vec<String>> {
    let pack: Content = serde_json::from_value(content.clone()).map_err(|fault| vec![fault.to_string()])?;
    let mut issues = Vec::new();
    let mut check = |holds: bool, issue: String| {
        if !holds {
            issues.push(issue);
        }
    };
    check(is_name(id), "promptpack_id: 1 to 64 of letters, digits, `_` and `-`".into());
    check(is_version(version), "version: three groups of digits, such as 1.0.0".into());
    check(
        pack.promptpack_id == id && pack.version == version,
        "promptpack_id and version differ from the outer ones".into(),
    );
    check((1..=255).contains(&pack.name.chars().count()), "name: 1 to 255 characters".into());
    check(
        pack.description.is_none_or(|text| text.chars().count() <= 2000),
        "description: at most 2000 characters".into(),
    );
    let tags = pack.tags.unwrap_or_default();
    let tag_lengths = tags.iter().all(|tag| (1..=64).contains(&tag.chars().count()));
    check(tags.len() <= 20 && tag_lengths, "tags: at most 20 of 1 to 64 characters".into());
    check((1..=50).contains(&pack.cases.len()), "cases: 1 to 50".into());
    check(decoding(pack.defaults.as_ref()), "defaults: out of range".into());
    let mut seen = HashSet::new();
    for (index, case) in pack.cases.iter().enumerate() {
        check(is_name(&case.case_id), format!("cases[{index}].case_id: 1 to 64 of letters, digits, `_` and `-`"));
        check(seen.insert(&case.case_id), format!("cases[{index}].case_id: used twice"));
        check((1..=255).contains(&case.name.chars().count()), format!("cases[{index}].name: 1 to 255 characters"));
        check(
            (1..=32_000).contains(&case.prompt.chars().count()),
            format!("cases[{index}].prompt: 1 to 32000 characters"),
        );
        check(decoding(case.overrides.as_ref()), format!("cases[{index}].overrides: out of range"));
        let _ = &case.expected;
    }
    if !issues.is_empty() {
        return Err(issues);
    }
    Ok(PromptpackRow {
        id: Id::random(),
        promptpack_id: id.to_owned(),
        version: version.to_owned(),
        sha256: Sha256::digest(content.to_string()).iter().map(|byte| format!("{byte:02x}")).collect(),
        case_count: i64::try_from(pack.cases.len()).unwrap_or(i64::MAX),
        published: false,
        created_at: now,
    })
}

fn decoding(settings: Option<&Decoding>) -> bool {
    settings.is_none_or(|settings| {
        settings.max_new_tokens.is_none_or(|tokens| (1..=256).contains(&tokens))
            && settings.temperature.is_none_or(|value| (0.0..=2.0).contains(&value))
            && settings.top_p.is_none_or(|value| (0.0..=1.0).contains(&value))
            && settings.seed.is_none_or(|seed| seed >= 0)
    })
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn is_version(text: &str) -> bool {
    let groups: Vec<_> = text.split('.').collect();
    text.len() <= 64
        && groups.len() == 3
        && groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pack() -> Value {
        json!({ "promptpack_id": "smoke", "version": "1.0.0", "name": "Smoke", "cases": [
            { "case_id": "hello", "name": "Hello", "prompt": "Say hello.", "expected": { "type": "exact", "text": "hello" } },
        ] })
    }

    fn issues(change: impl FnOnce(&mut Value)) -> String {
        let mut content = pack();
        change(&mut content);
        checked("smoke", "1.0.0", &content, Time::from(cube_sdk_core::Timestamp::now())).unwrap_err().join("; ")
    }

    #[test]
    fn a_good_pack_is_counted_and_hashed() {
        let row = checked("smoke", "1.0.0", &pack(), Time::from(cube_sdk_core::Timestamp::now())).unwrap();
        assert_eq!((row.case_count, row.published, row.sha256.len()), (1, false, 64));
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert!(issues(|pack| pack["surprise"] = json!(1)).contains("surprise"));
        assert!(issues(|pack| pack["cases"] = json!([])).contains("cases: 1 to 50"));
        assert!(issues(|pack| pack["version"] = json!("1.0.1")).contains("differ"));
        assert!(issues(|pack| pack["cases"][0]["case_id"] = json!("a b")).contains("case_id"));
        assert!(issues(|pack| pack["cases"][0]["expected"] = json!({ "type": "guess" })).contains("guess"));
        assert!(issues(|pack| pack["defaults"] = json!({ "temperature": 3 })).contains("defaults"));
        let twice = issues(|pack| {
            let case = pack["cases"][0].clone();
            pack["cases"].as_array_mut().unwrap().push(case);
        });
        assert!(twice.contains("used twice"));
    }
}
