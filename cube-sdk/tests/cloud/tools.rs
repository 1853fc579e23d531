//! Every tool, typed, against the server of the embedded world.

use std::collections::BTreeSet;

use cube_sdk::prelude::*;
use cube_sdk_server::local::World;
use serde_json::json;

async fn world() -> (World, Cube) {
    let world = World::start().await.unwrap();
    let cube = Cube::builder().environment(world.environment()).build();
    (world, cube)
}

#[tokio::test]
async fn what_the_client_repeats_is_what_the_server_calls_read_only() {
    let (_world, cube) = world().await;
    let cloud = cube.cloud().unwrap();
    let tools = cloud.list_tools().collect_up_to(1_000).await.unwrap();
    assert!(tools.len() > 30, "{}", tools.len());
    let mut unknown = BTreeSet::new();
    for tool in &tools {
        match cube_sdk::cloud::tools::reads_only(&tool.name) {
            Some(reads) => assert_eq!(reads, tool.is_read_only(), "{}", tool.name),
            None => {
                unknown.insert(tool.name.as_str());
            }
        }
        assert!(tool.output_schema.is_some() && tool.input_schema["type"] == "object", "{}", tool.name);
    }
    assert_eq!(unknown, BTreeSet::new(), "tools without a method");
}

#[tokio::test]
async fn an_environment_lives_through_typed_calls() {
    let (world, cube) = world().await;
    let cloud = cube.cloud().unwrap();
    let made = cloud.create_environment("cube-90").accreditation("DEV").await.unwrap().into_data().unwrap();
    assert_eq!(made.environment.name, "cube-90");
    let found = cloud.list_environments().search("CUBE-9").await.unwrap().into_data().unwrap();
    assert_eq!(found.environments.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["cube-90"]);
    assert!(!found.more && !found.environments[0].id.is_empty());

    let opened = cloud
        .install_entity("cube-90", "mosquitto", "com.example:mosquitto")
        .k8s_namespace("mqtt")
        .config_overrides(json!({ "persistence": true }))
        .version("1.10")
        .force(false)
        .await
        .unwrap()
        .into_data()
        .unwrap();
    assert!(opened.change_request.rid.starts_with("ri."), "{opened:?}");
    let requests = cloud.list_change_requests().environment("cube-90").page_size(5).await.unwrap().into_data().unwrap();
    assert!(requests.change_requests.iter().any(|it| it.rid == opened.change_request.rid), "{requests:?}");
    let status = requests.change_requests[0].status.clone().unwrap();
    cloud.list_change_requests().status(status).await.unwrap();
    cloud.review_change_request(&opened.change_request.rid, "reject").comment("not now").await.unwrap();

    let health = cloud.entity_health("cube-7").entity_id("mosq").await.unwrap().into_data().unwrap();
    assert_eq!(health.entities.len(), 1);
    assert!(!format!("{health:?}").contains("canary"), "a secret of the config is shown");
    let changed = cloud
        .update_entity_config("cube-7", "mosquitto", json!({ "persistence": true }))
        .version("1.10")
        .force(false)
        .await
        .unwrap();
    assert!(changed.into_data().unwrap().changed);
    cloud.enforce_entity_config("cube-7", "mosquitto").await.unwrap().into_data().unwrap();
    cloud.uninstall_entity("cube-7", "mosquitto").await.unwrap().into_data().unwrap();
    let secret = cloud
        .create_secret("cube-7", "mosquitto", "tls")
        .secret_keys([("key", "k-1".into()), ("crt", "c-1".into())])
        .description("for the broker")
        .await
        .unwrap()
        .into_data()
        .unwrap();
    assert_eq!((secret.secret.as_str(), secret.keys), ("tls", vec!["key".to_owned(), "crt".to_owned()]));
    assert_eq!(world.apollo().secret_value("cube-7", "mosquitto", "tls", "key").as_deref(), Some("k-1"));
    cloud
        .update_secret("cube-7", "mosquitto", "tls")
        .secret_key("key")
        .secret_key_value("k-2".into())
        .description("renewed")
        .await
        .unwrap();
    cloud.update_secret("cube-7", "mosquitto", "admin").secret_value("v-3".into()).await.unwrap();
    assert_eq!(world.apollo().secret_value("cube-7", "mosquitto", "tls", "key").as_deref(), Some("k-2"));
    cloud.reset_environment_agents("cube-7").await.unwrap().into_data().unwrap();
    // It waits for the requests that it opens.
    world.apollo().approve_all();
    let replicated = cloud.replicate_environment("cube-7", "cube-91").accreditation("DEV").await.unwrap();
    assert!(!replicated.into_data().unwrap().not_carried.is_empty());
    let gone = cloud.delete_environment("cube-90").await.unwrap().into_data().unwrap().change_request;
    assert!(gone.rid.starts_with("ri.") && gone.status.is_some(), "{gone:?}");
}

#[tokio::test]
async fn modules_products_and_channels() {
    let (_world, cube) = world().await;
    let cloud = cube.cloud().unwrap();
    let modules = cloud.list_modules("cube-7").search("control").await.unwrap().into_data().unwrap();
    assert_eq!(modules.modules.len(), 1);
    assert!(!format!("{modules:?}").contains("canary"));
    cloud
        .install_module("cube-8", "module:builtin-control-plane-minimal:0.0.40")
        .variables(json!({ "tier": "edge" }))
        .display_name("Plane")
        .ignore_secret_requirements(true)
        .await
        .unwrap();
    cloud.update_module_variables("cube-8", "Plane", json!({ "tier": "core" })).await.unwrap().into_data().unwrap();
    cloud.uninstall_module("cube-8", "Plane").await.unwrap().into_data().unwrap();

    let product = "com.example:mosquitto";
    let products = cloud.list_products().search("mosq").page_size(10).await.unwrap().into_data().unwrap();
    assert_eq!(products.products[0].id, product);
    let labelled = cloud.set_label_on_product(product, "customer", "acme").await.unwrap().into_data().unwrap();
    assert_eq!(labelled.product.labels[0].value.as_deref(), Some("acme"));
    let bare = cloud.remove_label_from_product(product, "customer").await.unwrap().into_data().unwrap();
    assert!(bare.product.labels.is_empty());
    let releases = cloud.get_product_releases(product).page_size(5).await.unwrap().into_data().unwrap();
    assert_eq!(releases.releases[0].coordinate, "com.example:mosquitto:1.10");
    let channels = cloud.list_release_channels().search("d").include_env_specific(true).await.unwrap().into_data();
    assert!(channels.unwrap().channels.iter().any(|channel| channel.name == "DEV"));
    cloud.remove_product_from_release_channel(product, "1.10", ["DEV"]).rationale("a fault").await.unwrap();
    let back = cloud.add_product_to_release_channel(product, "1.10", ["DEV"]).rationale("mended").await.unwrap();
    assert_eq!(back.into_data().unwrap().channels, ["DEV"]);
    let compared = cloud.compare_product_versions(product, ["cube-7", "cube-8"]).await.unwrap().into_data().unwrap();
    assert_eq!(compared.environments.len(), 2);
}

#[tokio::test]
async fn a_read_only_key_is_told_what_it_may_not_do() {
    let (world, _) = world().await;
    let key = world.card().cloud.readonly_api_key.clone();
    let cube = Cube::builder().environment(world.environment()).build();
    let cloud = cube.cloud_builder().api_key(key).build().unwrap();
    cloud.list_environments().await.unwrap();
    let error = cloud.create_environment("cube-92").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("create_environment") && error.next_step().is_some(), "{error}");
    assert!(!cloud.list_tools().collect_up_to(999).await.unwrap().iter().any(|it| it.name == "create_environment"));
}

#[tokio::test]
async fn what_the_service_refuses_comes_with_its_words() {
    let (_world, cube) = world().await;
    let cloud = cube.cloud().unwrap();
    let error = cloud.call_tool("no_such_tool", json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let error = cloud.call_tool("entity_health", json!({})).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("environment"), "{error}");
    let error = cloud.plan_details("no-such-cube", "x").plan_index(1).await.unwrap_err();
    assert!(error.tool_fault().is_some_and(|fault| fault.text.contains("no-such-cube")), "{error}");
    let error = cloud.cancel_active_plan("cube-7", "mosquitto").await.unwrap_err();
    assert!(error.tool_fault().is_some(), "{error}");
    let error = cloud.apollo_publish_manifest("no: manifest").await.unwrap_err();
    assert!(error.tool_fault().is_some(), "{error}");
    let other = cube.cloud_builder().api_key("cube_of-nobody".into()).build().unwrap();
    let error = other.app_list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.next_step().is_some_and(|next| next.contains("log in")), "{error}");
}

#[tokio::test]
async fn apps_are_listed_reached_and_told_apart() {
    let (world, cube) = world().await;
    let apps = cube.apps().unwrap();
    let names = apps.list().await.unwrap();
    assert!(names.contains(&"echo".to_owned()) && !names.contains(&world.card().cloud.forbidden_app), "{names:?}");
    assert!(cube.cloud().unwrap().app_list().company("ech").await.unwrap().into_data().unwrap().apps == ["echo"]);
    // Both doors have one registry.
    let first = apps.open("echo").await.unwrap();
    let second = cube.tunnels().unwrap().open("echo").await.unwrap();
    assert_eq!(first.local_addr(), second.local_addr());
    assert_eq!(apps.running().await.len(), 1);
    assert_eq!(apps.stop_all().await.len(), 1);
    assert_eq!(apps.stop("echo").await.unwrap_err().kind(), ErrorKind::NotFound);
}
