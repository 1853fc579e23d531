//! Releases of products.

use cube_sdk_core::Result;
use serde::Serialize;

use crate::answer::Answer;
use crate::graphql::wire;
use crate::ids::Rid;

/// A release.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Release {
    /// The RID; channel changes need it.
    pub rid: Rid,
    /// `group:artifact:version`, as the server wrote it.
    pub coordinate: String,
    /// Names of the channels that it is in.
    pub channels: Vec<String>,
}

impl Release {
    pub(crate) fn from_wire(wire: wire::Release, answer: &Answer) -> Result<Self> {
        // A channel that is not told would count as one that the release is not in.
        let channels = answer.whole(Some(wire.release_channels), "/release/releaseChannels")?.into_iter();
        Ok(Self {
            rid: wire.rid.ok_or_else(|| answer.absent("/release/rid"))?.into(),
            coordinate: answer.need(wire.maven_coordinate, "/release/mavenCoordinate")?,
            channels: channels
                .map(|channel| answer.need(channel.name, "/release/releaseChannels/name"))
                .collect::<Result<_>>()?,
        })
    }

    /// The part of the coordinate after the last colon.
    pub fn version(&self) -> &str {
        self.coordinate.rsplit_once(':').map_or("", |(_, version)| version)
    }
}
