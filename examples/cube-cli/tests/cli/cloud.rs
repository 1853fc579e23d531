//! The commands over cube-cloud's tools: each goes well once and fails once.

use serde_json::json;

use crate::world::Place;

const MOSQUITTO: &str = "com.example:mosquitto";

#[test]
fn environments() {
    let place = Place::new();
    place.good(&["env", "create", "cube-90"]);
    let table = place.good(&["env", "ls", "cube-9"]);
    assert!(table.starts_with("NAME") && table.contains("cube-90"), "{table}");
    let found = place.data(&["env", "ls"]);
    assert!(found["environments"].as_array().unwrap().iter().any(|it| it["name"] == "cube-90"), "{found}");
    let lines = place.good(&["env", "ls", "-o", "ndjson"]);
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["name"].is_string()));

    place.refused(&["env", "ls"]);
    place.bad(&["env", "create", "cube-90"], 7, "cube-90");
    let shown = place.data(&["env", "create", "cube-91", "--dry-run"]);
    assert!(shown["dry_run"].is_object(), "{shown}");
    assert!(!place.good(&["env", "ls"]).contains("cube-91"), "a dry run made it");

    assert!(place.good(&["env", "reset-agents", "cube-7", "--yes"]).contains("cube-7"));
    place.bad(&["env", "reset-agents", "no-such", "--yes"], 6, "no-such");
    place.world.apollo().approve_all();
    let copied = place.data(&["env", "replicate", "cube-7", "cube-92"]);
    assert!(!copied["not_carried"].as_array().unwrap().is_empty(), "{copied}");
    place.bad(&["env", "replicate", "no-such", "cube-93"], 6, "no-such");

    assert!(place.good(&["env", "delete", "cube-90", "--dry-run"]).contains("Nothing was sent"));
    let opened = place.data(&["env", "delete", "cube-90", "--yes"]);
    assert!(opened["change_request"]["rid"].as_str().unwrap().starts_with("ri."), "{opened}");
    place.bad(&["env", "delete", "no-such", "--yes"], 6, "no-such");
}

#[test]
fn entities_and_plans() {
    let place = Place::new();
    let health = place.good(&["entity", "health", "cube-7", "mosq"]);
    assert!(health.contains("mosquitto") && !health.contains("canary"), "{health}");
    assert_eq!(place.data(&["entity", "health", "cube-7"])["more"], json!(false));
    place.bad(&["entity", "health", "no-such"], 6, "no-such");

    let config = place.home.path().join("values.json");
    std::fs::write(&config, r#"{"persistence": true}"#).unwrap();
    let config = config.to_str().unwrap();
    place.good(&["entity", "install", "cube-8", "broker", MOSQUITTO, "--namespace", "mqtt", "--config", config]);
    place.bad(&["entity", "install", "cube-8", "broker", "no product"], 2, "no product");
    place.good(&["entity", "configure", "cube-7", "mosquitto", "--config", config, "--yes"]);
    let piped = place.piped(&["entity", "configure", "cube-7", "mosquitto", "--config", "-", "--dry-run"], "{}");
    assert_eq!(piped.code, 0, "{piped:?}");
    place.bad(&["entity", "configure", "cube-7", "mosquitto", "--config", "/no/such", "--yes"], 14, "/no/such");
    let list = place.piped(&["entity", "configure", "cube-7", "mosquitto", "--config", "-", "--yes"], "[1]");
    assert!(list.code == 2 && list.err.contains("no JSON object"), "{list:?}");
    place.good(&["entity", "enforce", "cube-7", "mosquitto"]);
    place.bad(&["entity", "enforce", "cube-7", "no-such"], 6, "no-such");
    place.good(&["entity", "uninstall", "cube-7", "mosquitto", "--yes"]);
    place.bad(&["entity", "uninstall", "cube-7", "no-such", "--yes"], 6, "no-such");

    place.bad(&["plan", "show", "cube-7", "no-such"], 6, "no-such");
    place.bad(&["plan", "show", "cube-7", "mosquitto", "--back", "10"], 2, "--back");
    place.bad(&["plan", "cancel", "cube-7", "no-such", "--yes"], 6, "no-such");
}

#[test]
fn a_plan_comes_from_an_approved_request() {
    let place = Place::new();
    place.bad(&["plan", "show", "cube-7", "mosquitto"], 6, "no plans");
    place.world.apollo().approve_all();
    place.good(&["entity", "enforce", "cube-7", "mosquitto"]);
    let plan = place.data(&["plan", "show", "cube-7", "mosquitto"]);
    assert!(plan["plan"].is_object(), "{plan}");
    assert!(!place.good(&["plan", "show", "cube-7", "mosquitto", "--back", "0"]).is_empty());
    assert!(place.data(&["plan", "cancel", "cube-7", "mosquitto", "--yes"])["plan"].is_string());
}

#[test]
fn modules() {
    let place = Place::new();
    let coordinate = "module:builtin-control-plane-minimal:0.0.40";
    place.good(&["module", "install", "cube-8", coordinate, "--name", "Plane", "--var", "tier=edge"]);
    let found = place.data(&["module", "ls", "cube-8", "plane"]);
    assert_eq!(found["modules"][0]["coordinate"], coordinate);
    let table = place.good(&["module", "ls", "cube-8"]);
    assert!(table.contains("COORDINATE") && table.contains(coordinate), "{table}");
    place.good(&["module", "set", "cube-8", "Plane", "--var", "tier=core"]);
    place.bad(&["module", "set", "cube-8", "Plane"], 2, "--var");
    place.bad(&["module", "set", "cube-8", "no-such", "--var", "a=b"], 6, "no-such");
    place.bad(&["module", "install", "cube-8", "nonsense"], 2, "nonsense");
    place.bad(&["module", "ls", "no-such"], 6, "no-such");
    place.good(&["module", "uninstall", "cube-8", "Plane", "--dry-run"]);
    place.good(&["module", "uninstall", "cube-8", "Plane", "--yes"]);
    place.bad(&["module", "uninstall", "cube-8", "Plane", "--yes"], 6, "Plane");
}

#[test]
fn secrets_come_from_standard_input() {
    let place = Place::new();
    let kept = |key: &str, name: &str| place.world.apollo().secret_value("cube-7", "mosquitto", name, key);
    let made = place.piped(
        &["secret", "create", "cube-7", "mosquitto", "tls", "--key", "key", "--key", "crt"],
        r#"{"key":"k-canary","crt":"c-canary"}"#,
    );
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(kept("key", "tls").as_deref(), Some("k-canary"));
    let made = place.piped(&["secret", "create", "cube-7", "mosquitto", "word", "-o", "json"], "w-canary\n");
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(kept("word", "word").as_deref(), Some("w-canary"));
    let changed =
        place.piped(&["secret", "update", "cube-7", "mosquitto", "tls", "--key", "key", "--yes"], "k2-canary");
    assert_eq!(changed.code, 0, "{changed:?}");
    assert_eq!(kept("key", "tls").as_deref(), Some("k2-canary"));
    assert!(!format!("{made:?}{changed:?}").contains("canary"), "a value is shown");

    for (line, text, words) in [
        (&["secret", "create", "cube-7", "mosquitto", "x"][..], "", "nothing was given"),
        (&["secret", "create", "cube-7", "mosquitto", "x", "--key", "a"], "{\"b\":\"canary\"}", "no key a"),
        (&["secret", "create", "cube-7", "mosquitto", "x", "--key", "a"], "canary", "no JSON object"),
        (&["secret", "create", "cube-7", "mosquitto", "x", "--key", "a"], r#"{"a":"1","b":"canary"}"#, "the key b"),
        (&["secret", "update", "cube-7", "mosquitto", "tls", "--key", "key"], "canary", "--yes"),
    ] {
        let refused = place.piped(line, text);
        assert!(refused.code == 2 && refused.err.contains(words), "{line:?}: {refused:?}");
        assert!(!refused.err.contains("canary"), "{refused:?}");
    }
    let missing = place.piped(&["secret", "update", "cube-7", "mosquitto", "no-such", "--yes"], "x-canary");
    assert!(missing.code == 6 && !missing.err.contains("canary"), "{missing:?}");
}

#[test]
fn products_and_channels() {
    let place = Place::new();
    let table = place.good(&["product", "ls", "mosq"]);
    assert!(table.starts_with("PRODUCT") && table.contains(MOSQUITTO), "{table}");
    place.bad(&["product", "ls", "--limit", "0"], 2, "--limit");
    let releases = place.data(&["product", "releases", MOSQUITTO, "--limit", "5"]);
    let coordinate = releases["releases"][0]["coordinate"].as_str().unwrap().to_owned();
    let version = coordinate.rsplit(':').next().unwrap();
    place.bad(&["product", "releases", "no:such"], 6, "no:such");
    assert!(place.data(&["product", "compare", MOSQUITTO, "cube-7", "cube-8"])["environments"].is_array());
    place.bad(&["product", "compare", MOSQUITTO], 2, "ENVIRONMENTS");
    place.good(&["product", "set-label", MOSQUITTO, "customer", "acme"]);
    assert!(place.good(&["product", "ls", "mosq"]).contains("customer=acme"));
    place.bad(&["product", "set-label", "no:such", "customer", "acme"], 6, "no:such");
    place.good(&["product", "remove-label", MOSQUITTO, "customer", "--yes"]);
    place.bad(&["product", "remove-label", "no:such", "customer", "--yes"], 6, "no:such");

    let channels = place.data(&["channel", "ls", "--all"]);
    let name = channels["channels"][0]["name"].as_str().unwrap().to_owned();
    place.bad(&["channel", "ls", "a", "b"], 2, "unexpected");
    place.good(&["channel", "add", MOSQUITTO, version, &name, "--rationale", "soaked"]);
    place.bad(&["channel", "add", MOSQUITTO, version, ""], 2, "name");
    place.good(&["channel", "remove", MOSQUITTO, version, &name, "--yes"]);
    place.bad(&["channel", "remove", MOSQUITTO, version, "", "--yes"], 2, "name");
}

#[test]
fn change_requests() {
    let place = Place::new();
    for name in ["a", "b", "c"] {
        place.good(&["entity", "install", "cube-7", name, MOSQUITTO]);
    }
    let found = place.data(&["cr", "ls", "--env", "cube-7", "--limit", "50"]);
    let rids: Vec<String> = found["change_requests"]
        .as_array()
        .unwrap()
        .iter()
        .take(3)
        .map(|it| it["rid"].as_str().unwrap().to_owned())
        .collect();
    assert!(place.good(&["cr", "ls"]).starts_with("TITLE"));
    place.bad(&["cr", "ls", "--env", "no-such"], 6, "no-such");
    place.bad(&["cr", "approve", &rids[0]], 2, "--yes");
    place.good(&["cr", "approve", &rids[0], "--dry-run"]);
    place.good(&["cr", "approve", &rids[0], "--yes"]);
    place.good(&["cr", "reject", &rids[1], "--comment", "not now", "--yes"]);
    place.good(&["cr", "cancel", &rids[2], "--yes"]);
    place.bad(&["cr", "approve", "ri.no.such", "--yes"], 6, "ri.no.such");
    place.bad(&["cr", "cancel", "ri.no.such", "--yes"], 6, "ri.no.such");
    place.bad(&["cr", "reject", &rids[1], "--yes"], 2, "--comment");
}

#[test]
fn a_failure_is_a_document_too() {
    let place = Place::new();
    let failed = place.bad(&["env", "delete", "no-such", "--yes", "--output", "json"], 6, "no-such");
    let document: serde_json::Value = serde_json::from_str(&failed.err).unwrap();
    crate::world::fits(&document);
    assert_eq!(document["data"]["exit_code"], 6);
    let readonly = {
        use cube_sdk::core::secret::ExposeSecret as _;
        place.card().cloud.readonly_api_key.expose_secret().to_owned()
    };
    let refused = place.command(&["env", "create", "x"]).env("CUBE_API_KEY", readonly).output().unwrap();
    assert_eq!(crate::world::ended(refused).code, 5);
}
