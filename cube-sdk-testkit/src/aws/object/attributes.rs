//! What is known of an object beside its bytes.

use std::collections::BTreeMap;

use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far the restoring of an archived object has come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Restore {
    /// Asked for, not there yet: reads are refused still.
    InProgress,
    /// A copy can be read until this time.
    Until(Timestamp),
}

/// Headers that are kept with an object and sent with it.
const KEPT: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

/// System and user metadata.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Attributes {
    pub(crate) content_type: Option<String>,
    pub(crate) kms_key_arn: Option<String>,
    pub(crate) storage_class: Option<String>,
    pub(crate) archive_tier: Option<String>,
    pub(crate) restore: Option<Restore>,
    /// The other kept headers.
    pub(crate) headers: BTreeMap<String, String>,
    /// By name without `x-amz-meta-`, in lower case.
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Attributes {
    /// What a PUT, a copy or the start of an upload says of the object to come; encryption aside.
    pub(crate) fn of(request: &HeaderMap) -> Self {
        let mut attributes = Self::default();
        for (name, value) in request {
            let Ok(value) = value.to_str() else { continue };
            let value = value.to_owned();
            match name.as_str() {
                "content-type" => attributes.content_type = Some(value),
                // `aws-chunked` says how the request was sent, not what the object is.
                "content-encoding" => {
                    let kept: Vec<&str> =
                        value.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect();
                    if !kept.concat().is_empty() {
                        attributes.headers.insert("content-encoding".to_owned(), kept.join(","));
                    }
                }
                "x-amz-storage-class" => attributes.storage_class = Some(value).filter(|class| class != "STANDARD"),
                kept if KEPT.contains(&kept) => {
                    attributes.headers.insert(kept.to_owned(), value);
                }
                other => {
                    if let Some(key) = other.strip_prefix("x-amz-meta-") {
                        attributes.metadata.insert(key.to_owned(), value);
                    }
                }
            }
        }
        attributes
    }

    /// Whether a read is refused until the object is restored.
    pub(crate) fn is_archived(&self, now: Timestamp) -> bool {
        let archive =
            self.archive_tier.is_some() || matches!(self.storage_class.as_deref(), Some("GLACIER" | "DEEP_ARCHIVE"));
        archive && !matches!(self.restore, Some(Restore::Until(end)) if now < end)
    }

    /// `aws:kms` or `AES256`.
    pub(crate) fn encryption(&self) -> &'static str {
        if self.kms_key_arn.is_some() { "aws:kms" } else { "AES256" }
    }

    /// The class, `STANDARD` included.
    pub(crate) fn class(&self) -> &str {
        self.storage_class.as_deref().unwrap_or("STANDARD")
    }
}
