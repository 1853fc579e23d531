//! What Apollo says when it refuses: every GraphQL error with path, code, name and parameters.

use std::fmt;

use cube_sdk_core::engine::{Classify, Reply};
use cube_sdk_core::error::Sent;
use cube_sdk_core::redact::{Hidden, excerpt, masked, masked_text, one_line};
use cube_sdk_core::{Error, ErrorKind, Operation, Result};
use http::StatusCode;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// All errors of one answer, in the server's order. Reached by [`ApolloErrorExt::apollo`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_apollo::ApolloErrorExt;
///
/// let error = apollo.environments().create("cube-7").await.unwrap_err();
/// let fault = error.apollo().expect("Apollo refused");
/// assert_eq!(fault.errors[0].code.as_deref(), Some("CONFLICT"));
/// assert!(fault.errors[0].parameters().is_null());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ApolloFault {
    /// The errors; never empty.
    pub errors: Vec<GraphQlError>,
    /// Did data other than null stand beside them? Then the document was executed.
    #[serde(skip)]
    beside_data: bool,
}

/// One GraphQL error. Texts are shown with the secrets of the request taken out.
#[derive(Clone)]
#[non_exhaustive]
pub struct GraphQlError {
    /// The server's words; the whole error object, masked, when it has none.
    pub message: String,
    /// Where in the reply, elements joined with `.`; empty when not told.
    pub path: String,
    /// `errorCode`, else `code`.
    pub code: Option<String>,
    /// `errorName`, else `classification`.
    pub name: Option<String>,
    /// `errorInstanceId`: the id to quote to the operator of Apollo.
    pub instance_id: Option<String>,
    parameters: Value,
}

impl GraphQlError {
    /// The details, with values of secret names hidden; `null` when there are none.
    pub fn parameters(&self) -> Value {
        masked(&self.parameters)
    }

    /// The kind that its code, name or classification tells.
    fn word_kind(&self) -> Option<ErrorKind> {
        [&self.code, &self.name].into_iter().flatten().find_map(|word| kind_of_word(word))
    }

    /// From an error object of GraphQL, whose words stand below `extensions`, of Conjure, where they stand on top, or
    /// a text.
    fn from_wire(error: &Value, hidden: &Hidden) -> Self {
        let mut error = error.clone();
        hidden.scrub_value(&mut error);
        let word = |names: [&str; 2]| {
            let at = |name: &str| error.get("extensions").and_then(|inner| inner.get(name)).or_else(|| error.get(name));
            let mut texts = names.into_iter().filter_map(|name| at(name)?.as_str().filter(|text| !text.is_empty()));
            texts.next().map(str::to_owned)
        };
        let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        let path = error.get("path").filter(|path| !path.is_null()).map(|path| match path {
            Value::Array(parts) => parts.iter().map(part).collect::<Vec<_>>().join("."),
            // A place in another form is a place all the same.
            other => part(other),
        });
        let (code, name) = (word(["errorCode", "code"]), word(["errorName", "classification"]));
        let said = error.as_str().or_else(|| error.get("message")?.as_str()).filter(|text| !text.is_empty());
        let message = match (said, &name) {
            (Some(said), _) => masked_text(said),
            // Conjure's errors have no words beside their name.
            (None, Some(name)) if error.get("errorName").is_some() => name.clone(),
            (None, _) => excerpt(error.to_string().as_bytes()),
        };
        let parameters = error.pointer("/extensions/parameters").or_else(|| error.get("parameters"));
        Self {
            message,
            path: path.unwrap_or_default(),
            code,
            name,
            instance_id: word(["errorInstanceId", "errorInstanceID"]),
            parameters: parameters.cloned().unwrap_or_default(),
        }
    }
}

/// With the details masked.
impl Serialize for GraphQlError {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("GraphQlError", 6)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("path", &self.path)?;
        fields.serialize_field("code", &self.code)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("instance_id", &self.instance_id)?;
        fields.serialize_field("parameters", &self.parameters())?;
        fields.end()
    }
}

/// One line, whatever the server sent.
impl fmt::Display for GraphQlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(self.message.trim(), 500))?;
        if !self.path.is_empty() {
            write!(f, ", at {}", one_line(&self.path, 200))?;
        }
        let name = self.name.as_ref().filter(|name| **name != self.message);
        for part in [self.code.as_ref(), name].into_iter().flatten() {
            write!(f, ", {}", one_line(part, 100))?;
        }
        if !self.parameters.is_null() {
            write!(f, ", {}", excerpt(self.parameters.to_string().as_bytes()))?;
        }
        Ok(())
    }
}

impl fmt::Debug for GraphQlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GraphQlError({self})")
    }
}

/// The first errors, on one line.
impl fmt::Display for ApolloFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        for (index, error) in self.errors.iter().take(SHOWN).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
        }
        match self.errors.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Apollo's typed fault inside an [`Error`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_apollo::ApolloErrorExt;
///
/// let error = apollo.environments().create("cube-7").await.unwrap_err();
/// match error.apollo() {
///     Some(fault) => assert_eq!(fault.errors[0].code.as_deref(), Some("CONFLICT")),
///     None => return Err(error), // it was not Apollo that refused: error.kind() tells what to do
/// }
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
pub trait ApolloErrorExt {
    /// The GraphQL errors that came back, if it was Apollo that refused.
    fn apollo(&self) -> Option<&ApolloFault>;
}

impl ApolloErrorExt for Error {
    fn apollo(&self) -> Option<&ApolloFault> {
        self.fault()
    }
}

/// What an error says of a thing that was asked for.
pub(crate) trait SaysGone {
    /// Did Apollo answer that it is not there? A bare 404 may be a gateway's, and says nothing of it; an error of
    /// something inside it neither.
    fn says_gone(&self) -> bool;

    /// Did Apollo answer so, or was it missing from what Apollo listed?
    fn says_not_listed(&self) -> bool;
}

impl SaysGone for Error {
    fn says_gone(&self) -> bool {
        const ASKED: [&str; 4] = ["", "apollo.environmentById", "apollo.entityById", "apollo.productByProductIdV2"];
        let about_it = |error: &GraphQlError| {
            error.word_kind() == Some(ErrorKind::NotFound) && ASKED.contains(&error.path.as_str())
        };
        self.kind() == ErrorKind::NotFound
            && self.status() == Some(StatusCode::OK)
            && self.apollo().is_none_or(|fault| fault.errors.iter().all(about_it))
    }

    fn says_not_listed(&self) -> bool {
        self.says_gone() || self.kind() == ErrorKind::NotFound && self.status().is_none()
    }
}

/// What a failed mutation proves.
pub(crate) trait NothingRan {
    /// Was the document refused before anything of it ran? Then each of Apollo's own words says so, no resolver has left
    /// its path, and no data came; a bare status may be a gateway's.
    fn is_refused_document(&self) -> bool;

    /// Did it certainly not run? When nothing was sent, at a 401 or a 429, and when the document was refused.
    fn proves_that_nothing_ran(&self) -> bool;
}

impl NothingRan for Error {
    fn is_refused_document(&self) -> bool {
        let refused = |error: &GraphQlError| error.path.is_empty() && error.word_kind() == Some(ErrorKind::Unsupported);
        // With another status a gateway may have said so after the document went on.
        let judged = matches!(self.status().map(|status| status.as_u16()), Some(200 | 400 | 422));
        judged && self.apollo().is_some_and(|fault| !fault.beside_data && fault.errors.iter().all(refused))
    }

    fn proves_that_nothing_ran(&self) -> bool {
        self.sent() == Sent::No
            || matches!(self.status().map(|status| status.as_u16()), Some(401 | 429))
            || self.is_refused_document()
    }
}

impl ApolloFault {
    /// The errors of a reply: a list as GraphQL has it, or one alone, as an object or a text.
    pub(crate) fn of_reply(body: &Value, hidden: &Hidden) -> Option<Self> {
        let beside_data = body.get("data").is_some_and(|data| !data.is_null());
        Self::of_errors(body.get("errors")?, beside_data, hidden)
    }

    fn of_errors(errors: &Value, beside_data: bool, hidden: &Hidden) -> Option<Self> {
        let errors: Vec<_> = match errors {
            Value::Array(errors) => errors.iter().map(|error| GraphQlError::from_wire(error, hidden)).collect(),
            Value::Object(fields) if fields.is_empty() => Vec::new(),
            Value::String(text) if text.trim().is_empty() => Vec::new(),
            Value::Object(_) | Value::String(_) => vec![GraphQlError::from_wire(errors, hidden)],
            _ => Vec::new(),
        };
        (!errors.is_empty()).then_some(Self { errors, beside_data })
    }

    /// The errors of a refusal by status: GraphQL's, or Conjure's one, which is the body itself.
    fn of_refusal(body: &Value, hidden: &Hidden) -> Option<Self> {
        let own = || {
            let is_conjure = ["errorCode", "errorName"].iter().any(|name| body.get(name).is_some_and(Value::is_string));
            is_conjure.then(|| Self { errors: vec![GraphQlError::from_wire(body, hidden)], beside_data: false })
        };
        Self::of_reply(body, hidden).or_else(own)
    }

    fn code(&self) -> Option<&str> {
        self.errors.iter().find_map(|error| error.code.as_deref().or(error.name.as_deref()))
    }

    /// What to quote to the operator of Apollo.
    fn instance_id(&self) -> Option<&str> {
        self.errors.iter().find_map(|error| error.instance_id.as_deref())
    }

    /// The kind of the first error whose code, name or classification is known.
    fn kind(&self, operation: Operation) -> ErrorKind {
        let known = self.errors.iter().find_map(GraphQlError::word_kind);
        let kind = known.unwrap_or(ErrorKind::Server);
        // Inside a 200 neither word proves that nothing ran, so neither may cause a replay of a write.
        match (kind, operation.idempotency().is_repeatable()) {
            (ErrorKind::Throttled, false) => ErrorKind::Unavailable,
            (ErrorKind::Unauthenticated, false) => ErrorKind::PermissionDenied,
            (kind, _) => kind,
        }
    }

    pub(crate) fn into_error(self, operation: Operation) -> Error {
        let kind = self.kind(operation);
        let mut error = Error::new(kind, self.to_string()).with_status(StatusCode::OK);
        if let Some(code) = self.code() {
            error = error.with_code(code);
        }
        if kind == ErrorKind::Unsupported {
            error = error.advice(
                "this server's schema differs from the one this client speaks; for inputs see docs/apollo-inputs.md \
                 and adjust the request with patch_input",
            );
        }
        error.with_request_id(self.instance_id()).with_fault(self)
    }
}

/// The error codes of Conjure services and the classifications of GraphQL servers.
fn kind_of_word(word: &str) -> Option<ErrorKind> {
    Some(match word {
        "PERMISSION_DENIED" | "FORBIDDEN" => ErrorKind::PermissionDenied,
        "UNAUTHENTICATED" | "UNAUTHORIZED" => ErrorKind::Unauthenticated,
        "INVALID_ARGUMENT" | "CUSTOM_CLIENT" | "BAD_REQUEST" | "BAD_USER_INPUT" => ErrorKind::InvalidInput,
        "NOT_FOUND" => ErrorKind::NotFound,
        "CONFLICT" => ErrorKind::Conflict,
        "FAILED_PRECONDITION" => ErrorKind::Conflict,
        "REQUEST_ENTITY_TOO_LARGE" => ErrorKind::InvalidInput,
        "TOO_MANY_REQUESTS" | "QOS_THROTTLED" => ErrorKind::Throttled,
        "UNAVAILABLE" => ErrorKind::Unavailable,
        "TIMEOUT" => ErrorKind::Timeout,
        "ValidationError" | "InvalidSyntax" | "GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED" => {
            ErrorKind::Unsupported
        }
        _ => return None,
    })
}

/// Apollo's rules for answers.
///
/// A status other than 200 is a refusal. In a 200, a read with errors has failed (unless partial data was asked
/// for and came); a mutation has failed when its field is null beside errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) partial: bool,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    errors: Value,
}

impl Classify for Rules {
    fn classify(&self, operation: Operation, reply: &Reply) -> Result<()> {
        if reply.status != StatusCode::OK {
            return Err(refusal(operation, reply));
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(&reply.body) else {
            let _: Value = reply.json()?;
            return Err(without_data(reply));
        };
        let data = envelope.data.map_or("null", RawValue::get);
        let fault = ApolloFault::of_errors(&envelope.errors, data != "null", reply.hidden());
        let Some(fault) = fault else {
            return if is_empty(data) { Err(without_data(reply)) } else { Ok(()) };
        };
        let accepted = if operation.idempotency().is_repeatable() {
            self.partial && !is_empty(data)
        } else {
            // The errors beside a mutation that returned its field are about what it selected of it.
            field_is_set(data)
        };
        if accepted {
            tracing::warn!(operation = %operation, fault = %fault, "partial data");
            return Ok(());
        }
        let instance_id = fault.instance_id().map(str::to_owned);
        Err(fault.into_error(operation).with_request_id(instance_id.or_else(|| reply.request_id())))
    }
}

/// Anything but an object with fields.
fn is_empty(data: &str) -> bool {
    // Longer objects cannot be empty, and need not be read twice.
    !data.starts_with('{')
        || data.len() <= 16
            && serde_json::from_str::<Value>(data)
                .is_ok_and(|data| data.as_object().is_some_and(serde_json::Map::is_empty))
}

/// Is a field of the mutation, one below `apollo`, other than null?
fn field_is_set(data: &str) -> bool {
    let data = serde_json::from_str::<Value>(data).unwrap_or_default();
    data.as_object().into_iter().flat_map(serde_json::Map::values).any(|inner| match inner {
        Value::Object(fields) => fields.values().any(|field| !field.is_null()),
        other => !other.is_null(),
    })
}

fn without_data(reply: &Reply) -> Error {
    Error::new(ErrorKind::Decode, "the reply has neither data nor errors")
        .with_status(reply.status)
        .with_request_id(reply.request_id())
}

/// Not 200: by status, unless that is 400 or 422 and a code says more; what the body says is kept as the typed fault.
fn refusal(operation: Operation, reply: &Reply) -> Error {
    let plain = reply.refusal();
    let body = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
    let Some(fault) = ApolloFault::of_refusal(&body, reply.hidden()) else { return plain };
    let says_little = matches!(reply.status.as_u16(), 400 | 422);
    let known = fault.errors.iter().any(|error| error.word_kind().is_some());
    let kind = if says_little && known { fault.kind(operation) } else { plain.kind() };
    let mut error = if kind == ErrorKind::Unsupported && reply.status.is_client_error() {
        fault.clone().into_error(operation)
    } else {
        Error::new(kind, fault.to_string()).with_retry_after(plain.retry_after()).with_fault(fault.clone())
    };
    if let Some(code) = fault.code() {
        error = error.with_code(code);
    }
    let id = fault.instance_id().map(str::to_owned).or_else(|| reply.request_id());
    error.with_status(reply.status).with_request_id(id)
}
