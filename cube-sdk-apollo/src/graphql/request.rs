//! One document with its variables, ready to be sent.

use cube_sdk_core::{Error, ErrorKind, Operation, Result, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Document, Paged};

/// A request as data. It may hold secrets, so it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    query: &'static str,
    variables: Map<String, Value>,
    hidden: Vec<SecretString>,
    target: Option<String>,
}

impl Request {
    /// A document with its variables. Inputs leave out what is not set; other variables are sent as null.
    pub(crate) fn of<D: Document>(variables: D::Variables) -> Result<Self> {
        Self::with::<D>(D::build_query(variables))
    }

    /// A later page of the same list.
    pub(crate) fn next<D: Paged>(variables: D::Variables, token: &str) -> Result<Self> {
        let mut request = Self::of::<D>(variables)?;
        request.query = D::NEXT;
        request.variables.insert("pageToken".into(), token.into());
        Ok(request)
    }

    fn with<D: Document>(body: graphql_client::QueryBody<impl Serialize>) -> Result<Self> {
        let variables = serde_json::to_value(body.variables).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, "the variables have no JSON form")
                .with_operation(D::OPERATION)
                .cause(cause)
        })?;
        let mut variables = match variables {
            Value::Object(variables) => variables,
            _ => Map::new(),
        };
        for value in variables.values_mut() {
            drop_unset(value);
        }
        Ok(Self { operation: D::OPERATION, query: body.query, variables, hidden: Vec::new(), target: None })
    }

    /// Secrets in the variables, which no error may repeat.
    pub(crate) fn hides(mut self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        self.hidden.extend(secrets);
        self
    }

    /// What it is about, for errors.
    pub(crate) fn about(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Lets the caller change one variable before it is sent.
    pub(crate) fn patch(mut self, variable: &str, patch: Option<Patch>) -> Self {
        if let (Some(patch), Some(value)) = (patch, self.variables.get_mut(variable)) {
            patch(value);
        }
        self
    }

    /// Another page size, where the document has one as a variable.
    pub(crate) fn page_size(mut self, items: i64) -> Self {
        if let Some(size) = self.variables.get_mut("pageSize") {
            *size = items.into();
        }
        self
    }

    /// A copy of one variable, as it will be sent.
    pub(crate) fn variable(&self, name: &str) -> Value {
        self.variables.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn hidden(&self) -> &[SecretString] {
        &self.hidden
    }

    pub(crate) fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// The body: `query`, and `variables` when there are any.
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("query".into(), self.query.into());
        if !self.variables.is_empty() {
            body.insert("variables".into(), self.variables.clone().into());
        }
        body.into()
    }
}

/// A caller's change to an input.
pub(crate) type Patch = Box<dyn FnOnce(&mut Value) + Send>;

/// Removes unset fields of inputs, at every depth; a variable of its own keeps its null.
fn drop_unset(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_unset);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_unset),
        _ => {}
    }
}
