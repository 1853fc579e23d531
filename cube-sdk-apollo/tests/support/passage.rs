//! A replication whose journal is kept as text, as a file would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cube_sdk_apollo::Apollo;
use cube_sdk_apollo::replicate::{Apply, Journal, Record, ReplicationPlan, ReplicationReport, SecretKey, Step};
use cube_sdk_core::{Error, SecretString};
use cube_sdk_testkit::apollo::{Double, Fault, On};

/// The mutations of a whole plan, in order.
pub(crate) const FIELDS: [&str; 5] = [
    "createEnvironment",
    "installModuleV2",
    "installEntitiesOnEnvironmentV2",
    "updateConfigByResourceV2",
    "createSecrets",
];

/// Their operations.
pub(crate) const OPERATIONS: [&str; 5] =
    ["CreateEnv", "InstallModule", "InstallEntities", "UpdateEntityConfigV2", "CreateSecrets"];

pub(crate) fn secrets() -> BTreeMap<SecretKey, SecretString> {
    let value = |key: &str, text: &str| (SecretKey::new("mosquitto", "admin", key), SecretString::from(text));
    BTreeMap::from([value("user", "root"), value("pass", "canary-replicated")])
}

pub(crate) struct Passage {
    pub(crate) double: Double,
    pub(crate) apollo: Apollo,
    pub(crate) plan: ReplicationPlan,
    stored: Arc<Mutex<String>>,
}

impl Passage {
    /// From `cube-7` to a target that is there or not; nobody reviews by itself.
    pub(crate) async fn to(target: &str) -> Self {
        let (double, apollo) = super::seeded();
        Self::of(double, apollo, target).await
    }

    pub(crate) async fn of(double: Double, apollo: Apollo, target: &str) -> Self {
        let plan = apollo.replicate("cube-7", target).namespace("mosquitto", "mqtt").await.unwrap();
        Self { double, apollo, plan, stored: Arc::new(Mutex::new("{}".to_owned())) }
    }

    pub(crate) fn step(&self, kind: &str) -> &Step {
        self.plan.steps.iter().find(|step| step.key().starts_with(kind)).unwrap()
    }

    pub(crate) fn journal(&self) -> Journal {
        serde_json::from_str(&self.stored.lock().unwrap()).unwrap()
    }

    pub(crate) fn record(&self, kind: &str) -> Option<Record> {
        self.journal().step(self.step(kind)).cloned()
    }

    pub(crate) fn apply(&self) -> Apply {
        self.applying(&self.plan, self.journal())
    }

    pub(crate) fn applying(&self, plan: &ReplicationPlan, journal: Journal) -> Apply {
        let stored = self.stored.clone();
        let apply = self.apollo.apply(plan, journal).secrets(secrets()).interval(Duration::from_secs(1));
        // Nobody waits for ever: a run that should have ended fails.
        let apply = apply.approval_timeout(Duration::from_secs(900));
        apply.save(move |journal| {
            *stored.lock().unwrap() = serde_json::to_string(journal).unwrap();
            Ok(())
        })
    }

    pub(crate) async fn run(&self) -> Result<ReplicationReport, Error> {
        self.apply().await
    }

    /// Runs until the mutation of this name goes wrong.
    pub(crate) async fn run_into(&self, operation: &str, fault: Fault) -> Error {
        self.double.inject(On::operation(operation), 0, 1, fault);
        let error = self.run().await.unwrap_err();
        self.double.heal();
        error
    }

    pub(crate) async fn complete(&self) {
        let report = self.run().await.unwrap();
        assert!(report.is_complete(), "{:?}", report.pending);
    }
}
