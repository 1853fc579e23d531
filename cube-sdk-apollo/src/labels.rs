//! Labels of products.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let product = "com.example:mosquitto".parse()?;
//! let labelled = apollo.labels(&product).set("customer", "north").await?;
//! assert_eq!(labelled.labels, [("customer".to_owned(), "north".to_owned())]);
//! assert!(apollo.labels(&product).remove("customer").await?.labels.is_empty());
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, ErrorKind, Result};

use crate::client::Apollo;
use crate::graphql::{RemoveLabel, Request, SetLabel, remove_label, set_label};
use crate::ids::ProductId;
use crate::products::Product;
use crate::write::Write;

/// Labels of one product. From [`Apollo::labels`].
#[derive(Clone, Debug)]
pub struct Labels {
    apollo: Apollo,
    product: ProductId,
}

impl Apollo {
    /// Labels of a product.
    pub fn labels(&self, product: &ProductId) -> Labels {
        Labels { apollo: self.clone(), product: product.clone() }
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
    pub fn set(&self, label: impl Into<String>, value: impl Into<String>) -> Write<Product> {
        let (apollo, product_id, label, label_value) =
            (self.apollo.clone(), self.product.to_string(), label.into(), value.into());
        Write::new(|_| async move {
            let label_id = named(&label)?;
            let about = product_id.clone();
            let variables = set_label::Variables { product_id, label_id, label_value };
            let answer = apollo.send(Request::of::<SetLabel>(variables)?.about(about), false).await?;
            Product::from_wire(answer.require("/apollo/setLabelOnProduct")?, &answer)
        })
    }

    /// Removes a label; the result tells the product with its labels.
    pub fn remove(&self, label: impl Into<String>) -> Write<Product> {
        let (apollo, product_id, label) = (self.apollo.clone(), self.product.to_string(), label.into());
        Write::new(|_| async move {
            let label_id = named(&label)?;
            let about = product_id.clone();
            let variables = remove_label::Variables { product_id, label_id };
            let answer = apollo.send(Request::of::<RemoveLabel>(variables)?.about(about), false).await?;
            Product::from_wire(answer.require("/apollo/removeLabelFromProduct")?, &answer)
        })
    }
}
