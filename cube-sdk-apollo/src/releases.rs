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
use crate::read::{Read, Session};

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
        Read::new(&self.apollo, |session| async move { this.find(&session, &version).await })
    }

    pub(crate) async fn find(&self, session: &Session, version: &str) -> Result<Release> {
        let mut list = self.list().within(session);
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
