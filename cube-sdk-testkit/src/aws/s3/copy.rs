//! The source of a copy.

use http::HeaderMap;
use s3s::S3Result;
use s3s::dto::CopySource;

use super::super::state::State;
use super::condition;
use super::failure::Failure;
use super::permission::Admitted;
use super::store::Entry;

/// The object that is to be copied: readable by the caller, its conditions held, not archived.
pub(super) fn source(
    state: &State,
    headers: &HeaderMap,
    source: &CopySource,
    admit: impl FnOnce(&str) -> S3Result<Admitted>,
) -> S3Result<(Entry, String, String)> {
    let CopySource::Bucket { bucket, key, version_id } = source else {
        let admitted = admit("")?;
        return Err(admitted.exchange.fail(Failure::not_implemented("x-amz-copy-source")));
    };
    let admitted = admit(bucket)?;
    let fail = |failure: Failure| admitted.exchange.fail(failure);
    let entry = admitted.find(state, "s3:GetObject", key)?;
    if let Some(id) = version_id.as_deref().filter(|id| *id != "null") {
        return Err(fail(Failure::no_such_version(key, id)));
    }
    let now = state.clock.now();
    condition::evaluate(headers, &condition::OF_COPY_SOURCE, &entry, now).of_copy().map_err(fail)?;
    let attributes = &entry.object.attributes;
    if attributes.is_archived(now) {
        return Err(fail(Failure::archived(attributes.class(), attributes.archive_tier.as_deref())));
    }
    admitted.decrypt(state, &entry, key)?;
    Ok((entry, bucket.to_string(), key.to_string()))
}
