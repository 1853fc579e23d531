//! Copying an environment: planned, stopped at every point, resumed, and never done twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cube_sdk_apollo::Apollo;
use cube_sdk_apollo::replicate::{Apply, Journal, Outcome, Record, ReplicationPlan, SecretKey, Step};
use cube_sdk_core::{ErrorKind, SecretString};
use cube_sdk_testkit::apollo::{Double, Fault, On};

const STEPS: usize = 5;
const FIELDS: [&str; STEPS] = [
    "createEnvironment",
    "installModuleV2",
    "installEntitiesOnEnvironmentV2",
    "updateConfigByResourceV2",
    "createSecrets",
];

fn secrets() -> BTreeMap<SecretKey, SecretString> {
    let value = |key: &str, text: &str| (SecretKey::new("mosquitto", "admin", key), SecretString::from(text));
    BTreeMap::from([value("user", "root"), value("pass", "canary-replicated")])
}

async fn planned() -> (Double, Apollo, ReplicationPlan) {
    let (double, apollo) = support::seeded();
    double.approve_all();
    let plan = apollo.replicate("cube-7", "spare").namespace("mosquitto", "mqtt").await.unwrap();
    assert_eq!(plan.steps.len(), STEPS, "{plan}");
    assert_eq!(plan.by_modules, ["entity telemetry"]);
    (double, apollo, plan)
}

/// Stores what is saved as a file would: as text.
fn saving(apply: Apply, stored: &Arc<Mutex<String>>) -> Apply {
    let stored = stored.clone();
    apply.secrets(secrets()).interval(Duration::from_millis(10)).save(move |journal| {
        *stored.lock().unwrap() = serde_json::to_string(journal).unwrap();
        Ok(())
    })
}

fn once_each(double: &Double) {
    for field in FIELDS {
        assert_eq!(double.executed(field), 1, "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_a_dry_run_without_secrets() {
    let (double, _apollo, plan) = planned().await;
    assert_eq!(double.executions().len(), 0);
    let text = format!("{plan}{plan:?}{}", serde_json::to_string(&plan).unwrap());
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("create secret admin of mosquitto with keys user, pass"));
}

#[tokio::test(start_paused = true)]
async fn a_run_is_complete_and_a_second_one_does_nothing() {
    let (double, apollo, plan) = planned().await;
    let stored = Arc::new(Mutex::new(String::new()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let apply = saving(apollo.apply(&plan, Journal::default()), &stored);
    let report = apply.progress(move |event| noted.lock().unwrap().push(event.clone())).await.unwrap();
    assert!(report.is_complete());
    once_each(&double);
    assert_eq!(
        double.declared_config("spare", "mosquitto")[0].trim(),
        double.declared_config("cube-7", "mosquitto")[0].trim()
    );
    assert_eq!(double.secret_value("spare", "mosquitto", "admin", "pass").as_deref(), Some("canary-replicated"));
    let module = &apollo.modules("spare").list().await.unwrap()[0];
    let spare = apollo.environments().get("spare").await.unwrap();
    assert_eq!(module.variables[0].expose(), spare.id.as_str(), "the variable names the new environment");
    assert_eq!(module.variables[2].expose(), "canary-module-variable");
    assert!(seen.lock().unwrap().iter().any(|event| matches!(event.outcome, Outcome::Waiting(_))));
    assert!(!stored.lock().unwrap().contains("canary"));

    let before = double.executions().len();
    let journal: Journal = serde_json::from_str(&stored.lock().unwrap()).unwrap();
    let again = saving(apollo.apply(&plan, journal), &stored).await.unwrap();
    assert!(again.is_complete());
    // Without its journal the plan is one that reality has overtaken.
    let error = saving(apollo.apply(&plan, Journal::default()), &stored).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(apollo.replicate("cube-7", "spare").await.unwrap().is_empty());
    assert_eq!(double.executions().len(), before);
}

#[tokio::test(start_paused = true)]
async fn killed_between_send_and_reply_at_each_step_it_resumes() {
    for killed in 0..STEPS {
        for fault in [Fault::HangAfter, Fault::ResetAfter, Fault::Hang] {
            let (double, apollo, plan) = planned().await;
            let stored = Arc::new(Mutex::new("{}".to_owned()));
            double.inject(On::Mutation, killed, 1, fault.clone());
            let run = saving(apollo.apply(&plan, Journal::default()), &stored);
            // Dropped while the request is out, as when the process is killed; a reset ends it by an error.
            let ended = tokio::time::timeout(Duration::from_secs(30), run.into_future()).await;
            assert!(!matches!(ended, Ok(Ok(_))), "{killed} {fault:?}");
            double.heal();
            let journal: Journal = serde_json::from_str(&stored.lock().unwrap()).unwrap();
            assert!(
                matches!(journal.step(&plan.steps[killed]), Some(Record::Noted { .. })),
                "{killed} {fault:?} {journal:?}"
            );
            let report = saving(apollo.apply(&plan, journal), &stored).await.unwrap();
            assert!(report.is_complete(), "{killed} {fault:?}");
            once_each(&double);
            let journal: Journal = serde_json::from_str(&stored.lock().unwrap()).unwrap();
            saving(apollo.apply(&plan, journal), &stored).await.unwrap();
            once_each(&double);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn several_open_change_requests_that_fit_are_a_conflict() {
    let (double, apollo) = support::seeded();
    let plan = apollo.replicate("cube-7", "cube-8").namespace("mosquitto", "mqtt").await.unwrap();
    let stored = Arc::new(Mutex::new("{}".to_owned()));
    double.inject(On::operation("InstallEntities"), 0, 1, Fault::ResetAfter);
    saving(apollo.apply(&plan, Journal::default()), &stored).await.unwrap_err();
    let product = "com.example:mosquitto";
    let other = apollo.entities("cube-8").install("mosquitto", product).await.unwrap();
    let journal = || serde_json::from_str::<Journal>(&stored.lock().unwrap()).unwrap();
    let error = saving(apollo.apply(&plan, journal()), &stored).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(other.rid().as_str()), "{error}");
    apollo.change_requests().cancel(other.rid()).await.unwrap();
    for change in apollo.change_requests().of("cube-8").collect_up_to(9).await.unwrap() {
        let _ = apollo.change_requests().approve(change.rid()).await;
    }
    double.approve_all();
    assert!(saving(apollo.apply(&plan, journal()), &stored).await.unwrap().is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_rejected_step_ends_the_run_and_is_asked_anew() {
    let (double, apollo) = support::seeded();
    let plan = apollo.replicate("cube-7", "cube-8").await.unwrap();
    let stored = Arc::new(Mutex::new("{}".to_owned()));
    let error = saving(apollo.apply(&plan, Journal::default()), &stored)
        .approval_timeout(Duration::from_secs(60))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let open = apollo.change_requests().of("cube-8").collect_up_to(9).await.unwrap();
    apollo.change_requests().reject(open[0].rid(), "no").await.unwrap();
    let journal = || serde_json::from_str::<Journal>(&stored.lock().unwrap()).unwrap();
    let error = saving(apollo.apply(&plan, journal()), &stored).await.unwrap_err();
    assert!(error.to_string().contains("ended REJECTED"), "{error}");
    double.approve_all();
    assert!(saving(apollo.apply(&plan, journal()), &stored).await.unwrap().is_complete());
    assert_eq!(double.executed("installEntitiesOnEnvironmentV2"), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_carried_is_listed() {
    let (double, apollo) = support::seeded();
    double.declare_config("cube-7", "mosquitto", "1.10:\n  overrides:\n    password: <hidden, 7 chars>\n");
    let plan = apollo.replicate("cube-7", "spare").await.unwrap();
    let text = plan.to_string();
    assert!(text.contains("not carried: config of mosquitto: it holds masked placeholders"), "{text}");
    assert!(!plan.steps.iter().any(|step| matches!(step, Step::WriteConfig { .. })));
    double.approve_all();
    let report = apollo.apply(&plan, Journal::default()).interval(Duration::from_millis(1)).await.unwrap();
    assert_eq!(report.pending.len(), 1);
    assert!(report.pending[0].why.contains("no value for user, pass"));
    double.unreport("cube-7", "mosquitto");
    let plan = apollo.replicate("cube-7", "other").await.unwrap();
    assert!(plan.to_string().contains("not carried: config of mosquitto"), "{plan}");
    double.declare_config("cube-7", "mosquitto", "1.10:\n  overrides:\n    a: 1\n");
    double.unreport("cube-7", "mosquitto");
    let plan = apollo.replicate("cube-7", "other").await.unwrap();
    assert!(plan.to_string().contains("write config of mosquitto"), "what is declared is not lost: {plan}");
    for (source, target) in [("cube-7", "cube-7"), ("cube-7", "CUBE-8"), ("cube-7", " ")] {
        assert_eq!(apollo.replicate(source, target).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_that_fails_ends_the_run_before_anything_is_sent() {
    let (double, apollo, plan) = planned().await;
    let apply = apollo.apply(&plan, Journal::default());
    let error = apply.save(|_| Err(cube_sdk_core::Error::new(ErrorKind::Io, "disk full"))).await.unwrap_err();
    assert_eq!((error.kind(), double.executions().len()), (ErrorKind::Io, 0));
}
