//! What the provider says of itself.

use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::cached::{Cached, Fresh};
use cube_sdk_core::config::join;
use cube_sdk_core::settings::Ground;
use cube_sdk_core::{Engine, Error, ErrorKind, Idempotency, Operation, Result};
use serde::Deserialize;
use url::Url;

use super::fetched;
use crate::cloud::settings::OidcSettings;

const DISCOVER: Operation = Operation::new("oidc", "discover", Idempotency::Read);
/// How long a document is taken for good.
const LIFE: Duration = Duration::from_secs(3600);

/// As much of the document as is needed.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Document {
    issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    /// Does an answer name its issuer (RFC 9207)?
    #[serde(rename = "authorization_response_iss_parameter_supported", default)]
    pub(super) names_issuer: bool,
}

/// The document, fetched when it is needed.
pub(super) struct Discovered {
    issuer: String,
    url: Url,
    ground: Ground,
    engine: Engine,
    held: Cached<Arc<Document>>,
}

impl Discovered {
    pub(super) fn new(settings: &OidcSettings, ground: Ground, engine: Engine) -> Self {
        Self {
            issuer: settings.issuer.clone(),
            url: join(&settings.issuer_url, &[".well-known", "openid-configuration"]),
            held: Cached::new(*ground.clock()),
            ground,
            engine,
        }
    }

    pub(super) async fn get(&self) -> Result<Arc<Document>> {
        let (issuer, url) = (self.issuer.clone(), self.url.clone());
        let (ground, engine) = (self.ground.clone(), self.engine.clone());
        let fetch = move || async move {
            let document: Document = fetched(&engine, DISCOVER, url).await?;
            if document.issuer != issuer {
                let words = format!("the provider calls itself `{}`", document.issuer.escape_debug());
                return Err(Error::new(ErrorKind::Config, words)
                    .with_target(issuer)
                    .advice("set `oidc.issuer` to exactly what the provider's discovery document says"));
            }
            for endpoint in [&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri] {
                if !matches!(endpoint.scheme(), "http" | "https") {
                    return Err(Error::new(ErrorKind::Config, "the provider names an endpoint that is no web address"));
                }
                ground.check_clear_text("the provider's endpoint", endpoint)?;
            }
            Ok(Fresh::new(Arc::new(document), Some(ground.clock().now().saturating_add(LIFE))))
        };
        self.held.get(fetch).await
    }
}
