//! What can go wrong on request.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Which requests a fault meets.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum On {
    /// Every GraphQL request.
    Any,
    /// Every query.
    Query,
    /// Every mutation.
    Mutation,
    /// The operation of this name.
    Operation(String),
    /// The token endpoint.
    Token,
}

impl On {
    /// The operation of this name.
    pub fn operation(name: &str) -> Self {
        Self::Operation(name.to_owned())
    }
}

type Change = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// What goes wrong.
#[derive(Clone)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with a status, without running anything.
    Status {
        /// The status.
        status: u16,
        /// Seconds of `Retry-After`.
        retry_after: Option<u64>,
        /// The body.
        body: String,
    },
    /// Never answers, without running anything.
    Hang,
    /// Runs it, then never answers.
    HangAfter,
    /// Runs it, then breaks the connection.
    ResetAfter,
    /// Runs it, then answers with a status and a text in place of the reply, as a gateway does.
    AnswerAfter {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// Runs it, then changes the reply: undocumented words, lost fields, errors beside data.
    Change(Change),
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status { .. } => "Status",
            Self::Hang => "Hang",
            Self::HangAfter => "HangAfter",
            Self::ResetAfter => "ResetAfter",
            Self::AnswerAfter { .. } => "AnswerAfter",
            Self::Change(_) => "Change",
        })
    }
}

impl Fault {
    /// A bare status.
    pub fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, body: String::new() }
    }

    /// Runs it, then answers with a status and a text.
    pub fn answer_after(status: u16, body: &str) -> Self {
        Self::AnswerAfter { status, body: body.to_owned() }
    }

    /// 429 with `Retry-After`.
    pub fn throttle(seconds: u64) -> Self {
        Self::Status { status: 429, retry_after: Some(seconds), body: String::new() }
    }

    /// Sets the value at a pointer of the reply.
    pub fn set(pointer: &str, value: Value) -> Self {
        let pointer = pointer.to_owned();
        Self::Change(Arc::new(move |body| {
            if let Some(place) = body.pointer_mut(&pointer) {
                *place = value.clone();
            }
        }))
    }

    /// Adds errors beside the data, and sets the value at a pointer to null.
    pub fn errors(null_at: &str, errors: Value) -> Self {
        let null_at = null_at.to_owned();
        Self::Change(Arc::new(move |body| {
            if let Some(place) = body.pointer_mut(&null_at) {
                *place = Value::Null;
            }
            body["errors"] = errors.clone();
        }))
    }
}

/// A fault and when it strikes.
pub(crate) struct Planned {
    pub(crate) on: On,
    pub(crate) skip: usize,
    pub(crate) times: usize,
    pub(crate) fault: Fault,
}

/// The fault for this request, if one is due; counts every match.
pub(crate) fn due(planned: &mut Vec<Planned>, operation: &str, mutation: bool, token: bool) -> Option<Fault> {
    let mut found = None;
    for plan in planned.iter_mut() {
        let meets = match &plan.on {
            On::Token => token,
            _ if token => false,
            On::Any => true,
            On::Query => !mutation,
            On::Mutation => mutation,
            On::Operation(name) => name == operation,
        };
        if !meets || found.is_some() {
            continue;
        }
        if plan.skip > 0 {
            plan.skip -= 1;
        } else if plan.times > 0 {
            plan.times -= 1;
            found = Some(plan.fault.clone());
        }
    }
    planned.retain(|plan| plan.times > 0);
    found
}
