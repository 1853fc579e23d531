#![allow(clippy::unwrap_used, clippy::panic)]

use cube_sdk_testkit::apollo::Double;
use serde_json::{Value, json};

use super::*;

/// Replies of the double to every document, read with the structs that were generated for them: what this crate's own
/// structs read is what the selections say.
#[tokio::test]
async fn generated_structs_read_every_reply() {
    let double = Double::seeded().unwrap();
    let golden: Value = serde_json::from_str(include_str!("../../tests/golden/requests.json")).unwrap();
    for (operation, text, _) in texts() {
        let (name, written) = (operation.name(), text.split([' ', '(', '{']).nth(1).unwrap());
        let variables = golden.get(written).unwrap_or_else(|| panic!("no golden request of {written}")).clone();
        let reply = double.execute(text, variables).await;
        let data = reply.get("data").unwrap();
        reads_as(name, data).unwrap_or_else(|error| panic!("{name}: {error}: {data}"));
        // The golden ids are not all the seed's: whatever came, an unreadable reply is refused by both.
        assert!(reads_as(name, &json!({"apollo": 7, "me": 7})).is_err(), "{name}");
    }
    assert_eq!(texts().len(), OPERATIONS.len());
}

#[test]
fn operations_are_named_once_and_mutations_run_once() {
    let mut names: Vec<_> = OPERATIONS.iter().map(|operation| operation.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 49);
    for (operation, text, _) in texts() {
        let expected = if text.starts_with("mutation") { Idempotency::Once } else { Idempotency::Read };
        assert_eq!(operation.idempotency(), expected, "{operation}");
    }
}

#[test]
fn later_pages_name_the_token_and_first_pages_do_not() {
    let mut count = 0;
    for (operation, first, later) in texts() {
        let Some(later) = later else { continue };
        assert!(!first.contains("pageToken:") && !first.contains("$pageToken"), "{operation}");
        let back = later
            .replace("Next(", "(")
            .replace(", $pageToken: String!", "")
            .replace("($pageToken: String!)", "")
            .replace(", pageToken: $pageToken", "");
        assert_eq!(back, first, "{operation}");
        assert_eq!(later.matches("$pageToken").count(), 2, "{operation}: {later}");
        count += 1;
    }
    assert_eq!(count, 17);
    for odd in ["", "{ me { id } }", "query A {\n  a {\n    nextPageToken\n  }\n}\n", "query A {\n  a\n}\n"] {
        assert_eq!(later(odd), odd, "a text of another form comes back as it is");
    }
}

#[test]
fn inputs_leave_out_what_is_unset_and_other_variables_are_null() {
    let request = Request::of::<ListEnvs>(list_envs::Variables { page_size: 500, page_token: None }).unwrap();
    assert_eq!(request.body()["variables"], json!({"pageSize": 500, "pageToken": null}));
    let input =
        create_env::CreateApolloEnvironmentRequest { name: "a".into(), accreditation: None, contact_team: None };
    let request = Request::of::<CreateEnv>(create_env::Variables { request: input }).unwrap();
    assert_eq!(request.body()["variables"], json!({"request": {"name": "a"}}));
    let body = Request::of::<MyTeams>(my_teams::Variables {}).unwrap().body();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["query"]);
}
