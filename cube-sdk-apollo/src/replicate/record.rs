//! How far a step is, as a journal keeps it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::Rid;

/// How far one step is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// About to be sent, or sent and not answered.
    Noted(Noted),
    /// A change request was opened.
    Opened {
        /// Its RID.
        change: Rid,
        /// SHA-256 of the config in it; none in journals of before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<String>,
    },
    /// No answer came, and one change request is new since that may be the step's. Whether it is shows when it is
    /// merged: only then the step is done.
    Adopted {
        /// Its RID.
        change: Rid,
        /// What was noted before.
        noted: Noted,
    },
    /// Answered as carried out, and not listed yet: never to be sent again.
    Answered {
        /// What it made, where told.
        rid: Option<Rid>,
    },
    /// Done.
    Done {
        /// What it made or opened, where told.
        rid: Option<Rid>,
        /// SHA-256 of the config that an installed entity began with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<String>,
    },
}

/// What was so before a step was sent.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Noted {
    /// Every change request of the target: none of them is the step's.
    pub before: BTreeSet<Rid>,
    /// SHA-256 of the config that was about to be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

impl Record {
    /// The RID of what it made or opened.
    pub const fn rid(&self) -> Option<&Rid> {
        match self {
            Self::Noted { .. } => None,
            Self::Opened { change, .. } | Self::Adopted { change, .. } => Some(change),
            Self::Answered { rid } | Self::Done { rid, .. } => rid.as_ref(),
        }
    }
}
