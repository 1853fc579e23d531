//! An operation is data: what is called, and whether it may be sent twice.
//!
//! Retry, spans, errors and the table in the docs all read the same constant.

use std::fmt;

/// May a request be sent again although the server may already have carried it out?
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Idempotency {
    /// A read: sending it again changes nothing.
    Read,
    /// A write that ends in the same state however often it runs.
    Repeatable,
    /// A write that must run at most once. It is sent again only when it is certain that nothing ran:
    /// the connection was never made, the server answered 429, or it answered 401 and the
    /// credentials were renewed.
    Once,
}

impl Idempotency {
    /// True when a second execution does no harm.
    pub const fn is_repeatable(self) -> bool {
        matches!(self, Self::Read | Self::Repeatable)
    }

    /// The word used in tables and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Repeatable => "repeatable",
            Self::Once => "once",
        }
    }
}

/// One remote call, named once.
///
/// ```
/// use cube_sdk_core::operation::{Idempotency, Operation};
/// const GET_GRANT: Operation = Operation::new("edgegate", "get_grant", Idempotency::Read);
/// assert_eq!(GET_GRANT.to_string(), "edgegate.get_grant");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Operation {
    service: &'static str,
    name: &'static str,
    idempotency: Idempotency,
}

impl Operation {
    /// Names a call of a service.
    pub const fn new(service: &'static str, name: &'static str, idempotency: Idempotency) -> Self {
        Self { service, name, idempotency }
    }

    /// The service, such as `edgegate`, `s3` or `apollo`.
    pub const fn service(&self) -> &'static str {
        self.service
    }

    /// The call within the service, in snake case.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the call may be sent twice.
    pub const fn idempotency(&self) -> Idempotency {
        self.idempotency
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service, self.name)
    }
}
