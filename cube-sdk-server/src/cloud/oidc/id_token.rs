//! The ID token: whose signature, for whom, until when, and for which sign-in (OpenID Connect Core 3.1.3.7).

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Result, SecretString, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use super::denied;
use crate::cloud::settings::Signature;

/// How far the provider's clock may be from ours, in seconds.
const LEEWAY: f64 = 30.0;

pub(super) type Claims = Map<String, Value>;

/// What the token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a SecretString,
    pub(super) signature: Signature,
    pub(super) now: Timestamp,
}

/// Which key the token says it is signed with.
pub(super) fn kid(token: &SecretString) -> Result<Option<String>> {
    let header = jsonwebtoken::decode_header(token.expose_secret());
    Ok(header.map_err(|_| denied("the provider's ID token cannot be read"))?.kid)
}

/// The claims of a token that holds.
///
/// # Errors
/// `PermissionDenied`, saying which check failed.
pub(super) fn verified(token: &SecretString, keys: &[Jwk], expected: &Expected<'_>) -> Result<Claims> {
    let token = token.expose_secret();
    let header = jsonwebtoken::decode_header(token).map_err(|_| denied("the provider's ID token cannot be read"))?;
    if header.crit.is_some() {
        return Err(denied("the ID token demands what is not known here"));
    }
    let algorithm = match expected.signature {
        Signature::Rs256 => Algorithm::RS256,
        Signature::Es256 => Algorithm::ES256,
    };
    let key = chosen(keys, header.kid.as_deref(), expected.signature)
        .ok_or_else(|| denied("the ID token is signed with a key that is not the provider's"))?;
    let key = DecodingKey::from_jwk(key).map_err(|_| denied("the provider's key cannot be used"))?;
    let mut validation = Validation::new(algorithm);
    // The claims are checked below, by our clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let data = jsonwebtoken::decode::<Claims>(token, &key, &validation);
    let claims = data.map_err(|_| denied("the signature of the ID token does not hold"))?.claims;
    check(&claims, expected)?;
    Ok(claims)
}

/// The key of this id, or the only one that fits where the token names none.
fn chosen<'a>(keys: &'a [Jwk], kid: Option<&str>, signature: Signature) -> Option<&'a Jwk> {
    let mut fitting = keys.iter().filter(|key| {
        let (kind, algorithm) = match signature {
            Signature::Rs256 => (matches!(key.algorithm, AlgorithmParameters::RSA(_)), KeyAlgorithm::RS256),
            Signature::Es256 => (matches!(key.algorithm, AlgorithmParameters::EllipticCurve(_)), KeyAlgorithm::ES256),
        };
        let common = &key.common;
        kind && common.key_algorithm.is_none_or(|named| named == algorithm)
            && common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature)
            && kid.is_none_or(|kid| common.key_id.as_deref() == Some(kid))
    });
    let found = fitting.next()?;
    fitting.next().is_none().then_some(found)
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<()> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(denied("the ID token comes from another issuer"));
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audiences.contains(&expected.client_id) {
        return Err(denied("the ID token is for another application"));
    }
    let authorized = claims.get("azp");
    if authorized.is_none() && audiences.len() > 1
        || authorized.is_some_and(|azp| azp.as_str() != Some(expected.client_id))
    {
        return Err(denied("the ID token was given to another application"));
    }
    let now = expected.now.as_millisecond() as f64 / 1000.0;
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    if time("exp").is_none_or(|end| now >= end + LEEWAY) {
        return Err(denied("the ID token has expired"));
    }
    if time("iat").is_none_or(|issued| issued > now + LEEWAY) {
        return Err(denied("the ID token was issued in the future"));
    }
    if claims.contains_key("nbf") && time("nbf").is_none_or(|begin| begin > now + LEEWAY) {
        return Err(denied("the ID token is not good yet"));
    }
    if text("nonce") != Some(expected.nonce.expose_secret()) {
        return Err(denied("the ID token is for another sign-in"));
    }
    if text("sub").is_none_or(str::is_empty) {
        return Err(denied("the ID token does not say who it is for"));
    }
    Ok(())
}
