//! Releases through cube-cloud: its token for the registry, its tool for the manifest. No Apollo credentials are needed here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_apollo::ProductId;
use cube_sdk_apollo::config::{DEFAULT_URL, URL};
use cube_sdk_apollo::publish::{ChartVersion, Publish, Publisher, Registry, RegistryHost};
use cube_sdk_core::config::parse_base_url;
use cube_sdk_core::credentials::{CachedCredentials, Credentials, Grant};
use cube_sdk_core::secret::bearer;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use url::Url;

use super::Cloud;
use super::fault::CloudErrorExt as _;
use super::tools::{Answer, RegistryToken};

/// Whom docker logs in as where the service does not say, as the published agent has it.
const DOCKER_USER: &str = "apollo";

/// How long before its end a token is renewed, where its end is known.
const EARLY: Duration = Duration::from_secs(60);

/// At most so many pages of releases are looked through for one that is there already.
const PAGES: usize = 10;

impl Cloud {
    /// Publishing of charts through the service: the registry's token and the release come from it, so that a key of
    /// cube-cloud is all that is needed. `CUBE_APOLLO_URL` names the host of the registry.
    ///
    /// ```
    /// use cube_sdk::apollo::publish::Chart;
    /// use cube_sdk::prelude::*;
    /// # use cube_sdk_server::local::World;
    /// # #[tokio::main]
    /// # async fn main() -> Result<()> {
    /// # let world = World::start().await?;
    /// # let cube = Cube::builder().environment(world.environment()).build();
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path().join("web");
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    /// // In a program of yours: Cube::from_env()?
    /// let plan = cube.cloud()?.publish().release(&Chart::find(Some(&folder))?).plan()?; // nothing is sent
    /// let report = plan.run().await?;
    /// assert_eq!(report.release, "com.edgescaleai-cube:web:1.4.3");
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish(&self) -> Publish {
        Publish::by(ByCloud(self.clone()))
    }
}

/// cube-cloud as the publisher.
#[derive(Debug)]
struct ByCloud(Cloud);

impl ByCloud {
    /// Where the registry is: at Apollo's host.
    fn place(&self) -> Result<Url> {
        match self.0.service().ground().environment().url(URL)? {
            Some(url) => Ok(url.value),
            None => parse_base_url(DEFAULT_URL),
        }
    }
}

/// The service's token for a registry.
#[derive(Debug)]
struct Token {
    cloud: Cloud,
    place: Url,
}

impl Token {
    /// A token that is meant for this registry: another one's would be given away.
    async fn get(&self) -> Result<RegistryToken> {
        let token = self.cloud.acr_get_token().await?.into_data()?;
        let own = RegistryHost::of_url(&self.place)?;
        match &token.registry {
            Some(registry) if !registry.eq_ignore_ascii_case(own.as_str()) => {
                let words = format!("cube-cloud's token is for the registry {registry}, not for {own}");
                Err(Error::new(ErrorKind::Config, words)
                    .with_target(URL.env)
                    .advice(format!("set {} to the Apollo behind cube-cloud", URL.env)))
            }
            _ => Ok(token),
        }
    }
}

#[async_trait]
impl Credentials for Token {
    async fn grant(&self) -> Result<Grant> {
        Ok(Grant { authorization: bearer(&self.get().await?.token)?, expires_at: None })
    }

    async fn refused(&self, _: &Grant) -> bool {
        true
    }
}

#[async_trait]
impl Publisher for ByCloud {
    fn registry(&self) -> Result<Registry> {
        let (service, place) = (self.0.service(), self.place()?);
        let token = Token { cloud: self.0.clone(), place: place.clone() };
        let credentials = CachedCredentials::new(token, EARLY, *service.ground().clock());
        let builder = Registry::builder_at(&place)?.settings(service.settings().clone());
        builder.credentials(Arc::new(credentials)).build()
    }

    async fn docker_login(&self) -> Result<(String, SecretString)> {
        let token = Token { cloud: self.0.clone(), place: self.place()? }.get().await?;
        Ok((token.username.unwrap_or_else(|| DOCKER_USER.to_owned()), token.token))
    }

    async fn has_release(&self, product: &ProductId, version: &ChartVersion) -> Result<bool> {
        let wanted = format!("{product}:{version}");
        let mut cursor = None;
        for _ in 0..PAGES {
            let call = self.0.get_product_releases(product.as_str()).page_size(50);
            let call = match cursor.take() {
                Some(cursor) => call.cursor(cursor),
                None => call,
            };
            let page = match call.await.and_then(Answer::into_data) {
                Ok(page) => page,
                Err(error) if tells_nothing(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            if page.releases.iter().any(|release| release.coordinate == wanted) {
                return Ok(true);
            }
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(false)
    }

    async fn release(&self, _: &ProductId, manifest: String) -> Result<()> {
        self.0.apollo_publish_manifest(manifest).await.map(drop)
    }

    async fn promote(&self, product: &ProductId, version: &ChartVersion, channels: &[String]) -> Result<()> {
        let call = self.0.add_product_to_release_channel(product.as_str(), version.as_str(), channels);
        call.rationale(format!("{product}:{version} was published")).await.map(drop)
    }
}

/// Does a failed look at the releases say no more than that none is known: no such product, or no such right? A service that
/// names no kinds is taken so too. What is wrong beyond that fails the release itself.
fn tells_nothing(error: &Error) -> bool {
    let kind = error.tool_fault().map_or_else(|| Some(error.kind()), |fault| fault.kind);
    kind.is_none_or(|kind| {
        use ErrorKind::{InvalidInput, NotFound, PermissionDenied, Unsupported};
        matches!(kind, NotFound | PermissionDenied | InvalidInput | Unsupported)
    })
}
