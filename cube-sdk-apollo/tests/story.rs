//! One environment from birth to end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};

use cube_sdk_apollo::change_requests::ChangeRequestStatus;
use cube_sdk_apollo::plans::TaskState;
use cube_sdk_apollo::replicate::Journal;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn an_environment_lives_is_copied_and_goes() {
    let (double, apollo) = support::seeded();
    let reviews = apollo.change_requests();

    let created = apollo.environments().create("cube-9").control_plane("module:cp:1.0.0").await.unwrap();
    let cube = created.environment;
    apollo
        .modules(&cube)
        .install("com.example:stack:2.0.0")
        .variable("region", "north".to_owned().into())
        .await
        .unwrap();

    let entities = apollo.entities(&cube);
    let broker = entities.install("broker", "com.example:mosquitto").namespace("mqtt").await.unwrap();
    let bridge = entities.install("bridge", "com.example:bridge").await.unwrap();
    for change in [&broker, &bridge] {
        assert_eq!(change.status(), Some(&ChangeRequestStatus::PendingApprovals));
    }
    // Nobody reviews: the wait goes on, and can be given up and taken up by id.
    let waited = tokio::time::timeout(std::time::Duration::from_secs(600), broker.wait().into_future()).await;
    assert!(waited.is_err());
    let broker = apollo.change_requests().resume(&broker.resume_id()).unwrap();
    for change in [&broker, &bridge] {
        reviews.approve(change.rid()).await.unwrap();
    }
    for (change, name) in [(&broker, "broker"), (&bridge, "bridge")] {
        let states = Arc::new(Mutex::new(Vec::new()));
        let noted = states.clone();
        let merged =
            change.wait().progress(move |now| noted.lock().unwrap().push(now.status().cloned())).await.unwrap();
        assert!(merged.is_merged());
        assert_eq!(states.lock().unwrap().last(), Some(&Some(ChangeRequestStatus::ApprovedMerged)));
        let plan = merged.plan_of(name).await.unwrap();
        let moves = Arc::new(Mutex::new(Vec::new()));
        let (noted, mut before) = (moves.clone(), plan.clone());
        let resumed = apollo.resume_plan(&plan.resume_id()).unwrap();
        let done = resumed
            .wait()
            .progress(move |now| {
                let mut moves = noted.lock().unwrap();
                moves.extend(
                    now.tasks_moved_since(&before)
                        .iter()
                        .map(|task| (task.title().unwrap().to_owned(), task.state.clone())),
                );
                before = now.clone();
            })
            .await
            .unwrap();
        assert!(done.succeeded(), "{done:?}");
        if name == "broker" {
            let moves = moves.lock().unwrap();
            let of = |title: &str| {
                moves.iter().filter(|entry| entry.0 == title).map(|entry| entry.1.clone().unwrap()).collect::<Vec<_>>()
            };
            assert_eq!(of("Fetch chart"), [TaskState::Active, TaskState::Succeeded]);
            assert_eq!(of("Move to target state"), [TaskState::Active, TaskState::Succeeded]);
        }
    }

    // The version label is the one that the entity reports, and survives.
    let update = entities.update_config("broker", json!({"persistence": true})).await.unwrap();
    let change = update.opened().unwrap().clone();
    assert!(reviews.of(&cube).collect_up_to(99).await.unwrap().iter().any(|open| open.rid() == change.rid()));
    reviews.approve(change.rid()).comment("fine").await.unwrap();
    change.wait().await.unwrap().plan().await.unwrap().wait().await.unwrap();
    let config = entities.config("broker").await.unwrap();
    assert_eq!((config.blocks()[0].version(), config.blocks().len()), ("1.10", 1));
    assert_eq!(config.blocks()[0].expose_overrides(), Some(&json!({"persistence": true})));

    let update = entities.update_config("broker", json!({"persistence": false})).await.unwrap();
    reviews.reject(update.opened().unwrap().rid(), "keep it").await.unwrap();
    let refused = update.opened().unwrap().wait().await.unwrap();
    assert_eq!(refused.status(), Some(&ChangeRequestStatus::Rejected));
    assert_eq!(refused.plan().await.unwrap_err().kind(), cube_sdk_core::ErrorKind::Conflict);

    let release = "com.example:mosquitto:1.10";
    assert_eq!(apollo.channels().add(release, ["STABLE"]).await.unwrap().channels, ["DEV", "STABLE"]);
    assert_eq!(apollo.channels().remove(release, ["DEV"]).await.unwrap().channels, ["STABLE"]);

    let plan = apollo.replicate(&cube, "cube-9-spare").namespace("broker", "mqtt").await.unwrap();
    let shown = plan.to_string();
    assert!(
        shown.contains("create environment cube-9-spare (DEV)") && shown.contains("namespace of bridge"),
        "{shown}"
    );
    double.approve_all();
    let report = apollo.apply(&plan, Journal::default()).await.unwrap();
    assert!(report.is_complete(), "{:?}", report.pending);
    assert_eq!(report.entities.len(), 2);
    assert_eq!(double.declared_config("cube-9-spare", "broker"), double.declared_config("cube-9", "broker"));

    for name in ["cube-9", "cube-9-spare"] {
        let change = apollo.environments().delete(name).await.unwrap();
        // Its change requests go with the environment: gone is merged.
        let ended = change.wait().await;
        assert!(ended.is_err() || ended.unwrap().is_merged());
        let left = apollo.environments().list().collect_up_to(99).await.unwrap();
        assert!(left.iter().all(|environment| environment.name != name));
    }
}
