//! An OpenID Connect provider, as a client of it: authorization code with PKCE, the ID token verified here.

mod discovery;
mod id_token;
mod keys;
mod person;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cube_sdk_core::engine::{Call, Clocks};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::settings::Settings;
use cube_sdk_core::{Clock, Engine, Error, ErrorKind, Idempotency, Operation, Result, SecretString};
use http::{HeaderValue, Method, header};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use self::discovery::Discovered;
use self::id_token::Expected;
use self::keys::Keys;
pub(crate) use self::person::Person;
use super::settings::{ClientAuth, OidcSettings};
use crate::random;

/// A code is good for one exchange, so it is sent once.
const EXCHANGE: Operation = Operation::new("oidc", "exchange", Idempotency::Once);
/// How long a person waits for their provider's answers.
const DEADLINE: Duration = Duration::from_secs(20);
/// The longest reply of a provider that is read.
const CAP: usize = 512 * 1024;

/// A provider of identities.
pub(crate) struct Provider {
    settings: OidcSettings,
    redirect: Url,
    clock: Clock,
    engine: Engine,
    discovered: Discovered,
    keys: Keys,
}

/// What a sign-in is ended with; kept where only its browser can end it.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub(crate) nonce: SecretString,
    pub(crate) verifier: SecretString,
}

/// A sign-in that begins.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) url: Url,
    pub(crate) state: SecretString,
    pub(crate) proof: Proof,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: SecretString,
}

impl Provider {
    /// `redirect` is the one address that the provider may send browsers back to.
    ///
    /// # Errors
    /// `Config` when the issuer is reached in clear over a network.
    pub(crate) fn new(settings: OidcSettings, redirect: Url, clock: Clock) -> Result<Self> {
        let mut ground = Settings::new().application("cube-cloud", env!("CARGO_PKG_VERSION")).clock(clock);
        if let Some(roots) = &settings.roots {
            ground = ground.extra_ca(roots.clone());
        }
        let ground = ground.ground()?;
        ground.check_clear_text("oidc.issuer", &settings.issuer_url)?;
        let mut clocks = Clocks::default();
        clocks.deadline = DEADLINE;
        let engine = ground.engine().clocks(clocks).response_cap(CAP).build();
        let discovered = Discovered::new(&settings, ground, engine.clone());
        let keys = Keys::new(clock, engine.clone());
        Ok(Self { settings, redirect, clock, engine, discovered, keys })
    }

    /// What people call it.
    pub(crate) fn label(&self) -> &str {
        &self.settings.label
    }

    /// Whose word it is.
    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// Those of the discovery: the provider does not answer, or is another than it says.
    pub(crate) async fn begin(&self) -> Result<Begun> {
        let document = self.discovered.get().await?;
        let (state, nonce, verifier) = (random::url_safe()?, random::url_safe()?, random::url_safe()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret().as_bytes()));
        let mut url = document.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", self.redirect.as_str())
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", state.expose_secret())
            .append_pair("nonce", nonce.expose_secret())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(Begun { url, state, proof: Proof { nonce, verifier } })
    }

    /// Who answered, when the answer names its issuer: another than ours has been mixed in.
    ///
    /// # Errors
    /// `PermissionDenied` for another issuer, or none where the provider promises to name itself.
    pub(crate) async fn check_issuer(&self, named: Option<&str>) -> Result<()> {
        let promised = self.discovered.get().await?.names_issuer;
        match named {
            Some(named) if named == self.settings.issuer => Ok(()),
            None if !promised => Ok(()),
            _ => Err(denied("the answer comes from another provider than the one that was asked")),
        }
    }

    /// Exchanges the code, and says who it stands for.
    ///
    /// # Errors
    /// `PermissionDenied` for a token that proves nothing; `Unauthenticated`, `InvalidInput` and others as the provider
    /// refuses; `Connect`, `Timeout` when it does not answer.
    pub(crate) async fn finish(&self, code: &SecretString, proof: &Proof) -> Result<Person> {
        let document = self.discovered.get().await?;
        let token = self.exchange(&document.token_endpoint, code, proof).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &proof.nonce,
            signature: self.settings.signature,
            now: self.clock.now(),
        };
        let kid = id_token::kid(&token)?;
        let set = self.keys.with(&document.jwks_uri, kid.as_deref()).await?;
        let claims = id_token::verified(&token, &set, &expected)?;
        Person::of(&claims, &self.settings)
    }

    async fn exchange(&self, endpoint: &Url, code: &SecretString, proof: &Proof) -> Result<SecretString> {
        let settings = &self.settings;
        let mut call = Call::new(EXCHANGE, Method::POST, endpoint.clone());
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", self.redirect.as_str()),
            ("code_verifier", proof.verifier.expose_secret()),
        ];
        match (&settings.client_secret, settings.client_auth) {
            (Some(secret), ClientAuth::ClientSecretBasic) => {
                call = call.header(header::AUTHORIZATION, basic(&settings.client_id, secret)?);
            }
            (Some(secret), ClientAuth::ClientSecretPost) => {
                fields.extend([("client_id", settings.client_id.as_str()), ("client_secret", secret.expose_secret())]);
            }
            (None, _) => fields.push(("client_id", &settings.client_id)),
        }
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let hidden = [Some(code), Some(&proof.verifier), settings.client_secret.as_ref()];
        let call = call
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .bytes(body)
            .hides(hidden.into_iter().flatten().cloned());
        Ok(self.engine.json::<Tokens>(&call).await?.id_token)
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

/// RFC 6749 §2.3.1: both form-encoded, then Basic.
fn basic(id: &str, secret: &SecretString) -> Result<HeaderValue> {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = SecretString::from(format!("{}:{}", encoded(id), encoded(secret.expose_secret())));
    let text = SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose_secret())));
    let mut value = HeaderValue::from_str(text.expose_secret())
        .map_err(|_| Error::new(ErrorKind::Config, "the client id or secret cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A proof that is none; the words are shown to the person.
fn denied(why: &str) -> Error {
    Error::new(ErrorKind::PermissionDenied, why)
}

/// Fetches JSON from the provider.
async fn fetched<T: serde::de::DeserializeOwned>(engine: &Engine, operation: Operation, url: Url) -> Result<T> {
    engine.json(&Call::new(operation, Method::GET, url)).await
}
