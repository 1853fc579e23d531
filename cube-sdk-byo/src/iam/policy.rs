//! A policy document, ready to be written.

use std::fmt;

use serde_json::{Value, json};

/// A policy document. `Display` gives it as indented JSON.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy(Value);

impl Policy {
    pub(crate) fn of(statements: Vec<Value>) -> Self {
        Self(json!({ "Version": "2012-10-17", "Statement": statements }))
    }

    /// The document as a value.
    pub const fn as_value(&self) -> &Value {
        &self.0
    }

    /// The document on one line, as AssumeRole's session policies and APIs want it.
    pub fn compact(&self) -> String {
        self.0.to_string()
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}
