//! Products, and where which version of one runs.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! for product in apollo.products().list().collect_up_to(1_000).await? {
//!     println!("{} {:?}", product.id, product.labels);
//! }
//! let product = "com.example:mosquitto".parse()?;
//! let versions = apollo.products().compare(&product, ["cube-7", "cube-8"]).await?;
//! assert_eq!(versions[0].entities[0].version(), Some("1.10"));
//! assert!(versions[1].entities.is_empty());
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::Result;
use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;

use crate::client::{Answer, Apollo};
use crate::drain::{Listing, Shape, Source};
use crate::entities::Entity;
use crate::entities::reads::entity_pages;
use crate::environments::Environment;
use crate::graphql::{EnvironmentVersions, ListProducts, Request, environment_versions, list_products, wire};
use crate::ids::ProductId;
use crate::read::Read;
use crate::resolve::{EnvironmentRef, Match};

/// Environments that are asked at the same time when versions are compared.
const AT_ONCE: usize = 8;

/// Products of the fleet. From [`Apollo::products`].
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
        Listing::new(&self.apollo, shape, |_| async {
            Ok(Source {
                request: Box::new(|token| {
                    let page_token = token.map(str::to_owned);
                    Request::of::<ListProducts>(list_products::Variables { page_size: 200, page_token })
                }),
                item: Box::new(|value, answer| Product::from_wire(answer.parse(value)?, answer)),
            })
        })
    }

    /// The installed versions of a product on several environments, asked eight at a time, in the order given.
    pub fn compare<E: Into<EnvironmentRef>>(
        &self,
        product: &ProductId,
        environments: impl IntoIterator<Item = E>,
    ) -> Read<Vec<InstalledVersions>> {
        let references: Vec<EnvironmentRef> = environments.into_iter().map(Into::into).collect();
        let (apollo, product) = (self.apollo.clone(), product.to_string());
        Read::new(&self.apollo, |session| async move {
            let asked = references.into_iter().map(|reference| {
                let (session, apollo, product) = (session.clone(), apollo.clone(), product.clone());
                async move {
                    let environment = session.environment(&reference, Match::Free).await?;
                    let list = entity_pages::<EnvironmentVersions, _>(
                        &apollo,
                        (&environment).into(),
                        &["id", "rid"],
                        |id| environment_versions::Variables { id },
                        |wire, _, answer| Entity::from_wire(wire, answer),
                    );
                    let mut entities = list.within(&session).collect_up_to(usize::MAX).await?;
                    entities.retain(|entity| entity.product.as_deref() == Some(product.as_str()));
                    Ok(InstalledVersions { environment, entities })
                }
            });
            futures_util::stream::iter(asked).buffered(AT_ONCE).try_collect().await
        })
    }
}
