//! Products, and where which version of one runs.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! for product in apollo.products().list().collect_up_to(1_000).await? {
//!     println!("{} {:?}", product.id, product.labels);
//! }
//! let versions = apollo.products().compare("com.example:mosquitto", ["cube-7", "cube-8"]).await?;
//! assert_eq!(versions[0].entities[0].version(), Some("1.10"));
//! assert!(versions[1].entities.is_empty());
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::listing::Listing;
use cube_sdk_core::{Error, names};
use futures_util::{StreamExt, TryStreamExt};

use crate::choice::Match;
use crate::client::Apollo;
use crate::graphql::{EnvironmentVersions, ListProducts, Request, environment_versions, list_products};
use crate::ids::ProductId;
use crate::listing::{BY_ID, Shape, Source, entities, list};
use crate::model::Entity;
pub use crate::model::{InstalledVersions, Product, ProductLabel};
use crate::query::Query;
use crate::references::EnvironmentRef;

/// Environments that are asked at the same time when versions are compared.
const AT_ONCE: usize = 8;

/// Products of the fleet. From [`Apollo::products`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let versions = apollo.products().compare("com.example:mosquitto", ["cube-7", "cube-8"]).await?;
/// assert_eq!(versions[0].entities[0].version(), Some("1.10"));
/// assert!(versions[1].entities.is_empty()); // it is not installed there
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Products {
    apollo: Apollo,
}

impl Apollo {
    /// Products: list, compare.
    pub fn products(&self) -> Products {
        Products { apollo: self.clone() }
    }
}

impl Products {
    /// Every product, 200 to a page.
    pub fn list(&self) -> Listing<Product> {
        let shape = Shape { page: "/apollo/products", list: "products", identity: &["productId"] };
        list(&self.apollo, move |_| async move {
            Ok(Source::items(
                shape,
                |token| {
                    let page_token = token.map(str::to_owned);
                    Request::of::<ListProducts>(list_products::Variables { page_size: 200, page_token })
                },
                |value, answer| Product::from_wire(answer.parse(value)?, answer),
            ))
        })
    }

    /// The installed versions of a product on several environments, asked eight at a time, in the order given.
    pub fn compare<E: Into<EnvironmentRef>>(
        &self,
        product: impl TryInto<ProductId, Error: Into<Error>>,
        environments: impl IntoIterator<Item = E>,
    ) -> Query<Vec<InstalledVersions>> {
        let references: Vec<EnvironmentRef> = environments.into_iter().map(Into::into).collect();
        let product = names::taken(product);
        Query::new(&self.apollo, |mode| async move {
            let product = product?;
            let asked = references.into_iter().map(|reference| {
                let (mode, product) = (mode.clone(), product.clone());
                async move {
                    let environment = mode.environment(&reference, Match::Free).await?;
                    let all = entities::<EnvironmentVersions, _>(
                        &environment,
                        BY_ID,
                        |id| environment_versions::Variables { id },
                        |wire, _, answer| Entity::from_wire(wire, answer),
                    );
                    let mut entities = mode.whole(all, "entities").await?;
                    entities.retain(|entity| entity.product.as_deref() == Some(product.as_str()));
                    Ok(InstalledVersions { environment, entities })
                }
            });
            futures_util::stream::iter(asked).buffered(AT_ONCE).try_collect().await
        })
    }
}
