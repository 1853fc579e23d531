//! Tokens that expire, servers that throttle, fail and hang; and no mutation that runs twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::future::IntoFuture;
use std::time::Duration;

use cube_sdk_core::ErrorKind;
use cube_sdk_core::error::Sent;
use cube_sdk_testkit::apollo::{Double, Fault, On};
use serde_json::json;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_in_mid_drain_is_renewed_early() {
    let double = Double::empty().unwrap();
    double.add_fleet(1_500);
    double.token_lifetime(100);
    let apollo = support::client(&double);
    let mut list = apollo.environments().list();
    let mut count = 0;
    while list.try_next().await.unwrap().is_some() {
        count += 1;
        if count % 500 == 0 {
            tokio::time::sleep(Duration::from_secs(99)).await;
        }
    }
    assert_eq!((count, double.tokens_issued(), double.requests().len()), (1_500, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_revoked_in_mid_drain_is_replayed_once() {
    let double = Double::empty().unwrap();
    double.add_fleet(1_000);
    let apollo = support::client(&double);
    let mut list = apollo.environments().list();
    for _ in 0..500 {
        list.try_next().await.unwrap().unwrap();
    }
    double.revoke_tokens();
    let mut rest = 0;
    while list.try_next().await.unwrap().is_some() {
        rest += 1;
    }
    assert_eq!((rest, double.tokens_issued()), (500, 2));
}

#[tokio::test(start_paused = true)]
async fn many_calls_at_once_share_one_token() {
    let (double, apollo) = support::seeded();
    let calls = (0..20).map(|_| apollo.my_teams().into_future());
    for teams in futures_util::future::join_all(calls).await {
        assert_eq!(teams.unwrap(), ["platform"]);
    }
    assert_eq!(double.tokens_issued(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_token_endpoint_may_fail_for_a_moment_but_not_refuse() {
    let (double, apollo) = support::seeded();
    double.inject(On::Token, 0, 2, Fault::status(503));
    apollo.my_teams().await.unwrap();
    let (double, apollo) = support::seeded();
    double.inject(On::Token, 0, 9, Fault::status(401));
    let error = apollo.my_teams().await.unwrap_err();
    assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Credentials, 1));
}

#[tokio::test(start_paused = true)]
async fn throttled_reads_and_mutations_wait_as_told() {
    let (double, apollo) = support::seeded();
    double.inject(On::Any, 0, 2, Fault::throttle(7));
    let started = Instant::now();
    apollo.my_teams().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(14));
    double.inject(On::Mutation, 0, 1, Fault::throttle(3));
    apollo.environments().create("cube-10").await.unwrap();
    assert_eq!(double.executed("createEnvironment"), 1);
    assert_eq!(double.requests().iter().filter(|request| request.operation == "CreateEnv").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn reads_outlast_bad_gateways_and_hanging_servers() {
    let (double, apollo) = support::seeded();
    double.inject(On::Any, 0, 3, Fault::status(502));
    apollo.my_teams().await.unwrap();
    assert_eq!(double.requests().len(), 4);
    double.inject(On::Any, 0, 1, Fault::Hang);
    let started = Instant::now();
    apollo.my_teams().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(90), "{:?}", started.elapsed());
    double.inject(On::Any, 0, 99, Fault::Hang);
    let error = apollo.my_teams().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_token_revoked_before_a_mutation_is_replayed_once() {
    let (double, apollo) = support::seeded();
    let cube = apollo.environments().get("cube-7").await.unwrap();
    double.revoke_tokens();
    apollo.environments().delete(&cube).await.unwrap();
    assert_eq!((double.executed("deleteEnvironment"), double.tokens_issued()), (1, 2));
    // Both of the two: refused, then refused again.
    double.inject(On::Mutation, 0, 2, Fault::status(401));
    let error = apollo.environments().delete(&cube).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(double.executed("deleteEnvironment"), 1);
}

/// Every mutation of the client, met by every failure that leaves open whether it ran.
#[tokio::test(start_paused = true)]
async fn no_mutation_is_sent_again_when_it_may_have_run() {
    for (fault, ran, kind) in [
        (Fault::status(502), 0, ErrorKind::Unavailable),
        (Fault::status(500), 0, ErrorKind::Server),
        (Fault::Hang, 0, ErrorKind::Timeout),
        (Fault::HangAfter, 1, ErrorKind::Timeout),
        (Fault::ResetAfter, 1, ErrorKind::Transport),
    ] {
        for name in MUTATIONS {
            let (double, apollo) = support::seeded();
            double.approve_all();
            double.inject(On::operation(name), 0, 99, fault.clone());
            let error = mutate(&apollo, name).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{name} {fault:?}: {error}");
            let sent = double.requests().iter().filter(|request| request.operation == name).count();
            let executed = double.executions().len();
            assert_eq!((sent, executed), (1, ran), "{name} {fault:?}");
            if matches!(kind, ErrorKind::Timeout | ErrorKind::Transport) {
                assert_eq!(error.sent(), Sent::Unknown);
                assert!(error.to_string().contains("sent: unknown"), "{error}");
            }
        }
    }
}

const MUTATIONS: [&str; 21] = [
    "CreateEnv",
    "DeleteEnv",
    "ResetAgents",
    "InstallEntities",
    "UninstallEntity",
    "UpdateEntityConfigV2",
    "EnforceEntityConfig",
    "InstallModule",
    "UninstallModule",
    "UpdateModuleInstallation",
    "CreateSecrets",
    "UpdateSecrets",
    "CreateProduct",
    "CreateProductRelease",
    "AddToChannel",
    "RemoveFromChannel",
    "SetLabel",
    "RemoveLabel",
    "ApproveCR",
    "RejectCR",
    "CancelCR",
];

async fn mutate(apollo: &cube_sdk_apollo::Apollo, name: &str) -> cube_sdk_core::Result<()> {
    let product = "com.example:mosquitto";
    let release = "com.example:mosquitto:1.10";
    let value = || "value".to_owned().into();
    let entities = apollo.entities("cube-7");
    match name {
        "CreateEnv" => apollo.environments().create("new").await.map(drop),
        "DeleteEnv" => apollo.environments().delete("cube-7").await.map(drop),
        "ResetAgents" => apollo.agents("cube-7").reset().await.map(drop),
        "InstallEntities" => entities.install("x", product).await.map(drop),
        "UninstallEntity" => entities.uninstall("mosquitto").await.map(drop),
        "UpdateEntityConfigV2" => entities.update_config("mosquitto", json!({})).await.map(drop),
        "EnforceEntityConfig" => entities.enforce("mosquitto").await.map(drop),
        "InstallModule" => apollo.modules("cube-7").install("a:b:1").await.map(drop),
        "UninstallModule" => apollo.modules("cube-7").uninstall("Control plane").await.map(drop),
        "UpdateModuleInstallation" => {
            apollo.modules("cube-7").update("Control plane").set("a", value()).await.map(drop)
        }
        "CreateSecrets" => apollo.secrets("cube-7").create("mosquitto", "s").value(value()).await,
        "UpdateSecrets" => apollo.secrets("cube-7").update("mosquitto", "admin").value(value()).await,
        "CreateProduct" => apollo.manifests().create_product(product).await.map(drop),
        "CreateProductRelease" => apollo.manifests().create_release("a: b").await.map(drop),
        "AddToChannel" => apollo.channels().add(release, ["A"]).await.map(drop),
        "RemoveFromChannel" => apollo.channels().remove(release, ["DEV"]).await.map(drop),
        "SetLabel" => apollo.labels(product).set("a", "b").await.map(drop),
        "RemoveLabel" => apollo.labels(product).remove("a").await.map(drop),
        "ApproveCR" => apollo.change_requests().approve("ri.approval.1.x").await.map(drop),
        "RejectCR" => apollo.change_requests().reject("ri.approval.1.x", "no").await.map(drop),
        "CancelCR" => apollo.change_requests().cancel("ri.approval.1.x").await.map(drop),
        other => panic!("{other}"),
    }
}

/// The two that need something to be so before they are sent.
#[tokio::test(start_paused = true)]
async fn neither_is_an_agent_deleted_twice_nor_an_older_update_sent_twice() {
    for fault in [Fault::status(502), Fault::HangAfter, Fault::ResetAfter] {
        let (double, apollo) = support::seeded();
        double.approve_all();
        let change = apollo.entities("cube-7").enforce("mosquitto").await.unwrap();
        change.wait().await.unwrap().plan().await.unwrap();
        while apollo.plans("cube-7").of("mosquitto").await.unwrap()[0].agent().is_none() {}
        double.inject(On::operation("DeleteAgent"), 0, 99, fault.clone());
        apollo.plans("cube-7").cancel_active("mosquitto").await.unwrap_err();
        assert!(double.executed("deleteAgentById") <= 1);

        let body = json!({"errors": [{"message": "no updateConfigByResourceV2", "extensions": {"classification": "ValidationError"}}]});
        let lacks = Fault::Status { status: 400, retry_after: None, body: body.to_string() };
        double.inject(On::operation("UpdateEntityConfigV2"), 0, 1, lacks);
        double.inject(On::operation("UpdateEntityConfig"), 0, 99, fault);
        apollo.entities("cube-7").update_config("mosquitto", json!({})).await.unwrap_err();
        assert!(double.executed("updateConfigByResource") <= 1);
        for name in ["DeleteAgent", "UpdateEntityConfig"] {
            assert_eq!(double.requests().iter().filter(|request| request.operation == name).count(), 1);
        }
    }
}

#[tokio::test]
async fn the_same_over_sockets() {
    let double = Double::seeded().unwrap().serve().await.unwrap();
    let apollo = cube_sdk_apollo::Apollo::from_environment(&double.environment()).unwrap();
    double.inject(On::Query, 0, 1, Fault::ResetAfter);
    apollo.my_teams().await.unwrap();
    assert_eq!(double.requests().len(), 2);
    double.inject(On::Mutation, 0, 1, Fault::ResetAfter);
    let error = apollo.environments().create("new").await.unwrap_err();
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Transport, Sent::Unknown));
    assert_eq!(double.executed("createEnvironment"), 1);
    double.inject(On::Mutation, 0, 1, Fault::HangAfter);
    let call = apollo.environments().create("newer").into_future();
    let carried_out = async {
        while double.executed("createEnvironment") < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        outcome = call => panic!("{outcome:?}"),
        () = carried_out => {}
    }
}
