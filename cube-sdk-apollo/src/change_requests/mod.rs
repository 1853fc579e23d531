//! Change requests: what Apollo asks people to approve before it acts.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use std::time::Duration;
//!
//! let change = apollo.entities("cube-7").enforce("mosquitto").await?;
//! println!("{} {:?} {:?} {:?}", change.rid(), change.title(), change.status(), change.created_at());
//! let id = change.resume_id(); // store it: another process can go on waiting
//!
//! let reviews = apollo.change_requests();
//! assert_eq!(reviews.of("cube-7").collect_up_to(100).await?.len(), 1);
//! let open = reviews.list().collect_up_to(100).await?;
//! assert_eq!(open[0].environment_name(), Some("cube-7"));
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
mod request;

use std::time::Duration;

use cube_sdk_core::{Error, ErrorKind, Result, open_enum};

pub use find_plan::FindPlan;
pub use request::ChangeRequest;

use crate::client::{Answer, Apollo};
use crate::drain::{Listing, Shape, Source};
use crate::environments::Environment;
use crate::graphql::{
    ApproveCR, CancelCR, ListCRs, ListCRsByEnv, Patch, RejectCR, Request, approve_cr, cancel_cr, list_c_rs,
    list_c_rs_by_env, reject_cr, wire,
};
use crate::ids::Rid;
use crate::read::Session;
use crate::resolve::{EnvironmentRef, Match};
use crate::write::{Write, awaited};

open_enum! {
    /// Where a change request stands.
    pub enum ChangeRequestStatus {
        /// Waits for people.
        PendingApprovals = "PENDING_APPROVALS",
        /// Approved, not yet applied.
        Approved = "APPROVED",
        /// Being applied.
        ApprovedApplying = "APPROVED_APPLYING",
        /// Applied: its plan follows.
        ApprovedMerged = "APPROVED_MERGED",
        /// Withdrawn.
        Cancelled = "CANCELLED",
        /// Refused by a reviewer.
        Rejected = "REJECTED",
        /// Could not be applied.
        Error = "ERROR",
    }
}

/// Time between two looks unless told otherwise.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// Change requests of the fleet. From [`Apollo::change_requests`].
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

/// What a review left.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Reviewed {
    /// The change request.
    pub rid: Rid,
    /// Its status after the review.
    pub status: Option<ChangeRequestStatus>,
}

impl Reviewed {
    fn from_answer(answer: &Answer, field: &str) -> Result<Self> {
        let wire: wire::ChangeRequest = answer.require(field)?;
        Ok(Self {
            rid: wire.rid.ok_or_else(|| answer.absent("/changeRequest/rid"))?.into(),
            status: wire.request_status,
        })
    }
}

impl ChangeRequests {
    /// Every change request that this client may see, 50 to a page.
    pub fn list(&self) -> Listing<ChangeRequest> {
        let shape = Shape { page: "/apollo/changeRequests", list: "changeRequests", identity: &["rid"] };
        let apollo = self.apollo.clone();
        Listing::new(&self.apollo, shape, |_| async {
            Ok(Source {
                request: Box::new(|token| {
                    let variables = list_c_rs::Variables { page_size: 50 };
                    match token {
                        None => Request::of::<ListCRs>(variables),
                        Some(token) => Request::next::<ListCRs>(variables, token),
                    }
                }),
                item: Box::new(move |value, answer| ChangeRequest::from_wire(&apollo, answer.parse(value)?, answer)),
            })
        })
    }

    /// The change requests of one environment, 50 to a page.
    pub fn of(&self, environment: impl Into<EnvironmentRef>) -> Listing<ChangeRequest> {
        let (apollo, reference) = (self.apollo.clone(), environment.into());
        Listing::new(&self.apollo, BY_ENVIRONMENT, |session: Session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            Ok(source(apollo, environment.id.to_string(), Some(environment)))
        })
    }

    /// Approves a change request.
    pub fn approve(&self, rid: impl Into<Rid>) -> Approve {
        Approve { apollo: self.apollo.clone(), rid: rid.into(), comment: None, patch: None }
    }

    /// Rejects a change request; Apollo demands a comment.
    pub fn reject(&self, rid: impl Into<Rid>, comment: impl Into<String>) -> Write<Reviewed> {
        let (apollo, rid, comment) = (self.apollo.clone(), rid.into(), comment.into());
        Write::new(|_| async move {
            if comment.trim().is_empty() {
                return Err(
                    Error::new(ErrorKind::InvalidInput, "rejecting needs a comment").with_target(rid.to_string())
                );
            }
            let request =
                Request::of::<RejectCR>(reject_cr::Variables { rid: rid.to_string(), comment })?.about(rid.as_str());
            Reviewed::from_answer(&apollo.send(request, false).await?, "/apollo/rejectChangeRequest")
        })
    }

    /// Withdraws a change request.
    pub fn cancel(&self, rid: impl Into<Rid>) -> Write<Reviewed> {
        let (apollo, rid) = (self.apollo.clone(), rid.into());
        Write::new(|_| async move {
            let request = Request::of::<CancelCR>(cancel_cr::Variables { rid: rid.to_string() })?.about(rid.as_str());
            Reviewed::from_answer(&apollo.send(request, false).await?, "/apollo/cancelChangeRequest")
        })
    }

    /// Takes up a change request by its [resume id](ChangeRequest::resume_id). Nothing is sent.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no such id.
    pub fn resume(&self, id: &str) -> Result<ChangeRequest> {
        match id.split_once('/') {
            Some((environment, rid)) if !environment.is_empty() && Rid::is_rid(rid) && !rid.contains('/') => {
                Ok(ChangeRequest::known(&self.apollo, environment.into(), rid.into(), None))
            }
            _ => Err(Error::new(ErrorKind::InvalidInput, "not the resume id of a change request")
                .advice("it is environment-id/rid, as resume_id gives it")),
        }
    }
}

const BY_ENVIRONMENT: Shape =
    Shape { page: "/apollo/environmentById/changeRequests", list: "changeRequests", identity: &["rid"] };

fn source(apollo: Apollo, id: String, environment: Option<Environment>) -> Source<ChangeRequest> {
    Source {
        request: Box::new(move |token| {
            let variables = list_c_rs_by_env::Variables { env_id: id.clone(), page_size: 50 };
            let request = match token {
                None => Request::of::<ListCRsByEnv>(variables),
                Some(token) => Request::next::<ListCRsByEnv>(variables, token),
            };
            Ok(request?.about(id.as_str()))
        }),
        item: Box::new(move |value, answer| {
            let mut change = ChangeRequest::from_wire(&apollo, answer.parse(value)?, answer)?;
            if let Some(environment) = &environment {
                change.place(environment);
            }
            Ok(change)
        }),
    }
}

/// The change requests of the environment with this id.
pub(crate) fn of_environment(apollo: &Apollo, id: String) -> Listing<ChangeRequest> {
    let owned = apollo.clone();
    Listing::new(apollo, BY_ENVIRONMENT, |_| async { Ok(source(owned, id, None)) })
}

/// Approves when awaited.
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

    async fn send(self) -> Result<Reviewed> {
        let variables = approve_cr::Variables { rid: self.rid.to_string(), comment: self.comment };
        let request = Request::of::<ApproveCR>(variables)?.patch("comment", self.patch).about(self.rid.as_str());
        Reviewed::from_answer(&self.apollo.send(request, false).await?, "/apollo/approveChangeRequest")
    }
}

awaited!(Approve -> Reviewed);
