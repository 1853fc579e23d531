//! Apollo itself as the publisher, with credentials of one's own.

use async_trait::async_trait;
use cube_sdk_core::{Result, SecretString};

use super::Publish;
use super::publisher::Publisher;
use crate::fault::SaysGone as _;
use crate::publish::{ChartVersion, Registry};
use crate::{Apollo, ProductId};

/// Whom docker logs in as where the password is Apollo's token, as the published agent has it.
const DOCKER_USER: &str = "apollo";

impl Apollo {
    /// Publishing of charts: packaging, images, the registry, releases.
    pub fn publish(&self) -> Publish {
        Publish::by(self.clone())
    }
}

#[async_trait]
impl Publisher for Apollo {
    fn registry(&self) -> Result<Registry> {
        Registry::builder_at(self.url())?.settings(self.settings().clone()).credentials(self.credentials()).build()
    }

    async fn docker_login(&self) -> Result<(String, SecretString)> {
        Ok((DOCKER_USER.to_owned(), self.access_token().await?))
    }

    async fn has_release(&self, product: &ProductId, version: &ChartVersion) -> Result<bool> {
        match self.releases(product.clone()).get(version.as_str()).await {
            Ok(_) => Ok(true),
            // A gateway that finds nothing proves nothing.
            Err(error) if error.says_not_listed() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn release(&self, _: &ProductId, manifest: String) -> Result<()> {
        self.manifests().publish(manifest).await.map(drop)
    }

    async fn promote(&self, product: &ProductId, version: &ChartVersion, channels: &[String]) -> Result<()> {
        self.channels().add(format!("{product}:{version}").as_str(), channels.to_vec()).await.map(drop)
    }
}
