//! Who may do what: token, region, bucket, policies and KMS, in the order in which S3 looks at them.

use std::collections::BTreeMap;
use std::sync::Arc;

use s3s::{S3Request, S3Result};

use super::super::identity::{Caller, Rejected};
use super::super::policy::Document;
use super::super::state::{State, WrongRegion};
use super::exchange::{Exchange, KeyUse};
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
        exchange.notes().anonymous = true;
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
        let shape = state.settings.switches().wrong_region;
        return Err(exchange.fail(match shape {
            WrongRegion::PermanentRedirect => Failure::redirect(bucket, &bucket_region),
            WrongRegion::AuthorizationHeaderMalformed => Failure::wrong_scope(signed, &bucket_region),
        }));
    }
    let owner = request.headers.get("x-amz-expected-bucket-owner").and_then(|value| value.to_str().ok());
    if owner.is_some_and(|owner| owner != state.account_id) {
        return Err(exchange.fail(Failure::denied("Access Denied")));
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
        let facts = self.exchange.facts.iter().map(|(key, value)| (*key, value.as_str()));
        let extra: Vec<(&str, &str)> = facts.chain(extra.iter().copied()).collect();
        let decided = state.permit(&self.caller, action, resource, self.policy.as_deref(), &extra);
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

    /// `x-amz-bucket-region`, which S3 adds where a bucket itself is asked about.
    pub(super) fn region_header(&self) -> http::HeaderMap {
        let value = http::HeaderValue::from_str(&self.bucket_region).ok();
        value.map(|value| (http::HeaderName::from_static("x-amz-bucket-region"), value)).into_iter().collect()
    }

    /// The objects of the bucket, once listing them is allowed.
    pub(super) fn list(
        &self,
        state: &State,
        prefix: Option<&str>,
        delimiter: Option<&str>,
        max_keys: Option<i32>,
    ) -> S3Result<BTreeMap<String, Entry>> {
        let limit = max_keys.map(|limit| limit.to_string());
        // A prefix that is not given is an empty one to a policy; what else is not given is not there.
        let mut facts = vec![("s3:prefix", prefix.unwrap_or_default())];
        facts.extend(delimiter.map(|delimiter| ("s3:delimiter", delimiter)));
        facts.extend(limit.as_deref().map(|limit| ("s3:max-keys", limit)));
        self.require(state, "s3:ListBucket", &self.bucket_arn(), &facts)?;
        Ok(state.store.buckets().get(&self.bucket).map(|bucket| bucket.objects.clone()).unwrap_or_default())
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
        self.use_key(state, "kms:Decrypt", entry.object.attributes.kms_key_arn.as_deref(), key)
    }

    /// Asks a KMS key for `action` on the caller's behalf; nothing to ask without a key.
    pub(super) fn use_key(
        &self,
        state: &State,
        action: &'static str,
        key_arn: Option<&str>,
        key: &str,
    ) -> S3Result<()> {
        let Some(key_arn) = key_arn else { return Ok(()) };
        let kms = state.kms.get(key_arn);
        let via = format!("s3.{}.amazonaws.com", self.bucket_region);
        let decided = state.permit(&self.caller, action, key_arn, kms.policy.as_deref(), &[("kms:viaservice", &via)]);
        let failure = match (decided, kms.state.trouble(key_arn)) {
            (Err(why), _) => {
                let words = state.settings.switches().kms_refusal;
                Some(Failure::denied(&words.words(&self.caller.arn(), action, key_arn, &why.because(action))))
            }
            (Ok(()), Some((code, message))) => Some(Failure::bad_request(code, &message)),
            (Ok(()), None) => None,
        };
        let error = failure.as_ref().map(|failure| {
            // KMS itself calls its errors by other names than S3 does.
            let code = failure.code.strip_prefix("KMS.").unwrap_or(&failure.code);
            (code.to_owned(), failure.message.clone())
        });
        self.exchange.notes().key_use =
            Some(KeyUse { action, key_arn: key_arn.to_owned(), object_arn: self.object_arn(key), error });
        failure.map_or(Ok(()), |failure| Err(self.exchange.fail(failure)))
    }
}
