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

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp, open_enum};

use crate::client::{Answer, Apollo};
use crate::drain::{Listing, Shape, Source};
use crate::environments::Environment;
use crate::graphql::{
    ApproveCR, CancelCR, ListCRs, ListCRsByEnv, Patch, RejectCR, Request, approve_cr, cancel_cr, list_c_rs,
    list_c_rs_by_env, reject_cr, wire,
};
use crate::ids::{EnvironmentId, Rid};
use crate::plans::Plan;
use crate::read::{BoxFuture, Session};
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

/// A change request, as it was when read. Cheap to clone.
#[derive(Clone)]
pub struct ChangeRequest {
    apollo: Apollo,
    rid: Rid,
    environment: Option<EnvironmentId>,
    environment_name: Option<String>,
    title: Option<String>,
    status: Option<ChangeRequestStatus>,
    created_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    subject: Option<String>,
}

impl fmt::Debug for ChangeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeRequest")
            .field("rid", &self.rid.as_str())
            .field("environment", &self.environment_name)
            .field("title", &self.title)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl ChangeRequest {
    /// The one that a mutation opened.
    pub(crate) fn opened(
        apollo: &Apollo,
        answer: &Answer,
        field: &str,
        environment: &Environment,
        subject: Option<&str>,
    ) -> Result<Self> {
        let wire: wire::ChangeRequest = answer.require(field)?;
        let mut change = Self::from_wire(apollo, wire, answer)?;
        change.environment = Some(environment.id.clone());
        change.environment_name = Some(environment.name.clone());
        change.subject = subject.map(str::to_owned);
        change.opened_at = Some(Timestamp::now());
        Ok(change)
    }

    fn from_wire(apollo: &Apollo, wire: wire::ChangeRequest, answer: &Answer) -> Result<Self> {
        Ok(Self {
            apollo: apollo.clone(),
            rid: wire.rid.ok_or_else(|| answer.absent("/changeRequest/rid"))?.into(),
            environment_name: wire.environment.as_ref().and_then(|environment| environment.name.clone()),
            environment: wire.environment.and_then(|environment| environment.id).map(EnvironmentId::from),
            title: wire.title,
            status: wire.request_status,
            created_at: wire.created_at.0,
            opened_at: None,
            subject: None,
        })
    }

    /// The one with this RID, of which nothing else is known yet.
    pub(crate) fn known(apollo: &Apollo, environment: EnvironmentId, rid: Rid, subject: Option<String>) -> Self {
        Self {
            apollo: apollo.clone(),
            rid,
            environment: Some(environment),
            environment_name: None,
            title: None,
            status: None,
            created_at: None,
            opened_at: None,
            subject,
        }
    }

    /// The RID.
    pub const fn rid(&self) -> &Rid {
        &self.rid
    }

    /// The title, where the reply told it.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Where it stood when it was read.
    pub const fn status(&self) -> Option<&ChangeRequestStatus> {
        self.status.as_ref()
    }

    /// When it was opened, where the reply told it.
    pub const fn created_at(&self) -> Option<Timestamp> {
        self.created_at
    }

    /// The environment's id, where known.
    pub const fn environment(&self) -> Option<&EnvironmentId> {
        self.environment.as_ref()
    }

    /// The environment's name, where known.
    pub fn environment_name(&self) -> Option<&str> {
        self.environment_name.as_deref()
    }

    /// True once it is merged, rejected, cancelled or failed.
    pub const fn is_done(&self) -> bool {
        use ChangeRequestStatus::{ApprovedMerged, Cancelled, Error, Rejected};
        matches!(self.status, Some(ApprovedMerged | Cancelled | Rejected | Error))
    }

    /// True once it is merged.
    pub const fn is_merged(&self) -> bool {
        matches!(self.status, Some(ChangeRequestStatus::ApprovedMerged))
    }

    /// What another process needs to go on: `environment-id/rid`. See [`ChangeRequests::resume`].
    pub fn resume_id(&self) -> String {
        format!("{}/{}", self.environment.as_ref().map_or("", EnvironmentId::as_str), self.rid)
    }

    /// Waits until it is done, good or bad, looking every 5 s at the environment's change requests.
    pub fn wait(&self) -> Waiter<Self> {
        let this = self.clone();
        let what = format!("change request {}", self.rid);
        Waiter::new(
            what,
            INTERVAL,
            move || {
                let this = this.clone();
                async move { this.look().await }
            },
            |change: &Self| if change.is_done() { Progress::Done } else { Progress::Running },
        )
    }

    /// Reads it again.
    pub(crate) async fn look(&self) -> Result<Self> {
        let environment = self.environment.clone().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the environment of this change request is not known")
                .with_target(self.rid.to_string())
                .advice("take it from the list of its environment")
        })?;
        let mut list = of_environment(&self.apollo, environment.to_string());
        while let Some(mut change) = list.try_next().await? {
            if change.rid == self.rid {
                change.environment = Some(environment);
                change.environment_name = self.environment_name.clone();
                change.subject = self.subject.clone();
                change.opened_at = self.opened_at;
                return Ok(change);
            }
        }
        Err(Error::new(ErrorKind::NotFound, "it is not among the change requests of its environment")
            .with_target(self.rid.to_string()))
    }

    /// The plan that followed. Polls until Apollo proposes it.
    ///
    /// The entity is the one that the call was about; after [`ChangeRequests::resume`] use [`Self::plan_of`].
    pub fn plan(&self) -> FindPlan {
        FindPlan { change: self.clone(), entity: self.subject.clone(), interval: INTERVAL, tries: 12 }
    }

    /// The plan of this entity that followed.
    pub fn plan_of(&self, entity: impl Into<String>) -> FindPlan {
        FindPlan { entity: Some(entity.into()), ..self.plan() }
    }
}

/// Looks for the plan of a change request when awaited: the one proposed first since the request was opened, with a
/// minute's grace for clocks that differ; a plan that had ended before the request was opened is not it.
#[derive(Clone, Debug)]
#[must_use = "awaiting it looks for the plan"]
pub struct FindPlan {
    change: ChangeRequest,
    entity: Option<String>,
    interval: Duration,
    tries: u32,
}

impl FindPlan {
    /// Time between two looks. Default 5 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Looks at most. Default 12.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    async fn find(self) -> Result<Plan> {
        let change = self.change;
        let target = change.rid.to_string();
        if change.is_done() && !change.is_merged() {
            let status = change.status.as_ref().map_or("", ChangeRequestStatus::as_str);
            return Err(
                Error::new(ErrorKind::Conflict, format!("it ended {status}, so no plan follows")).with_target(target)
            );
        }
        let (Some(environment), Some(entity)) = (change.environment.clone(), self.entity) else {
            return Err(Error::new(ErrorKind::InvalidInput, "the entity of this change request is not known")
                .with_target(target)
                .advice("name it with plan_of"));
        };
        let (created, opened) = (change.created_at, change.opened_at);
        let apollo = change.apollo.clone();
        let looked = Waiter::new(
            "the plan",
            self.interval,
            move || {
                let (apollo, environment, entity) = (apollo.clone(), environment.clone(), entity.clone());
                async move { first_since(&apollo, environment, &entity, created, opened).await }
            },
            |found: &Option<Plan>| if found.is_some() { Progress::Done } else { Progress::Running },
        );
        looked.tries(self.tries).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "Apollo has proposed no plan for it yet")
                .with_target(target)
                .advice("look again later")
        })
    }
}

async fn first_since(
    apollo: &Apollo,
    environment: EnvironmentId,
    entity: &str,
    created: Option<Timestamp>,
    opened: Option<Timestamp>,
) -> Result<Option<Plan>> {
    let found = apollo.plans_by_id(environment).of(entity).await;
    let plans = match found {
        Ok(plans) => plans,
        // An entity that is being installed may not be listed yet.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let since = created.or(opened).map(|at| at.saturating_sub(Duration::from_secs(60)));
    let later = |plan: &Plan| since.is_none_or(|since| plan.proposed() >= Some(since));
    // Both times are Apollo's own; this machine's clock would not do.
    let over = |plan: &Plan| plan.ended().zip(created).is_some_and(|(ended, created)| ended < created);
    let ours = plans.into_iter().filter(|plan| later(plan) && !over(plan));
    Ok(ours.min_by_key(Plan::proposed))
}

impl IntoFuture for FindPlan {
    type Output = Result<Plan>;
    type IntoFuture = BoxFuture<Result<Plan>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.find())
    }
}

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
                change.environment = Some(environment.id.clone());
                change.environment_name = Some(environment.name.clone());
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
