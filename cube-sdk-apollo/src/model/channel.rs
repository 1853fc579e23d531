//! Release channels.

use serde::Serialize;

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
    /// None for one without a name.
    pub(crate) fn from_wire(wire: wire::Channel) -> Option<Self> {
        let metadata = wire.metadata.unwrap_or_default();
        Some(Self {
            rid: wire.rid.map(Rid::from),
            name: wire.name?,
            description: metadata.description,
            kind: metadata.kind,
        })
    }
}
