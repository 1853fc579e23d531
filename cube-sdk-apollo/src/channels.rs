//! Release channels: which releases environments may take.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let channels = apollo.channels();
//! for channel in channels.list().await? {
//!     println!("{} {:?} {:?}", channel.name, channel.kind, channel.description);
//! }
//! let release = "com.example:mosquitto:1.10".parse()?;
//! let after = channels.add(&release, ["STABLE"]).rationale("soaked for a week").await?;
//! assert_eq!(after.channels, ["DEV", "STABLE"]);
//! let after = channels.remove(&release, ["DEV"]).rationale("superseded").await?;
//! assert_eq!(after.channels, ["STABLE"]);
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use std::collections::HashSet;

use cube_sdk_core::{Error, ErrorKind, Result, awaitable};
use serde::Serialize;

use crate::client::{Answer, Apollo};
use crate::drain::{Listing, Shape, Source};
use crate::graphql::{
    AddToChannel, ListReleaseChannels, RemoveFromChannel, Request, add_to_channel, list_release_channels,
    remove_from_channel, wire,
};
use crate::ids::{MavenCoordinate, Rid};
use crate::read::{Read, Session};
use crate::releases::Release;

/// Release channels of the fleet. From [`Apollo::channels`].
#[derive(Clone, Debug)]
pub struct Channels {
    apollo: Apollo,
}

impl Apollo {
    /// Release channels: list, add, remove.
    pub fn channels(&self) -> Channels {
        Channels { apollo: self.clone() }
    }
}

impl Channels {
    /// The channels that some release is in, each once. Apollo has no list of channels: every release is read.
    pub fn list(&self) -> Read<Vec<Channel>> {
        let apollo = self.apollo.clone();
        Read::new(&self.apollo, |session| async move {
            let shape = Shape { page: "/apollo/productReleases", list: "productReleases", identity: &[] };
            let releases = Listing::new(&apollo, shape, |_| async {
                Ok(Source {
                    request: Box::new(|token| match token {
                        None => Request::of::<ListReleaseChannels>(list_release_channels::Variables {}),
                        Some(token) => Request::next::<ListReleaseChannels>(list_release_channels::Variables {}, token),
                    }),
                    item: Box::new(|value, answer| answer.parse::<wire::Release>(value)),
                })
            });
            let mut releases = releases.within(&session);
            let (mut channels, mut seen) = (Vec::new(), HashSet::new());
            while let Some(release) = releases.try_next().await? {
                for channel in release.release_channels.0 {
                    let Some(name) = channel.name else { continue };
                    if seen.insert(channel.rid.clone().unwrap_or_else(|| name.clone())) {
                        let metadata = channel.metadata.unwrap_or_default();
                        channels.push(Channel {
                            rid: channel.rid.map(Rid::from),
                            name,
                            description: metadata.description,
                            kind: metadata.kind,
                        });
                    }
                }
            }
            Ok(channels)
        })
    }

    /// Puts a release into channels.
    pub fn add<N: Into<String>>(
        &self,
        release: &MavenCoordinate,
        channels: impl IntoIterator<Item = N>,
    ) -> ChangeChannels {
        self.change(release, channels, true)
    }

    /// Takes a release out of channels.
    pub fn remove<N: Into<String>>(
        &self,
        release: &MavenCoordinate,
        channels: impl IntoIterator<Item = N>,
    ) -> ChangeChannels {
        self.change(release, channels, false)
    }

    fn change<N: Into<String>>(
        &self,
        release: &MavenCoordinate,
        channels: impl IntoIterator<Item = N>,
        add: bool,
    ) -> ChangeChannels {
        ChangeChannels {
            apollo: self.apollo.clone(),
            release: release.clone(),
            channels: channels.into_iter().map(Into::into).collect(),
            rationale: "changed by cube-sdk".into(),
            add,
        }
    }
}

/// Changes the channels of a release when awaited; the result tells them after the change.
#[derive(Clone, Debug)]
#[must_use = "awaiting it changes the channels"]
pub struct ChangeChannels {
    apollo: Apollo,
    release: MavenCoordinate,
    channels: Vec<String>,
    rationale: String,
    add: bool,
}

impl ChangeChannels {
    /// Why. Apollo demands one; without this it says that the SDK did it.
    pub fn rationale(mut self, text: impl Into<String>) -> Self {
        self.rationale = text.into();
        self
    }

    async fn send(self) -> Result<Release> {
        if self.channels.is_empty() || self.channels.iter().any(|name| name.trim().is_empty()) {
            return Err(
                Error::new(ErrorKind::InvalidInput, "name at least one channel").with_target(self.release.to_string())
            );
        }
        let session = Session::strict(self.apollo.clone());
        let release = self.apollo.releases(&self.release.product()).find(&session, self.release.version()).await?;
        let (release_rid, channel_names, rationale) = (release.rid.to_string(), self.channels, self.rationale);
        let (request, field) = if self.add {
            let variables = add_to_channel::Variables { release_rid, channel_names, rationale };
            (Request::of::<AddToChannel>(variables)?, "/apollo/addProductReleaseToChannels")
        } else {
            let variables = remove_from_channel::Variables { release_rid, channel_names, rationale };
            (Request::of::<RemoveFromChannel>(variables)?, "/apollo/deleteProductReleaseFromChannels")
        };
        let answer: Answer = self.apollo.send(request.about(self.release.as_str()), false).await?;
        Release::from_wire(answer.require(field)?, &answer)
    }
}

awaitable!(ChangeChannels => Release);
