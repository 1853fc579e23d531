//! What a promotion will do, as data.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::release_of;
use crate::ids::MavenCoordinate;
use crate::model::Release;

/// What a promotion will do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PromotionPlan {
    /// The channels.
    pub channels: Vec<String>,
    /// Releases that are not in all of them yet, in the order of their coordinates.
    pub steps: Vec<PromotionStep>,
    /// Releases that are in all of them.
    pub already: Vec<MavenCoordinate>,
    /// What cannot be promoted.
    pub not_promoted: Vec<NotPromoted>,
}

/// One release and the channels that it lacks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PromotionStep {
    /// The release.
    pub coordinate: MavenCoordinate,
    /// The channels that it is to be put into.
    pub channels: Vec<String>,
}

/// Something that cannot be promoted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NotPromoted {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

impl PromotionPlan {
    pub(super) fn new(channels: &BTreeSet<String>) -> Self {
        Self {
            channels: channels.iter().cloned().collect(),
            steps: Vec::new(),
            already: Vec::new(),
            not_promoted: Vec::new(),
        }
    }

    /// True when there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn lacks(&mut self, what: impl Into<String>, why: &str) {
        self.not_promoted.push(NotPromoted { what: what.into(), why: why.to_owned() });
    }

    pub(super) fn add(&mut self, coordinate: MavenCoordinate, releases: &[Release], channels: &BTreeSet<String>) {
        let Some(release) = release_of(&coordinate, releases) else {
            return self.lacks(coordinate.as_str(), "there is no such release");
        };
        let missing: Vec<_> = channels.iter().filter(|name| !release.channels.contains(name)).cloned().collect();
        if missing.is_empty() {
            self.already.push(coordinate);
        } else {
            self.steps.push(PromotionStep { coordinate, channels: missing });
        }
    }
}

impl fmt::Display for PromotionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "promote to {}", self.channels.join(", "))?;
        for PromotionStep { coordinate, channels } in &self.steps {
            writeln!(f, "  do: {coordinate} into {}", channels.join(", "))?;
        }
        for coordinate in &self.already {
            writeln!(f, "  is there: {coordinate}")?;
        }
        for NotPromoted { what, why } in &self.not_promoted {
            writeln!(f, "  not promoted: {what}: {why}")?;
        }
        Ok(())
    }
}
