//! A config update edits the declared text, shows what it would change, and refuses what it cannot do surely.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cube_sdk_apollo::entity_config::DiffLine;
use cube_sdk_core::ErrorKind;
use serde_json::{Value, json};

mod support;

const DECLARED: &str = "# by hand\r\n1.10:\r\n  overrides:   # all of them\r\n    mode: 0400\r\n    zip: 08901\r\n    replicas: 3 \
                        # per site\r\n    password: \"hunter2\"\r\n    key: |\r\n      a\r\n      b\r\n    base: &b {cpu: 1}\r\n    \
                        other: *b\r\n";

/// The overrides as a caller reads them, changed.
async fn changed(apollo: &cube_sdk_apollo::Apollo, change: impl FnOnce(&mut Value)) -> Value {
    let config = apollo.entities("cube-7").config("mosquitto").await.unwrap();
    let mut overrides = config.blocks().last().unwrap().expose_overrides().unwrap().clone();
    change(&mut overrides);
    overrides
}

#[tokio::test(start_paused = true)]
async fn what_is_not_changed_is_written_back_byte_for_byte() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    double.declare_config("cube-7", "mosquitto", DECLARED);
    let overrides = changed(&apollo, |overrides| overrides["replicas"] = json!(5)).await;
    assert_eq!((&overrides["mode"], &overrides["zip"]), (&json!(256), &json!("08901")));
    let update = apollo.entities("cube-7").update_config("mosquitto", overrides).await.unwrap();
    update.opened().unwrap().wait().await.unwrap();
    assert_eq!(double.declared_config("cube-7", "mosquitto"), [DECLARED.replace("replicas: 3", "replicas: 5")]);

    // Nothing changed: nothing is opened.
    let same = changed(&apollo, |_| {}).await;
    let update = apollo.entities("cube-7").update_config("mosquitto", same).await.unwrap();
    assert!(update.opened().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_block_moves_to_another_label_with_its_text() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    double.declare_config("cube-7", "mosquitto", DECLARED);
    let overrides = changed(&apollo, |_| {}).await;
    let update = apollo.entities("cube-7").update_config("mosquitto", overrides).version("1.11").await.unwrap();
    update.opened().unwrap().wait().await.unwrap();
    assert_eq!(double.declared_config("cube-7", "mosquitto"), [DECLARED.replace("1.10", "1.11")]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_an_anchored_node_is_refused_unless_the_block_is_written_anew() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    double.declare_config("cube-7", "mosquitto", DECLARED);
    let overrides = changed(&apollo, |overrides| overrides["other"]["cpu"] = json!(2)).await;
    let error = apollo.entities("cube-7").update_config("mosquitto", overrides.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("overrides.other is the alias *b"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert_eq!(double.executed("updateConfigByResourceV2"), 0);
    let update = apollo.entities("cube-7").update_config("mosquitto", overrides).rewrite().await.unwrap();
    update.opened().unwrap().wait().await.unwrap();
    let written = &double.declared_config("cube-7", "mosquitto")[0];
    assert!(written.contains("other:\n      cpu: 2") && !written.contains('#'), "{written}");
}

#[tokio::test]
async fn a_difference_is_shown_masked_before_anything_is_sent() {
    let (double, apollo) = support::seeded();
    double.declare_config("cube-7", "mosquitto", &DECLARED.replace("1.10", "1.9"));
    let overrides = changed(&apollo, |overrides| {
        overrides["replicas"] = json!(5);
        overrides["password"] = json!("hunter3");
        overrides["zone"] = json!("north");
    });
    let overrides = overrides.await;
    let update = || apollo.entities("cube-7").update_config("mosquitto", overrides.clone());
    let diff = update().version("1.9").diff().await.unwrap();
    assert_eq!(diff.warnings, ["the label 1.9 is older than the version 1.10 that the entity reports"]);
    let changes: Vec<_> = diff.lines.iter().filter(|line| !matches!(line, DiffLine::Kept(_))).cloned().collect();
    let (removed, added) = (|line: &str| DiffLine::Removed(line.into()), |line: &str| DiffLine::Added(line.into()));
    assert_eq!(
        changes,
        [
            removed("replicas: 3"),
            removed("password: <hidden, 7 chars>"),
            added("replicas: 5"),
            added("password: <hidden, 7 chars, changed>"),
            added("zone: north"),
        ]
    );
    assert!(diff.to_string().contains("\n-  replicas: 3\n"), "{diff}");
    let shown = format!("{diff} {diff:?} {}", serde_json::to_string(&diff).unwrap());
    assert!(!shown.contains("hunter") && !diff.is_empty());

    let diff = update().diff().await.unwrap();
    assert_eq!((diff.label.as_str(), diff.warnings.len()), ("1.10", 1));
    assert!(diff.warnings[0].contains("1.9 goes"), "{diff}");
    assert!(double.executions().is_empty());
}
