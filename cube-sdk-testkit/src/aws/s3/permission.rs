//! Who may do what: token, region, bucket, policies and KMS, in the order in which S3 looks at them.

use std::sync::Arc;

use s3s::{S3Request, S3Result};

use super::super::builder::WrongRegion;
use super::super::identity::{Caller, Rejected};
use super::super::policy::Document;
use super::super::state::State;
use super::exchange::{Decrypt, Exchange};
use super::failure::Failure;
use super::store::Entry;

/// A request whose caller, region and bucket are in order.
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) exchange: Arc<Exchange>,
    pub(super) bucket: String,
    pub(super) bucket_region: String,
    policy: Option<Arc<Document>>,
}

/// The exchange that the service put into the request.
pub(super) fn exchange_of<T>(request: &S3Request<T>) -> Arc<Exchange> {
    request.extensions.get::<Arc<Exchange>>().cloned().unwrap_or_default()
}

/// Checks key, token and expiry.
pub(super) fn authenticate<T>(state: &State, request: &S3Request<T>) -> S3Result<(Caller, Arc<Exchange>)> {
    let exchange = exchange_of(request);
    let Some(credentials) = &request.credentials else {
        return Err(exchange.fail(Failure::denied("Access Denied")));
    };
    let in_header = request.headers.get("x-amz-security-token").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let in_query = || {
        let query = request.uri.query().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(name, _)| name == "X-Amz-Security-Token").map(|(_, value)| value.into_owned())
    };
    let token = in_header.or_else(in_query);
    let admitted = state.directory.admit(&credentials.access_key, token.as_deref(), state.clock.now());
    let caller = admitted.map_err(|why| {
        let token = token.clone().unwrap_or_default();
        exchange.fail(match why {
            Rejected::UnknownKey => Failure::unknown_key(&credentials.access_key),
            Rejected::WrongToken => Failure::invalid_token(&token),
            Rejected::Expired => Failure::expired_token(&token),
        })
    })?;
    exchange.notes().caller = Some(caller.clone());
    Ok((caller, exchange))
}

/// [`authenticate`], then the bucket: that it exists, and that the request was signed for its region.
pub(super) fn admit<T>(state: &State, request: &S3Request<T>, bucket: &str) -> S3Result<Admitted> {
    let (caller, exchange) = authenticate(state, request)?;
    let found = state.store.buckets().get(bucket).map(|found| (found.region.clone(), found.policy.clone()));
    let Some((bucket_region, policy)) = found else {
        return Err(exchange.fail(Failure::no_such_bucket(bucket)));
    };
    let signed = request.region.as_ref().map_or(state.region.as_str(), |region| region.as_str());
    if signed != bucket_region {
        let shape = *state.wrong_region.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        return Err(exchange.fail(match shape {
            WrongRegion::PermanentRedirect => Failure::redirect(bucket, &bucket_region),
            WrongRegion::AuthorizationHeaderMalformed => Failure::wrong_scope(signed, &bucket_region),
        }));
    }
    Ok(Admitted { caller, exchange, bucket: bucket.to_owned(), bucket_region, policy })
}

impl Admitted {
    pub(super) fn bucket_arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.bucket)
    }

    pub(super) fn object_arn(&self, key: &str) -> String {
        format!("arn:aws:s3:::{}/{key}", self.bucket)
    }

    /// Decides `action`, failing in AWS's words.
    pub(super) fn require(&self, state: &State, action: &str, resource: &str, extra: &[(&str, &str)]) -> S3Result<()> {
        let decided = state.permit(&self.caller, action, resource, self.policy.as_deref(), extra);
        decided.map_err(|why| {
            // Across accounts S3 gives no reasons.
            let message = if self.caller.account() == state.account_id {
                format!(
                    "User: {} is not authorized to perform: {action} on resource: \"{resource}\" {}",
                    self.caller.arn(),
                    why.because(action)
                )
            } else {
                "Access Denied".to_owned()
            };
            self.exchange.fail(Failure::denied(&message))
        })
    }

    /// The object, once `action` on it is allowed. That it is missing is told only to those who may list the bucket.
    pub(super) fn find(&self, state: &State, action: &str, key: &str) -> S3Result<Entry> {
        self.require(state, action, &self.object_arn(key), &[])?;
        match state.store.get(&self.bucket, key) {
            Some(entry) => Ok(entry),
            None => {
                self.require(state, "s3:ListBucket", &self.bucket_arn(), &[("s3:prefix", key)])?;
                Err(self.exchange.fail(Failure::no_such_key(key)))
            }
        }
    }

    /// For an SSE-KMS object, asks the key on the caller's behalf.
    pub(super) fn decrypt(&self, state: &State, entry: &Entry, key: &str) -> S3Result<()> {
        let Some(key_arn) = &entry.object.kms_key_arn else {
            return Ok(());
        };
        let via = format!("s3.{}.amazonaws.com", self.bucket_region);
        let decided = state.permit(&self.caller, "kms:Decrypt", key_arn, None, &[("kms:viaservice", &via)]);
        let denied = decided.err().map(|why| {
            format!(
                "User: {} is not authorized to perform: kms:Decrypt on resource: {key_arn} {}",
                self.caller.arn(),
                why.because("kms:Decrypt")
            )
        });
        self.exchange.notes().decrypt =
            Some(Decrypt { key_arn: key_arn.clone(), object_arn: self.object_arn(key), denied: denied.clone() });
        match denied {
            None => Ok(()),
            Some(message) => Err(self.exchange.fail(Failure::denied(&message))),
        }
    }
}
