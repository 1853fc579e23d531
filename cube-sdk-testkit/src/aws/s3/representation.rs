//! Which bytes of an object a request asks for, under which conditions, and how they are described.

use std::ops::Range;

use s3s::S3Result;
use s3s::dto::{ChecksumMode, ETagCondition, ServerSideEncryption};

use super::super::object::Object;
use super::exchange::Exchange;
use super::failure::Failure;
use super::store::Entry;

pub(super) fn conditions(
    exchange: &Exchange,
    entry: &Entry,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == entry.etag,
    };
    if if_match.is_some_and(|condition| !is(condition)) {
        return Err(exchange.fail(Failure::precondition("If-Match")));
    }
    if if_none_match.is_some_and(is) {
        return Err(exchange.fail(Failure::not_modified()));
    }
    Ok(())
}

pub(super) fn requested(
    exchange: &Exchange,
    range: Option<s3s::dto::Range>,
    size: u64,
) -> S3Result<Option<Range<u64>>> {
    let Some(range) = range else { return Ok(None) };
    match range.check(size) {
        Ok(found) if found.start < found.end => Ok(Some(found)),
        _ => Err(exchange.fail(Failure::invalid_range(&range.to_header_string(), size))),
    }
}

pub(super) fn checksum(object: &Object, mode: Option<&ChecksumMode>) -> Option<String> {
    (object.checksum && mode.is_some()).then(|| object.sha256_base64())
}

pub(super) fn content_type(object: &Object) -> String {
    object.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned())
}

pub(super) fn encryption(object: &Object) -> ServerSideEncryption {
    let kind = if object.kms_key_arn.is_some() { ServerSideEncryption::AWS_KMS } else { ServerSideEncryption::AES256 };
    ServerSideEncryption::from_static(kind)
}
