//! Labels of products.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let labels = apollo.labels("com.example:mosquitto");
//! let labelled = labels.set("customer", "north").await?;
//! assert_eq!((labelled.labels[0].id.as_str(), labelled.labels[0].value.as_deref()), ("customer", Some("north")));
//! assert!(labels.remove("customer").await?.labels.is_empty());
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, ErrorKind, Result, names};

use crate::client::Apollo;
use crate::graphql::{RemoveLabel, Request, SetLabel, remove_label, set_label};
use crate::ids::ProductId;
use crate::model::Product;
use crate::mutation::{Mutation, Prepared};

/// Labels of one product. From [`Apollo::labels`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let labelled = apollo.labels("com.example:mosquitto").set("customer", "north").await?;
/// assert_eq!(labelled.labels[0].value.as_deref(), Some("north"));
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Labels {
    apollo: Apollo,
    product: Result<ProductId>,
}

impl Apollo {
    /// Labels of a product. An id that is none is told when something is awaited.
    pub fn labels(&self, product: impl TryInto<ProductId, Error: Into<Error>>) -> Labels {
        Labels { apollo: self.clone(), product: names::taken(product) }
    }
}

fn named(label: &str) -> Result<String> {
    if label.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "a label needs an id"));
    }
    Ok(label.to_owned())
}

impl Labels {
    /// Sets a label; the result tells the product with its labels.
    pub fn set(&self, label: impl Into<String>, value: impl Into<String>) -> Mutation<Product> {
        let (apollo, product, label, label_value) =
            (self.apollo.clone(), self.product.clone(), label.into(), value.into());
        Mutation::new(|_| async move {
            let (product, label_id) = (product?, named(&label)?);
            let variables = set_label::Variables { product_id: product.to_string(), label_id, label_value };
            let request = Request::of::<SetLabel>(variables)?.about(product.as_str());
            Ok(Prepared::one(&apollo, request, |answer| {
                Product::from_wire(answer.require("/apollo/setLabelOnProduct")?, answer)
            }))
        })
    }

    /// Removes a label; the result tells the product with its labels.
    pub fn remove(&self, label: impl Into<String>) -> Mutation<Product> {
        let (apollo, product, label) = (self.apollo.clone(), self.product.clone(), label.into());
        Mutation::new(|_| async move {
            let (product, label_id) = (product?, named(&label)?);
            let variables = remove_label::Variables { product_id: product.to_string(), label_id };
            let request = Request::of::<RemoveLabel>(variables)?.about(product.as_str());
            Ok(Prepared::one(&apollo, request, |answer| {
                Product::from_wire(answer.require("/apollo/removeLabelFromProduct")?, answer)
            }))
        })
    }
}
