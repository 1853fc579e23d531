//! Release channels: which releases environments may take.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let channels = apollo.channels();
//! for channel in channels.list().await? {
//!     println!("{} {:?} {:?}", channel.name, channel.kind, channel.description);
//! }
//! let release = "com.example:mosquitto:1.10";
//! let after = channels.add(release, ["STABLE"]).rationale("soaked for a week").await?;
//! assert_eq!(after.channels, ["DEV", "STABLE"]);
//! let after = channels.remove(release, ["DEV"]).rationale("superseded").await?;
//! assert_eq!(after.channels, ["STABLE"]);
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use std::collections::HashSet;

use cube_sdk_core::{Error, ErrorKind, Result, names};

use crate::client::Apollo;
use crate::graphql::{
    AddToChannel, ListReleaseChannels, Patch, RemoveFromChannel, Request, add_to_channel, list_release_channels,
    remove_from_channel, wire,
};
use crate::ids::MavenCoordinate;
use crate::listing::{Shape, Source};
use crate::mode::Mode;
pub use crate::model::Channel;
use crate::model::Release;
use crate::mutation::{Prepared, mutation};
use crate::query::Query;

/// Release channels of the fleet. From [`Apollo::channels`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let names: Vec<_> = apollo.channels().list().await?.into_iter().map(|channel| channel.name).collect();
/// assert!(names.contains(&"DEV".to_owned()));
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
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
    pub fn list(&self) -> Query<Vec<Channel>> {
        Query::new(&self.apollo, |mode| async move {
            let shape = Shape { page: "/apollo/productReleases", list: "productReleases", identity: &[] };
            let releases = Source::items(
                shape,
                |token| Request::page::<ListReleaseChannels>(list_release_channels::Variables {}, token),
                |value, answer| {
                    let release: wire::Release = answer.parse(value)?;
                    let channels = answer.whole(Some(release.release_channels), "/release/releaseChannels")?;
                    channels.into_iter().map(|channel| Channel::from_wire(channel, answer)).collect::<Result<Vec<_>>>()
                },
            );
            let releases = mode.whole(releases, "releases").await?;
            let channels = releases.into_iter().flatten();
            let mut seen = HashSet::new();
            Ok(channels
                .filter(|channel| {
                    seen.insert(channel.rid.as_ref().map_or_else(|| channel.name.clone(), ToString::to_string))
                })
                .collect())
        })
    }

    /// Puts a release into channels.
    pub fn add<N: Into<String>>(
        &self,
        release: impl TryInto<MavenCoordinate, Error: Into<Error>>,
        channels: impl IntoIterator<Item = N>,
    ) -> ChangeChannels {
        self.change(names::taken(release), channels, true)
    }

    /// Takes a release out of channels.
    pub fn remove<N: Into<String>>(
        &self,
        release: impl TryInto<MavenCoordinate, Error: Into<Error>>,
        channels: impl IntoIterator<Item = N>,
    ) -> ChangeChannels {
        self.change(names::taken(release), channels, false)
    }

    fn change<N: Into<String>>(
        &self,
        release: Result<MavenCoordinate>,
        channels: impl IntoIterator<Item = N>,
        add: bool,
    ) -> ChangeChannels {
        ChangeChannels {
            apollo: self.apollo.clone(),
            release,
            channels: channels.into_iter().map(Into::into).collect(),
            rationale: RATIONALE.into(),
            add,
            patch: None,
        }
    }
}

/// Why, unless told.
pub(crate) const RATIONALE: &str = "changed by cube-sdk";

/// Changes the channels of a release when awaited; the result tells them after the change.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let release = "com.example:mosquitto:1.10";
/// let after = apollo.channels().add(release, ["STABLE"]).rationale("soaked for a week").await?;
/// assert_eq!(after.channels, ["DEV", "STABLE"]);
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it changes the channels"]
pub struct ChangeChannels {
    apollo: Apollo,
    release: Result<MavenCoordinate>,
    channels: Vec<String>,
    rationale: String,
    add: bool,
    patch: Option<Patch>,
}

impl ChangeChannels {
    /// Why. Apollo demands one; without this it says that the SDK did it.
    pub fn rationale(mut self, text: impl Into<String>) -> Self {
        self.rationale = text.into();
        self
    }

    async fn prepare(self) -> Result<Prepared<Release>> {
        let coordinate = self.release?;
        check(&coordinate, &self.channels)?;
        let mode = Mode::strict(&self.apollo);
        let release = mode.release(&coordinate.product(), coordinate.version()).await?;
        let (request, field) = if self.add {
            (adding(&coordinate, &release, self.channels, self.rationale)?, ADDED)
        } else {
            (removing(&coordinate, &release, self.channels, self.rationale)?, REMOVED)
        };
        let request = request.patch("channelNames", self.patch);
        Ok(Prepared::one(&self.apollo, request, move |answer| Release::from_wire(answer.require(field)?, answer)))
    }
}

mutation!(ChangeChannels => Release);

/// Where a release stands that was put into channels.
pub(crate) const ADDED: &str = "/apollo/addProductReleaseToChannels";
const REMOVED: &str = "/apollo/deleteProductReleaseFromChannels";

/// Refuses channels without a name.
fn check(coordinate: &MavenCoordinate, channels: &[String]) -> Result<()> {
    if channels.is_empty() || channels.iter().any(|name| name.trim().is_empty()) {
        return Err(
            Error::new(ErrorKind::InvalidInput, "name at least one channel").with_target(coordinate.to_string())
        );
    }
    Ok(())
}

/// The request that puts a release into channels.
pub(crate) fn adding(
    coordinate: &MavenCoordinate,
    release: &Release,
    channel_names: Vec<String>,
    rationale: String,
) -> Result<Request> {
    let variables = add_to_channel::Variables { release_rid: release.rid.to_string(), channel_names, rationale };
    Ok(Request::of::<AddToChannel>(variables)?.about(coordinate.as_str()))
}

fn removing(
    coordinate: &MavenCoordinate,
    release: &Release,
    channel_names: Vec<String>,
    rationale: String,
) -> Result<Request> {
    let variables = remove_from_channel::Variables { release_rid: release.rid.to_string(), channel_names, rationale };
    Ok(Request::of::<RemoveFromChannel>(variables)?.about(coordinate.as_str()))
}
