//! What a plan or role does not have.

use http::StatusCode;

use crate::refusal::Refusal;
use crate::store::{Plan, Role};

/// Where the published service explains the Enterprise plan.
const ENTERPRISE_PAGE: &str = "https://edgegate.frozo.ai/enterprise";

impl Refusal {
    pub(crate) fn plan(feature: &str, needed: Plan, has: Plan) -> Self {
        let detail =
            format!("{feature} needs the {needed} plan; this workspace is on the {has} plan: see {ENTERPRISE_PAGE}");
        Self::new(StatusCode::PAYMENT_REQUIRED, detail)
    }

    pub(crate) fn role(needed: Role, has: Role) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("this needs the role {needed}; your role here is {has}"))
    }
}
