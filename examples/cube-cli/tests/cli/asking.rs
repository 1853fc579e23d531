//! What removes, replaces or interrupts asks first; without a terminal it is refused.

use crate::world::Place;

/// Every command over a tool that the service calls destructive, and the others that destroy.
const ASKING: [(&[&str], &str); 15] = [
    (&["env", "delete", "cube-7"], "delete_environment"),
    (&["env", "reset-agents", "cube-7"], "reset_environment_agents"),
    (&["entity", "uninstall", "cube-7", "mosquitto"], "uninstall_entity"),
    (&["entity", "configure", "cube-7", "mosquitto", "--config", "-"], "update_entity_config"),
    (&["plan", "cancel", "cube-7", "mosquitto"], "cancel_active_plan"),
    (&["module", "uninstall", "cube-7", "plane"], "uninstall_module"),
    (&["secret", "update", "cube-7", "mosquitto", "tls"], "update_secret"),
    (&["channel", "remove", "a:b", "1.0.0", "DEV"], "remove_product_from_release_channel"),
    (&["product", "remove-label", "a:b", "customer"], "remove_label_from_product"),
    (&["cr", "approve", "ri.x"], "review_change_request"),
    (&["cr", "reject", "ri.x", "--comment", "no"], "review_change_request"),
    (&["cr", "cancel", "ri.x"], "review_change_request"),
    (&["byo", "rotate"], ""),
    (&["byo", "disconnect"], ""),
    (&["apollo", "execute", "mutation { x }"], ""),
];

#[test]
fn what_the_service_calls_destructive_is_asked_for() {
    let place = Place::new();
    let cube = cube_sdk::Cube::builder().environment(place.world.environment()).build();
    let tools = place.on(async { cube.cloud().unwrap().list_tools().collect_up_to(1_000).await.unwrap() });
    for tool in tools.iter().filter(|tool| tool.annotations.destructive_hint == Some(true)) {
        assert!(ASKING.iter().any(|(_, name)| *name == tool.name), "{} is not asked for", tool.name);
    }
}

#[test]
fn nothing_is_destroyed_without_a_terminal_or_yes() {
    let place = Place::new();
    let aws = place.card().aws.clone();
    place.good(&["byo", "setup", &aws.bucket]);
    for (line, _) in ASKING {
        let refused = place.piped(line, "{}");
        assert!(refused.code == 2 && refused.err.contains("--yes"), "{line:?}: {refused:?}");
    }
    assert!(place.good(&["env", "ls"]).contains("cube-7"));
}
