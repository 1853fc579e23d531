//! Items and their attributes.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};

use super::super::Hash;
use crate::store::Time;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The partition key of both tables.
pub(super) const ID: &str = "hash";

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Milliseconds since 1970.
pub(super) fn time(value: Time) -> AttributeValue {
    AttributeValue::N(value.0.as_millisecond().to_string())
}

/// Whole seconds since 1970, as DynamoDB's own expiry wants them.
pub(super) fn ttl(value: Timestamp) -> AttributeValue {
    AttributeValue::N(value.as_second().to_string())
}

pub(super) fn texts(values: &[String]) -> AttributeValue {
    AttributeValue::L(values.iter().map(text_of).collect())
}

fn text_of(value: &String) -> AttributeValue {
    text(value)
}

/// What something is stored under: its kind, and its name or hash.
pub(super) fn id_of(kind: &str, hash: &Hash) -> AttributeValue {
    let mut id = format!("{kind}#");
    for byte in hash {
        // Writing to a string does not fail.
        write!(id, "{byte:02x}").ok();
    }
    text(id)
}

/// What a table holds is not as expected.
pub(super) fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("an item of the table has no usable `{what}`"))
        .advice("was the table written by another program, or by a newer version?")
}

pub(super) trait Attributes {
    fn maybe_text(&self, name: &str) -> Option<String>;
    fn maybe_time(&self, name: &str) -> Option<Time>;
    fn maybe_bytes(&self, name: &str) -> Option<Vec<u8>>;
    fn list(&self, name: &str) -> Vec<String>;

    fn text(&self, name: &str) -> Result<String> {
        self.maybe_text(name).ok_or_else(|| broken(name))
    }

    fn time(&self, name: &str) -> Result<Time> {
        self.maybe_time(name).ok_or_else(|| broken(name))
    }
}

impl Attributes for Item {
    fn maybe_text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_s().ok().cloned()
    }

    fn maybe_time(&self, name: &str) -> Option<Time> {
        let number = self.get(name)?.as_n().ok()?.parse().ok()?;
        Some(Time::from(Timestamp::from_millisecond(number)))
    }

    fn maybe_bytes(&self, name: &str) -> Option<Vec<u8>> {
        Some(self.get(name)?.as_b().ok()?.as_ref().to_vec())
    }

    fn list(&self, name: &str) -> Vec<String> {
        let values = self.get(name).and_then(|value| value.as_l().ok());
        values.into_iter().flatten().filter_map(|value| value.as_s().ok().cloned()).collect()
    }
}
