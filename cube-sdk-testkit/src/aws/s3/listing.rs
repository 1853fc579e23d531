//! ListObjectsV2 over a bucket's keys.

use std::collections::BTreeMap;

use s3s::dto::{CommonPrefix, ETag, EncodingType, ListObjectsV2Input, ListObjectsV2Output, Timestamp};

use super::super::sigv4::uri_encode;
use super::store::Entry;

const MAX_KEYS: i32 = 1_000;

/// One page: keys after the token, grouped by the delimiter.
pub(super) fn page(input: ListObjectsV2Input, objects: &BTreeMap<String, Entry>) -> ListObjectsV2Output {
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let limit = input.max_keys.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS);
    let after = input.continuation_token.clone().or_else(|| input.start_after.clone()).unwrap_or_default();
    let by_url = input.encoding_type.as_ref().is_some_and(|kind| kind.as_str() == EncodingType::URL);
    let encode = |key: &str| {
        if by_url { uri_encode(key, false) } else { key.to_owned() }
    };
    let (mut contents, mut prefixes) = (Vec::new(), Vec::<String>::new());
    let (mut last, mut more) = (None, false);
    for (key, entry) in objects.iter().filter(|(key, _)| key.starts_with(&prefix) && key.as_str() > after.as_str()) {
        let group = delimiter.as_ref().and_then(|delimiter| {
            let rest = key.get(prefix.len()..)?;
            rest.find(delimiter.as_str()).map(|at| key[..prefix.len() + at + delimiter.len()].to_owned())
        });
        // A group named on the page before: its token is a key inside it.
        if group.as_ref().is_some_and(|group| prefixes.last() == Some(group) || after.starts_with(group.as_str())) {
            last = Some(key.clone());
            continue;
        }
        if (contents.len() + prefixes.len()) as i32 >= limit {
            more = limit > 0;
            break;
        }
        last = Some(key.clone());
        match group {
            Some(group) => prefixes.push(group),
            None => contents.push(s3s::dto::Object {
                key: Some(encode(key)),
                size: Some(entry.object.size() as i64),
                e_tag: Some(ETag::Strong(entry.etag.clone())),
                last_modified: Some(Timestamp::from(std::time::SystemTime::from(entry.modified))),
                ..Default::default()
            }),
        }
    }
    ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encode(&prefix)),
        max_keys: Some(limit),
        key_count: Some((contents.len() + prefixes.len()) as i32),
        is_truncated: Some(more),
        next_continuation_token: last.filter(|_| more),
        continuation_token: input.continuation_token,
        start_after: input.start_after,
        delimiter: input.delimiter,
        encoding_type: input.encoding_type,
        contents: Some(contents),
        common_prefixes: Some(prefixes.iter().map(|p| CommonPrefix { prefix: Some(encode(p)) }).collect()),
        ..Default::default()
    }
}
