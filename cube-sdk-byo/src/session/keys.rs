//! The keys that a storage itself acts with: given, or found as AWS's own tools find them.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, Instant};

use aws_config::meta::ProviderChainError;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use cube_sdk_core::cached::{Cached, Fresh, Renewal};
use cube_sdk_core::error::{RetryReport, Sent, StopReason};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Clock, Error, ErrorKind, Result, SecretString, Timestamp};

/// Keys of containers, instances and sign-ins end: they are found anew this long before.
const MARGIN: Duration = Duration::from_secs(120);

/// The longest that all sources together may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys set in code.
#[derive(Clone)]
pub(crate) struct GivenKeys {
    pub(crate) id: String,
    pub(crate) secret: SecretString,
    pub(crate) token: Option<SecretString>,
}

impl GivenKeys {
    pub(crate) fn credentials(&self) -> Credentials {
        let token = self.token.as_ref().map(|token| token.expose_secret().to_owned());
        Credentials::new(&self.id, self.secret.expose_secret(), token, None, "set in code")
    }
}

impl fmt::Debug for GivenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenKeys").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Keys at hand.
#[derive(Clone, Debug)]
pub(crate) struct OwnKeys {
    pub(crate) keys: Credentials,
    pub(crate) expires: Option<Timestamp>,
}

/// An empty cell.
pub(crate) fn cell(clock: Clock) -> Cached<OwnKeys> {
    Cached::new(clock).renewal(Renewal::before_end(MARGIN)).patience(PATIENCE)
}

/// Asks the sources, in AWS's order.
pub(crate) async fn found(provider: Option<SharedCredentialsProvider>) -> Result<Fresh<OwnKeys>> {
    let begun = Instant::now();
    let Some(provider) = provider else { return Err(refused("there is no source of AWS keys", None, begun)) };
    match provider.provide_credentials().await {
        Ok(keys) => {
            let expires = keys.expiry().map(Timestamp::from);
            Ok(Fresh::new(OwnKeys { keys, expires }, expires))
        }
        Err(cause) => Err(refused(&words(&cause), Some(cause), begun)),
    }
}

/// Nothing was sent: there is nothing to sign with.
fn refused(words: &str, cause: Option<CredentialsError>, begun: Instant) -> Error {
    let error = Error::new(ErrorKind::Credentials, words)
        .with_sent(Sent::No)
        .with_transient(false)
        .with_retry(RetryReport::new(1, begun.elapsed(), StopReason::NotRetryable))
        .advice(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that has keys, or give keys in \
             code",
        );
    match cause {
        Some(cause) => error.cause(cause),
        None => error,
    }
}

/// Every source that was asked, and what it said.
fn words(error: &CredentialsError) -> String {
    let chain = error.source().and_then(|source| source.downcast_ref::<ProviderChainError<CredentialsError>>());
    let Some(chain) = chain else { return format!("AWS keys could not be had: {}", reasons(error)) };
    let said: Vec<_> =
        chain.attempts().iter().map(|attempt| format!("{}: {}", attempt.name(), reasons(attempt.error()))).collect();
    format!("no AWS keys were found; {}", said.join("; "))
}

/// An error and its causes, each once.
fn reasons(error: &(dyn StdError + 'static)) -> String {
    let mut words = Vec::new();
    let mut next = Some(error);
    while let Some(link) = next {
        let text = link.to_string();
        if words.last() != Some(&text) {
            words.push(text);
        }
        next = link.source();
    }
    words.join(": ")
}
