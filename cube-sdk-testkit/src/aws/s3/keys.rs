//! The secrets that s3s checks signatures with.

use std::sync::Arc;

use async_trait::async_trait;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Result};
use secrecy::ExposeSecret as _;

use super::super::state::State;

/// Secrets for s3s's signature check; expiry and tokens are looked at later, with the request at hand.
pub(crate) struct Keys(pub(crate) Arc<State>);

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.directory.secret(access_key) {
            Some(secret) => Ok(SecretKey::from(secret.expose_secret())),
            None => {
                let message = "The AWS Access Key Id you provided does not exist in our records.";
                Err(S3Error::with_message(S3ErrorCode::InvalidAccessKeyId, message))
            }
        }
    }
}
