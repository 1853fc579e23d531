//! The schemas of documents.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::world::{Place, ended, program};

/// Written by `CUBE_WRITE_DOCS=1`, compared otherwise: what the service says its tools answer.
#[test]
fn the_bundled_schemas_are_those_of_the_service() {
    let place = Place::new();
    let cube = cube_sdk::Cube::builder().environment(place.world.environment()).build();
    let tools = place.on(async { cube.cloud().unwrap().list_tools().collect_up_to(1_000).await.unwrap() });
    let found: BTreeMap<_, _> = tools.into_iter().filter_map(|tool| Some((tool.name, tool.output_schema?))).collect();
    assert!(found.len() > 30);
    let text = serde_json::to_string_pretty(&found).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/tools.json");
    if std::env::var_os("CUBE_WRITE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    } else {
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "run this with CUBE_WRITE_DOCS=1");
    }
}

fn schema(command: &str) -> Value {
    let line: Vec<_> = ["schema", "--"].into_iter().chain(command.split(' ')).collect();
    let printed = ended(program(&line).output().unwrap());
    assert_eq!(printed.code, 0, "{command}: {printed:?}");
    serde_json::from_str(&printed.out).unwrap()
}

#[test]
fn every_document_has_a_schema_that_is_one_and_refuses_what_is_none() {
    let listed = ended(program(&["schema"]).output().unwrap());
    let names: Vec<_> = listed.out.lines().collect();
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        let schema = schema(name);
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(!validator.is_valid(&serde_json::json!({})), "{name}: anything fits");
        assert!(!validator.is_valid(&serde_json::json!({ "schema": "cube.other/1", "data": null })), "{name}");
        assert!(
            !validator.is_valid(&serde_json::json!({ "schema": schema["properties"]["schema"]["const"], "data": 3 }))
        );
    }
    let unknown = ended(program(&["schema", "no", "such"]).output().unwrap());
    assert!(unknown.code == 2 && unknown.err.contains("no such"), "{unknown:?}");
}

/// A change of a name or a shape shows here: one that can break a program counts the version up.
#[test]
fn documents_of_the_programs_own_are_the_listed_ones() {
    for name in ["doctor", "error", "tunnel open", "tunnel ls", "apollo execute", "byo reconcile", "byo read"] {
        insta::assert_json_snapshot!(name.replace(' ', "_"), schema(name));
    }
}
