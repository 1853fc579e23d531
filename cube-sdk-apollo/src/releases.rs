//! Releases of a product, with the channels that they are in.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let product = "com.example:mosquitto".parse()?;
//! let releases = apollo.releases(&product);
//! let newest = releases.list().try_next().await?.expect("it was released");
//! let same = releases.get(newest.version()).await?;
//! assert_eq!(same.rid, newest.rid);
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::client::{Answer, Apollo};
use crate::drain::{Listing, Shape, Source};
use crate::graphql::{ProductReleases, Request, product_releases, wire};
use crate::ids::{ProductId, Rid};
use crate::read::Read;

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
        Ok(Self {
            rid: wire.rid.ok_or_else(|| answer.absent("/release/rid"))?.into(),
            coordinate: wire.maven_coordinate.unwrap_or_default(),
            channels: wire.release_channels.0.into_iter().filter_map(|channel| channel.name).collect(),
        })
    }

    /// The part of the coordinate after the last colon.
    pub fn version(&self) -> &str {
        self.coordinate.rsplit_once(':').map_or("", |(_, version)| version)
    }
}

/// Releases of one product. From [`Apollo::releases`].
#[derive(Clone, Debug)]
pub struct Releases {
    apollo: Apollo,
    product: ProductId,
}

impl Apollo {
    /// Releases of a product.
    pub fn releases(&self, product: &ProductId) -> Releases {
        Releases { apollo: self.clone(), product: product.clone() }
    }
}

impl Releases {
    /// The releases in the server's order, 50 to a page.
    pub fn list(&self) -> Listing<Release> {
        let shape =
            Shape { page: "/apollo/productByProductIdV2/productReleases", list: "productReleases", identity: &["rid"] };
        let product = self.product.to_string();
        Listing::new(&self.apollo, shape, |_| async {
            Ok(Source {
                request: Box::new(move |token| {
                    let variables = product_releases::Variables { product_id: product.clone(), page_size: 50 };
                    let request = match token {
                        None => Request::of::<ProductReleases>(variables),
                        Some(token) => Request::next::<ProductReleases>(variables, token),
                    };
                    Ok(request?.about(product.as_str()))
                }),
                item: Box::new(|value, answer| Release::from_wire(answer.parse(value)?, answer)),
            })
        })
    }

    /// The release of a version.
    pub fn get(&self, version: impl Into<String>) -> Read<Release> {
        let (this, version) = (self.clone(), version.into());
        Read::new(&self.apollo, |_| async move { this.find(&version).await })
    }

    pub(crate) async fn find(&self, version: &str) -> Result<Release> {
        let mut list = self.list();
        while let Some(release) = list.try_next().await? {
            if release.version() == version {
                return Ok(release);
            }
        }
        Err(Error::new(ErrorKind::NotFound, format!("there is no release {}", version.escape_debug()))
            .with_target(self.product.to_string())
            .advice("list the product's releases"))
    }
}
