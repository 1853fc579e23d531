//! Copying an environment: the plan first, then its steps, each at most once.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # world.approve_all();
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//!
//! use cube_sdk_apollo::replicate::{Journal, ReplicationPlan, SecretKey};
//!
//! let plan = apollo
//!     .replicate("cube-7", "cube-7-spare")
//!     .accreditation("DEV")
//!     .namespace("mosquitto", "mqtt")
//!     .await?;
//! println!("{plan}"); // the dry run
//! let stored = serde_json::to_string(&plan).unwrap(); // plan and journal hold no secret values
//!
//! let plan: ReplicationPlan = serde_json::from_str(&stored).unwrap();
//! let secrets = BTreeMap::from([(SecretKey::new("mosquitto", "admin", "user"), "root".to_owned().into())]);
//! let report = apollo
//!     .apply(&plan, Journal::default())
//!     .save(|journal| {
//!         serde_json::to_string(journal).unwrap(); // to a file: it is what a later run resumes from
//!         Ok(())
//!     })
//!     .secrets(secrets)
//!     .progress(|event| println!("{} {:?}", event.step, event.outcome))
//!     .interval(Duration::from_millis(1))
//!     .approval_timeout(Duration::from_secs(3_600))
//!     .await?;
//! assert!(!report.is_complete()); // one key of the secret has no value yet
//! println!("{:?} {:?}", report.pending, report.entities);
//!
//! let again = apollo.replicate("cube-7", "cube-7-spare").await?;
//! assert_eq!(again.steps.len(), 1); // the secret
//! assert!(!again.is_empty() && !report.journal.is_empty() && report.journal.is_done(&plan.steps[0]));
//! assert!(report.journal.step(&plan.steps[0]).is_some_and(|record| record.rid().is_some()));
//! println!("{}", plan.steps[0].key());
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

mod apply;
mod contents;
mod context;
mod differences;
mod digest;
mod journal;
mod plan;
mod planner;
mod record;
mod report;
mod requests;
mod secret_source;
mod steps;
mod target;
mod trace;

pub use apply::Apply;
pub use journal::Journal;
pub use plan::{NotCarried, Place, ReplicationPlan};
pub use planner::PlanReplication;
pub use record::{Noted, Record};
pub use report::{Event, Outcome, Pending, ReplicationReport, TargetEntity};
pub use secret_source::{NoSecrets, SecretKey, SecretSource};
pub use steps::{CreateEnvironment, CreateSecret, InstallEntity, InstallModule, Step, WriteConfig};
