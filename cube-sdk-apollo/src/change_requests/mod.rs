//! Change requests: what Apollo asks people to approve before it acts.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use std::time::Duration;
//!
//! use cube_sdk_apollo::change_requests::ChangeRequestStatus;
//!
//! let change = apollo.entities("cube-7").enforce("mosquitto").await?;
//! println!("{} {:?} {:?} {:?}", change.rid(), change.title(), change.status(), change.created_at());
//! let id = change.resume_id(); // store it: another process can go on waiting
//!
//! let reviews = apollo.change_requests();
//! assert_eq!(reviews.of("cube-7").collect_up_to(100).await?.len(), 1);
//! let open = reviews.list().collect_up_to(100).await?;
//! assert_eq!(open[0].environment_name(), Some("cube-7"));
//! let waiting = || [ChangeRequestStatus::PendingApprovals];
//! assert_eq!(reviews.by_status(waiting()).collect().await?.len(), 1);
//! assert_eq!(reviews.of_by_status("cube-8", waiting()).collect().await?.len(), 0);
//! assert!(change.environment().is_some());
//! let reviewed = reviews.approve(change.rid()).comment("seen").await?;
//! assert!(reviewed.status.is_some());
//!
//! let merged = change.wait().interval(Duration::from_millis(1)).await?;
//! assert!(merged.is_merged() && merged.is_done());
//! let plan = merged.plan().interval(Duration::from_millis(1)).tries(5).await?;
//!
//! let resumed = reviews.resume(&id)?.wait().await?; // elsewhere, later: the entity has to be named
//! assert_eq!(resumed.plan_of("mosquitto").await?.rid(), plan.rid());
//!
//! let second = apollo.entities("cube-7").enforce("mosquitto").await?;
//! reviews.reject(second.rid(), "not today").await?;
//! let third = apollo.entities("cube-7").enforce("mosquitto").await?;
//! reviews.cancel(third.rid()).await?;
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

mod find_plan;
mod together;
mod wait;

use cube_sdk_core::listing::Listing;
use cube_sdk_core::{Error, ErrorKind, Result};

pub use find_plan::FindPlan;
pub(crate) use together::Together;

use crate::choice::Match;
use crate::client::Apollo;
use crate::graphql::{
    ApproveCR, CancelCR, ListCRs, ListCRsByEnv, Patch, RejectCR, Request, approve_cr, cancel_cr, list_c_rs,
    list_c_rs_by_env, reject_cr,
};
use crate::ids::Rid;
use crate::listing::{Shape, Source, list};
use crate::model::Environment;
pub use crate::model::{ChangeRequest, Reviewed};
use crate::mutation::{Mutation, Prepared, mutation};
use crate::references::EnvironmentRef;
pub use crate::words::ChangeRequestStatus;

/// Change requests of the fleet. From [`Apollo::change_requests`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// apollo.entities("cube-7").enforce("mosquitto").await?;
/// let open = apollo.change_requests().of("cube-7").collect_up_to(100).await?;
/// assert_eq!(open.len(), 1);
/// apollo.change_requests().reject(open[0].rid(), "not today").await?;
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct ChangeRequests {
    apollo: Apollo,
}

impl Apollo {
    /// Change requests: list, review, resume.
    pub fn change_requests(&self) -> ChangeRequests {
        ChangeRequests { apollo: self.clone() }
    }
}

/// Which of the change requests that are read are wanted; all without any.
type Wanted = Option<Vec<ChangeRequestStatus>>;

impl ChangeRequests {
    /// Every change request that this client may see, 50 to a page.
    pub fn list(&self) -> Listing<ChangeRequest> {
        let apollo = self.apollo.clone();
        list(&self.apollo, |_| async { Ok(of_fleet(apollo, None)) })
    }

    /// The change requests of the fleet that have one of these statuses. Apollo does not filter: all are read.
    pub fn by_status(&self, statuses: impl IntoIterator<Item = ChangeRequestStatus>) -> Listing<ChangeRequest> {
        let (apollo, wanted) = (self.apollo.clone(), Some(statuses.into_iter().collect()));
        list(&self.apollo, |_| async { Ok(of_fleet(apollo, wanted)) })
    }

    /// The change requests of one environment, 50 to a page.
    pub fn of(&self, environment: impl Into<EnvironmentRef>) -> Listing<ChangeRequest> {
        self.within(environment.into(), None)
    }

    /// Those of one environment that have one of these statuses. Apollo does not filter: all are read.
    pub fn of_by_status(
        &self,
        environment: impl Into<EnvironmentRef>,
        statuses: impl IntoIterator<Item = ChangeRequestStatus>,
    ) -> Listing<ChangeRequest> {
        self.within(environment.into(), Some(statuses.into_iter().collect()))
    }

    fn within(&self, reference: EnvironmentRef, wanted: Wanted) -> Listing<ChangeRequest> {
        let apollo = self.apollo.clone();
        list(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            Ok(of_environment(apollo, environment, wanted))
        })
    }

    /// Approves a change request.
    pub fn approve(&self, rid: impl Into<Rid>) -> Approve {
        Approve { apollo: self.apollo.clone(), rid: rid.into(), comment: None, patch: None }
    }

    /// Rejects a change request; Apollo demands a comment.
    pub fn reject(&self, rid: impl Into<Rid>, comment: impl Into<String>) -> Mutation<Reviewed> {
        let (apollo, rid, comment) = (self.apollo.clone(), rid.into(), comment.into());
        Mutation::new(|_| async move {
            let target = exact(&rid)?;
            if comment.trim().is_empty() {
                return Err(Error::new(ErrorKind::InvalidInput, "rejecting needs a comment").with_target(target));
            }
            let request = Request::of::<RejectCR>(reject_cr::Variables { rid: target.clone(), comment })?.about(target);
            Ok(reviewing(&apollo, request, "/apollo/rejectChangeRequest"))
        })
    }

    /// Withdraws a change request.
    pub fn cancel(&self, rid: impl Into<Rid>) -> Mutation<Reviewed> {
        let (apollo, rid) = (self.apollo.clone(), rid.into());
        Mutation::new(|_| async move {
            let target = exact(&rid)?;
            let request = Request::of::<CancelCR>(cancel_cr::Variables { rid: target.clone() })?.about(target);
            Ok(reviewing(&apollo, request, "/apollo/cancelChangeRequest"))
        })
    }

    /// Takes up a change request by its [resume id](ChangeRequest::resume_id). Nothing is sent.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no such id.
    pub fn resume(&self, id: &str) -> Result<ChangeRequest> {
        match id.split_once('/') {
            Some((environment, rid)) if !environment.is_empty() && Rid::is_rid(rid) && !rid.contains('/') => {
                Ok(ChangeRequest::known(&self.apollo, environment.into(), rid.into()))
            }
            _ => Err(Error::new(ErrorKind::InvalidInput, "not the resume id of a change request")
                .advice("it is environment-id/rid, as resume_id gives it")),
        }
    }
}

/// A review names a change request by its RID; a title is none.
fn exact(rid: &Rid) -> Result<String> {
    if Rid::is_rid(rid.as_str()) {
        return Ok(rid.to_string());
    }
    let words = format!("`{}` is no RID of a change request", rid.as_str().escape_debug());
    Err(Error::new(ErrorKind::InvalidInput, words).advice("take the RID from the list of change requests"))
}

fn reviewing(apollo: &Apollo, request: Request, field: &'static str) -> Prepared<Reviewed> {
    Prepared::one(apollo, request, |answer| Reviewed::from_answer(answer, field))
}

fn is_wanted(change: &ChangeRequest, wanted: &Wanted) -> bool {
    wanted.as_ref().is_none_or(|statuses| change.status().is_some_and(|status| statuses.contains(status)))
}

fn of_fleet(apollo: Apollo, wanted: Wanted) -> Source<ChangeRequest> {
    let shape = Shape { page: "/apollo/changeRequests", list: "changeRequests", identity: &["rid"] };
    Source::some_items(
        shape,
        |token| Request::page::<ListCRs>(list_c_rs::Variables { page_size: 50 }, token),
        move |value, answer| {
            let change = ChangeRequest::from_wire(&apollo, answer.parse(value)?, answer)?;
            Ok(is_wanted(&change, &wanted).then_some(change))
        },
    )
}

/// Every change request of the fleet.
pub(crate) fn all_of_fleet(apollo: &Apollo) -> Source<ChangeRequest> {
    of_fleet(apollo.clone(), None)
}

/// The change requests of the environment with this id.
pub(crate) fn all_of(apollo: &Apollo, environment: &Environment) -> Source<ChangeRequest> {
    of_environment(apollo.clone(), environment.clone(), None)
}

fn of_environment(apollo: Apollo, environment: Environment, wanted: Wanted) -> Source<ChangeRequest> {
    let shape = Shape { page: "/apollo/environmentById/changeRequests", list: "changeRequests", identity: &["rid"] };
    let (id, target) = (environment.id.to_string(), environment.name.clone());
    Source::some_items(
        shape,
        move |token| {
            let variables = list_c_rs_by_env::Variables { env_id: id.clone(), page_size: 50 };
            Ok(Request::page::<ListCRsByEnv>(variables, token)?.about(target.as_str()))
        },
        move |value, answer| {
            let mut change = ChangeRequest::from_wire(&apollo, answer.parse(value)?, answer)?;
            change.place(&environment);
            Ok(is_wanted(&change, &wanted).then_some(change))
        },
    )
}

/// Approves when awaited.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let change = apollo.entities("cube-7").enforce("mosquitto").await?;
/// let reviewed = apollo.change_requests().approve(change.rid()).comment("seen").await?;
/// assert!(reviewed.status.is_some());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it approves the change request"]
pub struct Approve {
    apollo: Apollo,
    rid: Rid,
    comment: Option<String>,
    patch: Option<Patch>,
}

impl Approve {
    /// A comment for the record.
    pub fn comment(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into());
        self
    }

    async fn prepare(self) -> Result<Prepared<Reviewed>> {
        let target = exact(&self.rid)?;
        let variables = approve_cr::Variables { rid: target.clone(), comment: self.comment };
        let request = Request::of::<ApproveCR>(variables)?.patch("comment", self.patch).about(target);
        Ok(reviewing(&self.apollo, request, "/apollo/approveChangeRequest"))
    }
}

mutation!(Approve => Reviewed);
