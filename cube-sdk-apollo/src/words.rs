//! Words of the server that say where something stands. A word that is not known is kept.

use cube_sdk_core::open_enum;

open_enum! {
    /// Health of an entity, rolled up by Apollo.
    pub enum HealthStatus {
        /// Fully working.
        Healthy = "HEALTHY",
        /// Working, asks not to be disturbed now.
        Deferring = "DEFERRING",
        /// Working, needs attention before it degrades.
        Warning = "WARNING",
        /// Recovering by itself.
        Repairing = "REPAIRING",
        /// Failing.
        Error = "ERROR",
        /// Failing, cannot recover.
        Terminal = "TERMINAL",
        /// Deliberately not serving.
        Suspended = "SUSPENDED",
        /// A plan is running.
        ActivePlan = "ACTIVE_PLAN",
        /// Apollo's roll-up, undocumented.
        OutOfDate = "OUT_OF_DATE",
        /// Apollo's roll-up, undocumented.
        NoData = "NO_DATA",
        /// Apollo's roll-up, undocumented.
        UnknownHealth = "UNKNOWN_HEALTH",
        /// Apollo's roll-up, undocumented.
        Indeterminate = "INDETERMINATE",
    }
}

open_enum! {
    /// How far an entity is from its target version.
    pub enum RolloutStatus {
        /// At the target version.
        UpToDate = "UP_TO_DATE",
        /// Waiting.
        InGracePeriod = "IN_GRACE_PERIOD",
        /// A blue/green change is running.
        OngoingBlueGreen = "ONGOING_BLUE_GREEN",
        /// Behind, blocked.
        StaleBlocked = "STALE_BLOCKED",
        /// Behind, blocked for now.
        StaleBlockedTransient = "STALE_BLOCKED_TRANSIENT",
        /// Behind, blue/green.
        StaleBlueGreen = "STALE_BLUE_GREEN",
        /// Behind, other reason.
        StaleOther = "STALE_OTHER",
        /// The version was recalled.
        Recalled = "RECALLED",
        /// No status.
        NotAvailable = "NOT_AVAILABLE",
    }
}

open_enum! {
    /// Whether an entity's config is applied.
    pub enum ConfigStatus {
        /// Applied.
        UpToDate = "UP_TO_DATE",
        /// To be applied.
        Pending = "PENDING",
        /// Cannot be applied.
        Blocked = "BLOCKED",
        /// No status.
        NotAvailable = "NOT_AVAILABLE",
    }
}

open_enum! {
    /// The state of one check, as the app reports it.
    pub enum HealthState {
        /// Fully working.
        Healthy = "HEALTHY",
        /// Working, asks not to be disturbed now.
        Deferring = "DEFERRING",
        /// Deliberately not serving.
        Suspended = "SUSPENDED",
        /// Recovering by itself.
        Repairing = "REPAIRING",
        /// Working, needs attention before it degrades.
        Warning = "WARNING",
        /// Failing.
        Error = "ERROR",
        /// Failing, cannot recover.
        Terminal = "TERMINAL",
    }
}

open_enum! {
    /// Where a plan stands. The words mix states with kinds of result, as the server does.
    pub enum PlanState {
        /// Running.
        Active = "ACTIVE",
        /// About to be interrupted.
        PendingInterruption = "PENDING_INTERRUPTION",
        /// Done.
        Successful = "SUCCESSFUL",
        /// Done.
        Success = "SUCCESS",
        /// Failed.
        Unsuccessful = "UNSUCCESSFUL",
        /// Failed.
        Failure = "FAILURE",
        /// Ended without success.
        Aborted = "ABORTED",
        /// Ended without success.
        Timeout = "TIMEOUT",
        /// Ended without success.
        Interrupted = "INTERRUPTED",
    }
}

open_enum! {
    /// Where a task stands.
    pub enum TaskState {
        /// Done.
        Succeeded = "SUCCEEDED",
        /// Running.
        Active = "ACTIVE",
        /// Failed.
        Failed = "FAILED",
        /// Given up.
        Abandoned = "ABANDONED",
        /// Interrupted.
        Interrupted = "INTERRUPTED",
    }
}

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
