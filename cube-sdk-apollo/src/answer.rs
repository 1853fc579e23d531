//! The data of one reply, and the errors that say what is wrong with it.

use cube_sdk_core::{Error, ErrorKind, Operation, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::ApolloFault;
use crate::graphql::wire::List;

/// The data of a reply, with what errors about it must say.
pub(crate) struct Answer {
    pub(crate) operation: Operation,
    pub(crate) target: String,
    /// Length of the body.
    pub(crate) bytes: usize,
    pub(crate) data: Value,
    pub(crate) fault: Option<ApolloFault>,
}

impl Answer {
    /// The value at a pointer; none when it is absent or null.
    pub(crate) fn at(&self, pointer: &str) -> Option<&Value> {
        self.data.pointer(pointer).filter(|value| !value.is_null())
    }

    /// Reads one value of this reply.
    pub(crate) fn parse<T: DeserializeOwned>(&self, value: &Value) -> Result<T> {
        T::deserialize(value).map_err(|cause| self.mistyped("an item", &cause))
    }

    /// Reads the value at a pointer; none when it is absent or null.
    pub(crate) fn read<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>> {
        self.at(pointer).map(|value| T::deserialize(value).map_err(|cause| self.mistyped(pointer, &cause))).transpose()
    }

    /// Reads the value at a pointer, which must be there.
    pub(crate) fn require<T: DeserializeOwned>(&self, pointer: &str) -> Result<T> {
        self.read(pointer)?.ok_or_else(|| self.absent(pointer))
    }

    /// A part of this reply that must be there.
    pub(crate) fn need<T>(&self, part: Option<T>, pointer: &str) -> Result<T> {
        part.ok_or_else(|| self.absent(pointer))
    }

    /// A list that must be there. Beside errors it may be missing: they say why.
    pub(crate) fn listed<T: Default>(&self, list: Option<T>, pointer: &str) -> Result<T> {
        if list.is_none() && self.fault.is_some() {
            return Ok(T::default());
        }
        self.need(list, pointer)
    }

    /// A list that must be there with every item: what is missing of it must not look like nothing. Beside errors what
    /// came is taken.
    pub(crate) fn whole<T>(&self, list: Option<List<T>>, pointer: &str) -> Result<Vec<T>> {
        let list = self.listed(list, pointer)?;
        if self.fault.is_some() { Ok(list.items) } else { self.need(list.whole(), pointer) }
    }

    /// A field whose value says nothing must at least be there: its type is not published, null may be success.
    pub(crate) fn acknowledges(&self, pointer: &str) -> Result<()> {
        self.data.pointer(pointer).map(drop).ok_or_else(|| self.absent(pointer))
    }

    /// The token of the next page, from the object that holds it; none at the end.
    pub(crate) fn next_page(&self, token: Option<&Value>) -> Result<Option<String>> {
        match token {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(token)) => Ok((!token.is_empty()).then(|| token.clone())),
            Some(_) => Err(self.unreadable("nextPageToken", "it is no text, so the list cannot be read further")),
        }
    }

    /// A field that must be there is absent.
    pub(crate) fn absent(&self, pointer: &str) -> Error {
        self.error(ErrorKind::Decode, format!("the reply has no {}", dotted(pointer)))
            .advice("update the SDK, or report this to the operator of Apollo")
    }

    /// Nothing has the id that was asked for.
    pub(crate) fn not_found(&self, what: &str) -> Error {
        self.error(ErrorKind::NotFound, format!("there is no such {what}, or it is hidden from this client"))
    }

    pub(crate) fn error(&self, kind: ErrorKind, words: impl Into<String>) -> Error {
        Error::new(kind, words)
            .with_operation(self.operation)
            .with_target(self.target.clone())
            .with_status(http::StatusCode::OK)
    }

    fn unreadable(&self, pointer: &str, why: &str) -> Error {
        self.error(ErrorKind::Decode, format!("{} of the reply: {why}", dotted(pointer)))
            .advice("update the SDK, or report this to the operator of Apollo")
    }

    fn mistyped(&self, pointer: &str, cause: &serde_json::Error) -> Error {
        // serde's words quote the value that it met, which may be a secret.
        tracing::debug!(operation = %self.operation, category = ?cause.classify(), "a reply cannot be read");
        self.unreadable(pointer, "a field has another type")
    }
}

fn dotted(pointer: &str) -> String {
    if pointer.is_empty() {
        return "data".to_owned();
    }
    pointer.trim_start_matches('/').replace('/', ".")
}
