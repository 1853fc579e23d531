//! What Apollo says when it refuses: every GraphQL error with path, code, name and parameters.

use std::fmt;

use cube_sdk_core::engine::{Classify, Reply};
use cube_sdk_core::redact::{Hidden, excerpt, masked, masked_text, one_line};
use cube_sdk_core::{Error, ErrorKind, Operation, Result};
use http::StatusCode;
use serde::Deserialize;
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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApolloFault {
    /// The errors; never empty.
    pub errors: Vec<GraphQlError>,
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
    parameters: Value,
}

impl GraphQlError {
    /// The details, with values of secret names hidden; `null` when there are none.
    pub fn parameters(&self) -> Value {
        masked(&self.parameters)
    }

    fn from_wire(error: &Value, hidden: &Hidden) -> Self {
        let mut error = error.clone();
        hidden.scrub_value(&mut error);
        let text = |pointers: [&str; 2]| {
            let mut texts = pointers.iter().filter_map(|at| error.pointer(at)?.as_str());
            texts.find(|text| !text.is_empty()).map(str::to_owned)
        };
        let path = error.get("path").and_then(Value::as_array).map(|path| {
            let parts: Vec<_> =
                path.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
            parts.join(".")
        });
        Self {
            message: match error.get("message").and_then(Value::as_str) {
                Some(message) => masked_text(message),
                None => excerpt(error.to_string().as_bytes()),
            },
            path: path.unwrap_or_default(),
            code: text(["/extensions/errorCode", "/extensions/code"]),
            name: text(["/extensions/errorName", "/extensions/classification"]),
            parameters: error.pointer("/extensions/parameters").cloned().unwrap_or_default(),
        }
    }
}

/// One line, whatever the server sent.
impl fmt::Display for GraphQlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(self.message.trim(), 500))?;
        if !self.path.is_empty() {
            write!(f, ", at {}", one_line(&self.path, 200))?;
        }
        for part in [&self.code, &self.name].into_iter().flatten() {
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
pub trait ApolloErrorExt {
    /// The GraphQL errors that came back, if it was Apollo that refused.
    fn apollo(&self) -> Option<&ApolloFault>;
}

impl ApolloErrorExt for Error {
    fn apollo(&self) -> Option<&ApolloFault> {
        self.fault()
    }
}

impl ApolloFault {
    pub(crate) fn from_wire(errors: &[Value], hidden: &Hidden) -> Option<Self> {
        let errors: Vec<_> = errors.iter().map(|error| GraphQlError::from_wire(error, hidden)).collect();
        (!errors.is_empty()).then_some(Self { errors })
    }

    /// The kind of the first error whose code, name or classification is known.
    fn kind(&self, operation: Operation) -> ErrorKind {
        let known = self
            .errors
            .iter()
            .find_map(|error| [&error.code, &error.name].into_iter().flatten().find_map(|word| kind_of_word(word)));
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
        let code = self.errors.iter().find_map(|error| error.code.clone().or_else(|| error.name.clone()));
        let mut error = Error::new(kind, self.to_string()).with_status(StatusCode::OK);
        if let Some(code) = code {
            error = error.with_code(code);
        }
        if kind == ErrorKind::Unsupported {
            error = error.advice(
                "this server's schema differs from the one this client speaks; for inputs see docs/apollo-inputs.md \
                 and adjust the request with patch_input",
            );
        }
        error.with_fault(self)
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
    errors: Option<Vec<Value>>,
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
        let fault = ApolloFault::from_wire(envelope.errors.as_deref().unwrap_or_default(), reply.hidden());
        let data = envelope.data.map_or("null", RawValue::get);
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
        Err(fault.into_error(operation).with_request_id(reply.request_id()))
    }
}

fn is_empty(data: &str) -> bool {
    // Longer data cannot be empty, and need not be read twice.
    data.len() <= 16
        && serde_json::from_str::<Value>(data).is_ok_and(|data| match data {
            Value::Object(fields) => fields.is_empty(),
            other => other.is_null(),
        })
}

/// Is the field of the mutation, one below `apollo`, other than null?
fn field_is_set(data: &str) -> bool {
    serde_json::from_str::<Value>(data).is_ok_and(|data| {
        data.get("apollo")
            .and_then(Value::as_object)
            .is_some_and(|fields| fields.values().any(|field| !field.is_null()))
    })
}

fn without_data(reply: &Reply) -> Error {
    Error::new(ErrorKind::Decode, "the reply has neither data nor errors")
        .with_status(reply.status)
        .with_request_id(reply.request_id())
}

/// Not 200: by status; GraphQL errors in the body are kept as the typed fault.
fn refusal(operation: Operation, reply: &Reply) -> Error {
    let error = reply.refusal();
    let fault = reply
        .json::<Value>()
        .ok()
        .and_then(|body| ApolloFault::from_wire(body.get("errors")?.as_array()?, reply.hidden()));
    match fault {
        Some(fault) if fault.kind(operation) == ErrorKind::Unsupported && reply.status.is_client_error() => {
            fault.into_error(operation).with_status(reply.status).with_request_id(reply.request_id())
        }
        Some(fault) => error.with_fault(fault),
        None => error,
    }
}
