//! One document with its variables, ready to be sent.

use std::borrow::Cow;

use cube_sdk_core::redact::{is_secret_name, masked, masked_name, placeholder};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Operation, Result, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Document, Paged};

/// A request as data. It may hold secrets, so it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    query: Cow<'static, str>,
    variables: Map<String, Value>,
    hidden: Vec<SecretString>,
    target: Option<String>,
}

impl Request {
    /// A document with its variables. Inputs leave out what is not set; other variables are sent as null.
    pub(crate) fn of<D: Document>(variables: D::Variables) -> Result<Self> {
        let body = D::build_query(variables);
        let mut request = Self::free(D::OPERATION, body.query, &body.variables)?;
        request.variables.values_mut().for_each(drop_unset);
        Ok(request)
    }

    /// One page of a list: the first, or the one that a token names.
    pub(crate) fn page<D: Paged>(variables: D::Variables, token: Option<&str>) -> Result<Self> {
        let mut request = Self::of::<D>(variables)?;
        if let Some(token) = token {
            request.query = D::later().into();
            request.variables.insert("pageToken".into(), token.into());
        }
        Ok(request)
    }

    /// Any document, with its variables as they are.
    pub(crate) fn free(
        operation: Operation,
        query: impl Into<Cow<'static, str>>,
        variables: &impl Serialize,
    ) -> Result<Self> {
        let refuse =
            |words: &str| Error::new(ErrorKind::InvalidInput, words).with_operation(operation).with_target("variables");
        let variables = match serde_json::to_value(variables) {
            Ok(Value::Object(variables)) => variables,
            Ok(Value::Null) => Map::new(),
            Ok(_) => return Err(refuse("variables are an object, one field for each")),
            Err(cause) => return Err(refuse("the variables have no JSON form").cause(cause)),
        };
        Ok(Self { operation, query: query.into(), variables, hidden: Vec::new(), target: None })
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
    pub(crate) fn page_size(mut self, items: u32) -> Self {
        if let Some(size) = self.variables.get_mut("pageSize") {
            *size = items.into();
        }
        self
    }

    /// A copy of one variable, as it will be sent.
    pub(crate) fn variable(&self, name: &str) -> Value {
        self.variables.get(name).cloned().unwrap_or_default()
    }

    /// All variables, as they will be sent.
    pub(crate) fn variables(&self) -> Value {
        self.variables.clone().into()
    }

    pub(crate) fn hidden(&self) -> &[SecretString] {
        &self.hidden
    }

    pub(crate) fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// The variables for people: what is hidden, and what looks secret, is masked.
    pub(crate) fn shown(&self) -> Value {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.clone(), shown(name, value, &self.hidden))).collect::<Map<_, _>>().into()
    }

    /// The body: `query`, and `variables` when there are any.
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("query".into(), self.query.as_ref().into());
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

/// Fields of the schema that are called as secrets are and hold none: the secrets in them are hidden one by one.
const OPEN: [&str; 3] = ["secrets", "keys", "key"];

/// A field of the schema stays; a name that somebody else chose may hold a secret.
fn shown_name(name: &str, secrets: &[SecretString]) -> String {
    const SHORTEST: usize = 8;
    let holds =
        |secret: &SecretString| secret.expose_secret().len() >= SHORTEST && name.contains(secret.expose_secret());
    if secrets.iter().any(holds) { placeholder(&name.into()) } else { masked_name(name) }
}

/// A value under a name, with every text masked that holds one of the secrets, and everything that looks secret.
fn shown(name: &str, value: &Value, secrets: &[SecretString]) -> Value {
    match value {
        Value::Null => Value::Null,
        _ if is_secret_name(name) && !OPEN.contains(&name) => placeholder(value).into(),
        Value::Object(fields) => {
            let mut all = Map::new();
            for (name, value) in fields {
                let mut known = shown_name(name, secrets);
                while all.contains_key(&known) {
                    known.push(' ');
                }
                all.insert(known, shown(name, value, secrets));
            }
            all.into()
        }
        Value::Array(items) => items.iter().map(|item| shown("", item, secrets)).collect(),
        Value::String(text) => {
            let holds = |secret: &SecretString| {
                let secret = secret.expose_secret();
                !secret.is_empty() && (text == secret || secret.len() >= 4 && text.contains(secret))
            };
            if secrets.iter().any(holds) { placeholder(value).into() } else { masked(value) }
        }
        other => other.clone(),
    }
}
