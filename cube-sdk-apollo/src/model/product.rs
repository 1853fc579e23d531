//! Products, and where which version of one is installed.

use cube_sdk_core::Result;
use serde::Serialize;

use crate::answer::Answer;
use crate::graphql::wire;
use crate::model::{Entity, Environment};

/// A product.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Product {
    /// `group:artifact`, as the server wrote it.
    pub id: String,
    /// Its labels.
    pub labels: Vec<ProductLabel>,
}

/// A label of a product.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProductLabel {
    /// Its id.
    pub id: String,
    /// Its value, where told.
    pub value: Option<String>,
}

impl Product {
    pub(crate) fn from_wire(wire: wire::Product, answer: &Answer) -> Result<Self> {
        let labels = answer.whole(Some(wire.labels), "/product/labels")?.into_iter();
        Ok(Self {
            id: wire.product_id.ok_or_else(|| answer.absent("/product/productId"))?,
            labels: labels
                .map(|label| {
                    let id = answer.need(label.label_id, "/product/labels/labelId")?;
                    Ok(ProductLabel { id, value: label.label_value })
                })
                .collect::<Result<_>>()?,
        })
    }
}

/// The entities of one product on one environment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InstalledVersions {
    /// The environment.
    pub environment: Environment,
    /// Its entities of the product, with version, rollout, health and release channel.
    pub entities: Vec<Entity>,
}
