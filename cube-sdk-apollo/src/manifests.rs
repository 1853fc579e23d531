//! Publishing: a product, then a release from its manifest.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use cube_sdk_apollo::manifests::CreatedProduct;
//!
//! let manifests = apollo.manifests();
//! let product = "com.example:new-app";
//! assert_eq!(manifests.create_product(product).await?, CreatedProduct::Created);
//! assert_eq!(manifests.create_product(product).await?, CreatedProduct::AlreadyExists);
//! let manifest = "manifest-version: 1.0\nproduct-group: com.example\nproduct-name: new-app\nproduct-version: 1.0.0\n";
//! let release = manifests.create_release(manifest).await?;
//! assert_eq!(release.coordinate, "com.example:new-app:1.0.0");
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, ErrorKind, Result, names};
use serde::Serialize;
use serde_json::Value;

use crate::answer::Answer;
use crate::client::Apollo;
use crate::entity_config::value_of;
use crate::graphql::{CreateProduct, CreateProductRelease, Request, create_product, create_product_release, wire};
use crate::ids::{ProductId, Rid};
use crate::mutation::{Mutation, Prepared};

/// What came of creating a product.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum CreatedProduct {
    /// It is new.
    Created,
    /// It was there already, which is fine.
    AlreadyExists,
    /// A kind of result that this version does not know, by its type name.
    Unknown(String),
}

/// A release that was published.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PublishedRelease {
    /// The RID.
    pub rid: Rid,
    /// `group:artifact:version`.
    pub coordinate: String,
}

/// Publishing of manifests. From [`Apollo::manifests`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_apollo::manifests::CreatedProduct;
///
/// let manifests = apollo.manifests();
/// assert_eq!(manifests.create_product("com.example:new-app").await?, CreatedProduct::Created);
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Manifests {
    apollo: Apollo,
}

impl Apollo {
    /// Publishing of products and releases.
    pub fn manifests(&self) -> Manifests {
        Manifests { apollo: self.clone() }
    }
}

impl Manifests {
    /// Makes sure that a product exists.
    pub fn create_product(&self, product: impl TryInto<ProductId, Error: Into<Error>>) -> Mutation<CreatedProduct> {
        let (apollo, product) = (self.apollo.clone(), names::taken(product));
        Mutation::new(|_| async move {
            Ok(Prepared::one(&apollo, product_request(&product?)?, |answer| {
                let result: wire::TypeName = answer.require("/apollo/createProduct")?;
                Ok(match result.type_name.as_deref().unwrap_or_default() {
                    "ApolloProduct" => CreatedProduct::Created,
                    "ApolloProductAlreadyExists" => CreatedProduct::AlreadyExists,
                    other => CreatedProduct::Unknown(other.to_owned()),
                })
            }))
        })
    }

    /// Publishes the release that a manifest describes; its product must exist.
    pub fn create_release(&self, manifest: impl Into<String>) -> Mutation<PublishedRelease> {
        let (apollo, manifest) = (self.apollo.clone(), manifest.into());
        Mutation::new(|_| async move {
            Ok(Prepared::one(&apollo, release_of(manifest)?, |answer| {
                published(answer.require("/apollo/createProductReleaseFromManifestV2")?, answer)
            }))
        })
    }

    /// Publishes the release that a manifest describes, after its product where there is none.
    ///
    /// ```
    /// # cube_sdk_testkit::apollo::tour(async |world| {
    /// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
    /// let manifest = "manifest-version: 1.0\nproduct-group: com.example\nproduct-name: fresh\nproduct-version: 1.0.0\n";
    /// let shown = apollo.manifests().publish(manifest).dry_run().await?; // two steps; nothing is sent
    /// assert_eq!(shown.followed_by.len(), 1);
    /// assert_eq!(apollo.manifests().publish(manifest).await?.coordinate, "com.example:fresh:1.0.0");
    /// # Ok::<(), cube_sdk_core::Error>(()) });
    /// ```
    pub fn publish(&self, manifest: impl Into<String>) -> Mutation<PublishedRelease> {
        let (manifests, manifest) = (self.clone(), manifest.into());
        Mutation::new(|_| async move {
            let release = release_of(manifest.clone())?;
            // A manifest that names no product is Apollo's to refuse, in its own words.
            let Some(product) = product_of(&manifest) else {
                return Ok(Prepared::of(&release, move || async move { manifests.create_release(manifest).await }));
            };
            let first = product_request(&product)?;
            let run = move || async move {
                manifests.create_product(product).await?;
                manifests.create_release(manifest).await
            };
            Ok(Prepared::of(&first, run).followed_by(&release))
        })
    }
}

fn product_request(product: &ProductId) -> Result<Request> {
    let product_id = product.to_string();
    let about = product_id.clone();
    Ok(Request::of::<CreateProduct>(create_product::Variables { product_id })?.about(about))
}

fn release_of(product_release_manifest: String) -> Result<Request> {
    if product_release_manifest.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the manifest is empty"));
    }
    Request::of::<CreateProductRelease>(create_product_release::Variables { product_release_manifest })
}

/// The product that a manifest names.
fn product_of(manifest: &str) -> Option<ProductId> {
    let read = value_of(manifest)?;
    let text = |name: &str| read.get(name).and_then(Value::as_str);
    format!("{}:{}", text("product-group")?, text("product-name")?).parse().ok()
}

fn published(outcome: wire::ReleaseOutcome, answer: &Answer) -> Result<PublishedRelease> {
    let coordinate = outcome.maven_coordinate.unwrap_or_default();
    let refused =
        |kind, words: String| Err(answer.error(kind, words).with_code(outcome.type_name.clone().unwrap_or_default()));
    match outcome.type_name.as_deref().unwrap_or_default() {
        "ApolloProductRelease" => {
            let rid = outcome.rid.ok_or_else(|| answer.absent("/release/rid"))?;
            Ok(PublishedRelease { rid: rid.into(), coordinate })
        }
        "ApolloProductReleaseFailedToDeserializeManifest" => {
            let why = outcome.message.unwrap_or_default();
            refused(ErrorKind::InvalidInput, format!("Apollo cannot read the manifest: {why}"))
        }
        "ApolloProductReleaseRejected" => {
            let reasons = outcome.rejection_reasons.items.into_iter().map(|reason| {
                let details = reason
                    .metadata
                    .items
                    .into_iter()
                    .map(|pair| format!("{}={}", pair.key.unwrap_or_default(), pair.value.unwrap_or_default()));
                let details: Vec<_> = details.collect();
                let message = reason.message.unwrap_or_default();
                if details.is_empty() { message } else { format!("{message} ({})", details.join(", ")) }
            });
            let reasons: Vec<_> = reasons.collect();
            refused(ErrorKind::Conflict, format!("Apollo rejected release {coordinate}: {}", reasons.join("; ")))
        }
        other => refused(ErrorKind::Decode, format!("an unknown result came back: {other}")),
    }
}
