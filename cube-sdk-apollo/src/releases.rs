//! Releases of a product, with the channels that they are in.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let releases = apollo.releases("com.example:mosquitto");
//! let newest = releases.list().try_next().await?.expect("it was released");
//! let same = releases.get(newest.version()).await?;
//! assert_eq!(same.rid, newest.rid);
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::listing::Listing;
use cube_sdk_core::{Error, ErrorKind, Result, names};

use crate::client::Apollo;
use crate::graphql::{ProductReleases, Request, product_releases};
use crate::ids::ProductId;
use crate::listing::{Shape, Source, list, list_in};
use crate::mode::Mode;
pub use crate::model::Release;
use crate::query::Query;

/// Releases of one product. From [`Apollo::releases`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let releases = apollo.releases("com.example:mosquitto");
/// let newest = releases.list().try_next().await?.expect("it was released");
/// assert_eq!(releases.get(newest.version()).await?.rid, newest.rid);
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Releases {
    apollo: Apollo,
    product: Result<ProductId>,
}

impl Apollo {
    /// Releases of a product. An id that is none is told when something is awaited.
    pub fn releases(&self, product: impl TryInto<ProductId, Error: Into<Error>>) -> Releases {
        Releases { apollo: self.clone(), product: names::taken(product) }
    }
}

impl Releases {
    /// The releases in the server's order, 50 to a page.
    pub fn list(&self) -> Listing<Release> {
        let product = self.product.clone();
        list(&self.apollo, |_| async move { Ok(all_releases(&product?)) })
    }

    /// The release of a version.
    pub fn get(&self, version: impl Into<String>) -> Query<Release> {
        let (product, version) = (self.product.clone(), version.into());
        Query::new(&self.apollo, |mode| async move { mode.release(&product?, &version).await })
    }
}

/// The releases of a product.
pub(crate) fn all_releases(product: &ProductId) -> Source<Release> {
    let shape =
        Shape { page: "/apollo/productByProductIdV2/productReleases", list: "productReleases", identity: &["rid"] };
    let product = product.to_string();
    Source::items(
        shape,
        move |token| {
            let variables = product_releases::Variables { product_id: product.clone(), page_size: 50 };
            Ok(Request::page::<ProductReleases>(variables, token)?.about(product.as_str()))
        },
        |value, answer| Release::from_wire(answer.parse(value)?, answer),
    )
}

impl Mode {
    /// The release of a version, by its whole name.
    pub(crate) async fn release(&self, product: &ProductId, version: &str) -> Result<Release> {
        let mut list = list_in(self, all_releases(product));
        while let Some(release) = list.try_next().await? {
            if release.version() == version {
                return Ok(release);
            }
        }
        self.no_gap(list.skipped(), "releases")?;
        Err(Error::new(ErrorKind::NotFound, format!("there is no release {}", version.escape_debug()))
            .with_target(product.to_string())
            .advice("list the product's releases"))
    }
}
