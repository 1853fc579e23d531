//! Release channels.

use cube_sdk_core::Result;
use serde::Serialize;

use crate::answer::Answer;
use crate::graphql::wire;
use crate::ids::Rid;

/// A release channel.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Channel {
    /// The RID.
    pub rid: Option<Rid>,
    /// The name.
    pub name: String,
    /// Words for people.
    pub description: Option<String>,
    /// The kind in the server's word, which tells channels of one environment apart; the words are not published.
    pub kind: Option<String>,
}

impl Channel {
    pub(crate) fn from_wire(wire: wire::Channel, answer: &Answer) -> Result<Self> {
        let metadata = wire.metadata.unwrap_or_default();
        Ok(Self {
            rid: wire.rid.map(Rid::from),
            name: answer.need(wire.name, "/release/releaseChannels/name")?,
            description: metadata.description,
            kind: metadata.kind,
        })
    }
}
