//! What a replication does not carry is named in its plan, all of it; what it carries, it carries byte for byte.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use cube_sdk_apollo::replicate::ReplicationPlan;
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::apollo::{Double, Fault, On};
use serde_json::{Value, json};

use support::passage::Passage;

const ENTITIES: &str = "entities/entities";
const MODULES: &str = "moduleInstallationsV2/moduleInstallations";

fn set(double: &Double, operation: &str, pointer: &str, value: Value) {
    let pointer = format!("/data/apollo/environmentById/{pointer}");
    double.inject(On::operation(operation), 0, 1, Fault::set(&pointer, value));
}

/// Does the plan say that this is not carried?
fn lacks(plan: &ReplicationPlan, what: &str) -> bool {
    plan.not_carried.iter().any(|lack| lack.what.starts_with(what) && !lack.why.is_empty())
}

#[tokio::test(start_paused = true)]
async fn what_a_reply_leaves_out_is_named() {
    let (double, apollo) = support::seeded();
    let odd = json!({"__typename": "ApolloProductModuleVariableValue_Secret"});
    for (pointer, value, what) in [
        ("moduleInstallationsV2", json!(null), "modules"),
        (MODULES, json!(null), "modules"),
        (&format!("{MODULES}/0"), json!(null), "modules, 1 of them"),
        (&format!("{MODULES}/0/moduleMavenCoordinate"), json!(null), "module ``"),
        (&format!("{MODULES}/0/moduleMavenCoordinate"), json!("odd"), "module `odd`"),
        (&format!("{MODULES}/0/variables"), json!(null), "module module:builtin"),
        (&format!("{MODULES}/0/variables/1"), json!(null), "module module:builtin"),
        (&format!("{MODULES}/0/variables/1/variableName"), json!(null), "module module:builtin"),
        (&format!("{MODULES}/0/variables/1/variableValue"), json!(null), "variable tier of module"),
        (&format!("{MODULES}/0/variables/1/variableValue/value"), json!(null), "variable tier of module"),
        (&format!("{MODULES}/0/variables/1/variableValue"), odd, "module module:builtin"),
        (&format!("{ENTITIES}/0"), json!(null), "1 entities"),
        (&format!("{ENTITIES}/0/entityLocator"), json!(null), "an entity (entity-"),
        (&format!("{ENTITIES}/0/product"), json!(null), "entity mosquitto"),
        (&format!("{ENTITIES}/0/product"), json!(null), "secrets of mosquitto"),
        (&format!("{ENTITIES}/0/product/productId"), json!("odd"), "entity mosquitto"),
        (&format!("{ENTITIES}/0/id"), json!(null), "config of mosquitto"),
        (&format!("{ENTITIES}/0/secrets"), json!(null), "secrets of mosquitto"),
        (&format!("{ENTITIES}/0/secrets/0"), json!(null), "secrets of mosquitto"),
        (&format!("{ENTITIES}/0/secrets/0/name"), json!(null), "secrets of mosquitto"),
        (&format!("{ENTITIES}/0/secrets/0/specification"), json!(null), "keys of secret admin of mosquitto"),
        (&format!("{ENTITIES}/0/secrets/0/specification/keys"), json!(null), "keys of secret admin of mosquitto"),
        (&format!("{ENTITIES}/0/secrets/0/specification/keys/0"), json!(null), "keys of secret admin of mosquitto"),
    ] {
        set(&double, "SourceEnv", pointer, value);
        let plan = apollo.replicate("cube-7", "spare").await.unwrap();
        assert!(lacks(&plan, what), "{pointer}: {what}\n{plan}");
        assert!(plan.to_string().contains(&format!("not carried: {what}")), "{plan}");
    }
    // An entity of a module that is not carried is not brought.
    set(&double, "SourceEnv", MODULES, json!(null));
    assert!(lacks(&apollo.replicate("cube-7", "spare").await.unwrap(), "entity telemetry"));
    // A list that is missing as a whole is no list without entities.
    set(&double, "SourceEnv", ENTITIES, json!(null));
    assert_eq!(apollo.replicate("cube-7", "spare").await.unwrap_err().kind(), ErrorKind::Decode);
    // What every environment has and no call carries.
    let plan = apollo.replicate("cube-7", "spare").accreditation("PROD").await.unwrap();
    for what in ["accreditation DEV", "roles of platform", "namespace of mosquitto"] {
        assert!(lacks(&plan, what), "{what}\n{plan}");
    }
    assert!(double.executions().is_empty());
}

/// What is not seen on the target would be made twice.
#[tokio::test(start_paused = true)]
async fn a_target_that_is_not_told_whole_is_refused() {
    let (double, apollo) = support::seeded();
    double.add_entities("cube-8", "com.example:mosquitto", "theirs", 1);
    let request = json!({"apolloEnvironmentId": double.environment_id("cube-8"), "moduleMavenCoordinate": "a:b:1", "variables": []});
    double.act("installModuleV2", &json!({ "request": request })).unwrap();
    for (operation, pointer) in [
        ("TargetEnv", "moduleInstallationsV2"),
        ("TargetEnv", MODULES),
        ("TargetEnv", &format!("{MODULES}/0")),
        ("TargetEnv", &format!("{MODULES}/0/moduleMavenCoordinate")),
        ("TargetEnv", "entities"),
        ("TargetEnv", ENTITIES),
        ("TargetEnv", &format!("{ENTITIES}/0")),
        ("EntitySecrets", &format!("{ENTITIES}/0")),
        ("EntitySecrets", &format!("{ENTITIES}/0/secrets")),
    ] {
        set(&double, operation, pointer, Value::Null);
        let error = apollo.replicate("cube-7", "cube-8").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{operation} {pointer}: {error}");
    }
    apollo.replicate("cube-7", "cube-8").await.unwrap();
    // The same while it is applied.
    let passage = Passage::of(double, apollo, "cube-8").await;
    for (operation, pointer) in [
        ("ListModules", format!("{MODULES}/0")),
        ("ListModules", format!("{MODULES}/0/moduleMavenCoordinate")),
        ("EntityRefs", format!("{ENTITIES}/0")),
    ] {
        set(&passage.double, operation, &pointer, Value::Null);
        let error = passage.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{operation} {pointer}: {error}");
        passage.double.heal();
    }
    assert!(passage.double.executions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_second_of_one_name_is_named() {
    let (double, apollo) = support::seeded();
    let twin = |pointer: &str| {
        let pointer = format!("/data/apollo/environmentById/{pointer}");
        Fault::Change(std::sync::Arc::new(move |body: &mut Value| {
            let list = body.pointer_mut(&pointer).and_then(Value::as_array_mut).unwrap();
            let mut second = list[0].clone();
            second["displayName"] = json!("Second");
            list.push(second);
        }))
    };
    for (list, what) in [
        (MODULES, "module module:builtin-control-plane-minimal:0.0.40 (Second)"),
        (ENTITIES, "entity mosquitto ("),
        (&format!("{ENTITIES}/0/secrets"), "secret admin of mosquitto"),
    ] {
        double.inject(On::operation("SourceEnv"), 0, 1, twin(list));
        let plan = apollo.replicate("cube-7", "spare").await.unwrap();
        assert!(lacks(&plan, what), "{list}\n{plan}");
        assert_eq!(plan.steps.len(), 5, "one of them is carried: {plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_the_target_lacks_are_named() {
    let (double, apollo) = support::seeded();
    double.add_entities("cube-8", "com.example:mosquitto", "x", 1);
    let (_, rid) = double.entity_ids("cube-8", "x-000").unwrap();
    let arguments = json!({"rid": rid});
    double.act("uninstallEntity", &arguments).unwrap();
    double.remove_entity("cube-8", "x-000");
    let install = json!({"entities": [{"entityName": "mosquitto", "productId": "com.example:mosquitto"}]});
    let arguments =
        json!({"apolloEnvironmentId": double.environment_id("cube-8"), "namespaceId": "n", "entities": install});
    let change = double.act("installEntitiesOnEnvironmentV2", &arguments).unwrap();
    double.act("approveChangeRequest", &json!({"rid": change["rid"]})).unwrap();
    while double.entity_ids("cube-8", "mosquitto").is_none() {
        apollo.environments().list().collect().await.unwrap();
    }
    let (id, _) = double.entity_ids("cube-8", "mosquitto").unwrap();
    let secret = json!([{"name": "admin", "keys": [{"key": "user", "value": "u"}]}]);
    double.act("createSecrets", &json!({"apolloEntityId": id, "secrets": secret})).unwrap();
    let plan = apollo.replicate("cube-7", "cube-8").await.unwrap();
    assert!(lacks(&plan, "keys pass of secret admin of mosquitto"), "{plan}");
    assert!(plan.existing.contains(&"secret admin of mosquitto".to_owned()), "{plan}");
}

/// A private key without its last line break no longer loads.
#[tokio::test(start_paused = true)]
async fn a_config_is_carried_byte_for_byte() {
    let pem = "-----BEGIN PRIVATE KEY-----\n      MIIB\n      -----END PRIVATE KEY-----";
    for end in ["", "\n", "\n\n", "\r\n", "  \n\n\n"] {
        for indicator in ["|", "|-", "|+", ">"] {
            let text = format!("1.10:\n  overrides:\n    mode: 0400 # octal\n    key: {indicator}\n      {pem}{end}");
            let (double, apollo) = support::seeded();
            double.declare_config("cube-7", "mosquitto", &text);
            double.approve_all();
            let passage = Passage::of(double, apollo, "spare").await;
            passage.complete().await;
            assert_eq!(passage.double.declared_config("spare", "mosquitto"), [text]);
        }
    }
}

/// A declared state that is not told is none that is empty: neither copied as such, nor overwritten.
#[tokio::test(start_paused = true)]
async fn a_declared_config_that_is_not_told_is_not_an_empty_one() {
    let (double, apollo) = support::seeded();
    let lost = || Fault::set("/data/apollo/entityById/declaredState", Value::Null);
    double.inject(On::operation("ReactorGatewayEntity"), 0, 1, lost());
    let error = apollo.entities("cube-7").update_config("mosquitto", json!({"a": 1})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    let item = Fault::set("/data/apollo/entityById/declaredState/config/0", Value::Null);
    double.inject(On::operation("ReactorGatewayEntity"), 0, 1, item);
    let error = apollo.entities("cube-7").update_config("mosquitto", json!({"a": 1})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");

    double.approve_all();
    let passage = Passage::of(double, apollo, "spare").await;
    // The looks at the target after the install, at the target before the write, and at the source.
    for skip in 0..4 {
        passage.double.inject(On::operation("ReactorGatewayEntity"), skip, 1, lost());
        let _ = passage.run().await.map_err(|error| assert_eq!(error.kind(), ErrorKind::Decode, "{error}"));
        passage.double.heal();
    }
    passage.complete().await;
    assert_eq!(
        passage.double.declared_config("spare", "mosquitto"),
        passage.double.declared_config("cube-7", "mosquitto")
    );
}

/// Runs what strangers and reviewers do until it is there.
async fn installed(double: &Double, apollo: &cube_sdk_apollo::Apollo, product: &str, channel: &str) {
    let install = json!({"entities": [
        {"entityName": "mosquitto", "productId": product, "releaseChannel": channel},
    ]});
    let id = double.environment_id("cube-8");
    let arguments = json!({"apolloEnvironmentId": id, "namespaceId": "n", "entities": install});
    let change = double.act("installEntitiesOnEnvironmentV2", &arguments).unwrap();
    double.act("approveChangeRequest", &json!({"rid": change["rid"]})).unwrap();
    while double.entity_ids("cube-8", "mosquitto").is_none() {
        apollo.environments().list().collect().await.unwrap();
    }
}

/// What the target has already is left as it is; where that is not as in the source, it is named.
#[tokio::test(start_paused = true)]
async fn what_stands_on_the_target_and_differs_is_named() {
    let (double, apollo) = support::seeded();
    installed(&double, &apollo, "com.example:bridge", "STABLE").await;
    let variables = json!([
        {"variableName": "environmentId", "stringValue": double.environment_id("cube-8")},
        {"variableName": "tier", "optionValue": "core"}, {"variableName": "debug", "stringValue": "yes"},
    ]);
    let request = json!({
        "apolloEnvironmentId": double.environment_id("cube-8"), "variables": variables,
        "moduleMavenCoordinate": "module:builtin-control-plane-minimal:0.0.40",
    });
    double.act("installModuleV2", &json!({ "request": request })).unwrap();
    let plan = apollo.replicate("cube-7", "cube-8").await.unwrap();
    for what in [
        "product com.example:mosquitto of mosquitto",
        "release channel DEV of mosquitto",
        "config of mosquitto",
        "variables apiToken, tier, debug of module module:builtin",
    ] {
        assert!(lacks(&plan, what), "{what}\n{plan}");
    }
    assert!(!plan.to_string().contains("canary"), "{plan}");
    assert!(plan.existing.contains(&"entity mosquitto".to_owned()), "{plan}");
    // The same is the same.
    double.declare_config("cube-8", "mosquitto", &double.declared_config("cube-7", "mosquitto")[0]);
    let plan = apollo.replicate("cube-7", "cube-8").await.unwrap();
    assert!(!lacks(&plan, "config of mosquitto"), "{plan}");
    // What is not told is no sameness.
    for (operation, pointer, what) in [
        ("ReactorGatewayEntity", "/data/apollo/entityById/declaredState", "config of mosquitto"),
        ("ReactorGatewayEntity", "/data/apollo/entityById/declaredState/config", "config of mosquitto"),
        ("ReactorGatewayEntity", "/data/apollo/entityById/declaredState/config/0", "config of mosquitto"),
        ("ReactorGatewayEntity", "/data/apollo/entityById", "config of mosquitto"),
        ("SourceEnv", "/data/apollo/environmentById/accreditation", "accreditation"),
        (
            "SourceEnv",
            "/data/apollo/environmentById/moduleInstallationsV2/moduleInstallations/0/variables",
            "variables of",
        ),
    ] {
        double.inject(On::operation(operation), 0, 1, Fault::set(pointer, Value::Null));
        let plan = apollo.replicate("cube-7", "cube-8").await.unwrap();
        assert!(lacks(&plan, what), "{pointer}\n{plan}");
    }
}

/// A module brings its entities; what they were given beside it, it does not.
#[tokio::test(start_paused = true)]
async fn a_config_of_its_own_beside_the_modules_is_named() {
    let (double, apollo) = support::seeded();
    assert!(!lacks(&apollo.replicate("cube-7", "spare").await.unwrap(), "config of telemetry"));
    double.declare_config("cube-7", "telemetry", "3.1.4:\n  overrides:\n    rate: 5\n");
    for target in ["spare", "cube-8"] {
        let plan = apollo.replicate("cube-7", target).await.unwrap();
        assert!(lacks(&plan, "config of telemetry"), "{plan}");
        assert!(plan.by_modules.contains(&"entity telemetry".to_owned()), "{plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn roles_that_are_not_told_are_named() {
    for pointer in ["", "/teamRoleStatements", "/teamRoleStatements/0", "/teamRoleStatements/0/team"] {
        for target in ["spare", "cube-8"] {
            let (double, apollo) = support::seeded();
            let lost = format!("/data/apollo/environments/environments/0/rolePolicy{pointer}");
            double.inject(On::operation("ListEnvs"), 0, 9, Fault::set(&lost, Value::Null));
            let plan = apollo.replicate("cube-7", target).await.unwrap();
            assert!(plan.not_carried.iter().any(|lack| lack.what == "roles"), "{pointer} {target}\n{plan}");
        }
    }
    let (double, apollo) = support::seeded();
    double.inject(
        On::operation("SourceEnv"),
        0,
        1,
        Fault::set("/data/apollo/environmentById/accreditation", Value::Null),
    );
    assert!(lacks(&apollo.replicate("cube-7", "spare").await.unwrap(), "accreditation"));
}

/// A text that is no config is not an empty one.
#[tokio::test(start_paused = true)]
async fn a_config_that_cannot_be_parsed_is_named_and_not_overwritten() {
    for text in ["- a\n- b\n", "# mine, do not touch\n", "garbage", "{}\n", "---\n"] {
        let (double, apollo) = support::seeded();
        double.declare_config("cube-7", "mosquitto", text);
        double.unreport("cube-7", "mosquitto");
        let plan = apollo.replicate("cube-7", "spare").await.unwrap();
        assert!(lacks(&plan, "config of mosquitto"), "{text}\n{plan}");
        let update = || apollo.entities("cube-7").update_config("mosquitto", json!({"a": 1}));
        assert_eq!(update().await.unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
        assert!(double.executions().is_empty());
        update().rewrite().await.unwrap();
        // Nothing written is nothing to lose.
        for blank in ["", " \n", "\u{feff}\n"] {
            double.declare_config("cube-7", "mosquitto", blank);
            update().await.unwrap();
        }
    }
}
