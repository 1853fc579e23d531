//! ListObjects, both versions, over a bucket's keys.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, CommonPrefix, ETag, EncodingType, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ObjectStorageClass, Owner, Timestamp,
};

use super::failure::Failure;
use super::store::Entry;

const MAX_KEYS: i32 = 1_000;

/// What both versions ask for.
struct Question<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    /// Keys, and groups of keys, up to here are left out.
    after: &'a str,
    limit: i32,
    by_url: bool,
    owner: Option<Owner>,
}

struct Page {
    contents: Vec<s3s::dto::Object>,
    prefixes: Vec<CommonPrefix>,
    /// The last key or group, where there is more.
    next: Option<String>,
}

/// Keys in the order of their bytes, those that share the text up to the delimiter told once.
fn page(question: &Question<'_>, objects: &BTreeMap<String, Entry>) -> Page {
    let Question { prefix, after, .. } = question;
    let mut page = Page { contents: Vec::new(), prefixes: Vec::new(), next: None };
    let mut last: Option<String> = None;
    for (key, entry) in objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > *after) {
        let group = question.delimiter.and_then(|delimiter| {
            let at = key.get(prefix.len()..)?.find(delimiter)?;
            Some(key[..prefix.len() + at + delimiter.len()].to_owned())
        });
        // A group that was told already, on this page or on one that ended with it or inside it.
        if group.as_ref().is_some_and(|group| last.as_ref() == Some(group) || after.starts_with(group.as_str())) {
            continue;
        }
        if (page.contents.len() + page.prefixes.len()) as i32 >= question.limit {
            page.next = last.filter(|_| question.limit > 0);
            break;
        }
        match &group {
            Some(group) => page.prefixes.push(CommonPrefix { prefix: Some(question.shown(group)) }),
            None => page.contents.push(question.describe(key, entry)),
        }
        last = Some(group.unwrap_or_else(|| key.clone()));
    }
    page
}

impl Question<'_> {
    fn shown(&self, text: &str) -> String {
        if self.by_url { url_encoded(text) } else { text.to_owned() }
    }

    fn describe(&self, key: &str, entry: &Entry) -> s3s::dto::Object {
        let checksum = entry.object.checksum.as_ref();
        s3s::dto::Object {
            key: Some(self.shown(key)),
            size: Some(entry.object.size() as i64),
            e_tag: Some(ETag::Strong(entry.etag.clone())),
            last_modified: Some(Timestamp::from(std::time::SystemTime::from(entry.modified))),
            storage_class: Some(ObjectStorageClass::from(entry.object.attributes.class().to_owned())),
            checksum_algorithm: checksum.map(|stored| vec![ChecksumAlgorithm::from_static(stored.algorithm.name())]),
            checksum_type: checksum.map(|stored| ChecksumType::from_static(stored.kind())),
            owner: self.owner.clone(),
            ..Default::default()
        }
    }
}

pub(super) fn version_1(
    input: ListObjectsInput,
    objects: &BTreeMap<String, Entry>,
    owner: Owner,
) -> Result<ListObjectsOutput, Failure> {
    let question = Question {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: input.marker.as_deref().unwrap_or_default(),
        limit: limit(input.max_keys)?,
        by_url: by_url(input.encoding_type.as_ref())?,
        owner: Some(owner),
    };
    let Page { contents, prefixes, next } = page(&question, objects);
    Ok(ListObjectsOutput {
        prefix: Some(question.shown(question.prefix)),
        marker: Some(question.shown(question.after)),
        delimiter: question.delimiter.map(|delimiter| question.shown(delimiter)),
        max_keys: Some(question.limit),
        is_truncated: Some(next.is_some()),
        // Told only with a delimiter: without one the last key is the next marker.
        next_marker: next.filter(|_| question.delimiter.is_some()).map(|next| question.shown(&next)),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        name: Some(input.bucket.clone()),
        encoding_type: input.encoding_type.clone(),
        ..Default::default()
    })
}

pub(super) fn version_2(
    input: ListObjectsV2Input,
    objects: &BTreeMap<String, Entry>,
    owner: Owner,
) -> Result<ListObjectsV2Output, Failure> {
    let after = match &input.continuation_token {
        Some(token) => opened(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let question = Question {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: &after,
        limit: limit(input.max_keys)?,
        by_url: by_url(input.encoding_type.as_ref())?,
        owner: input.fetch_owner.unwrap_or_default().then_some(owner),
    };
    let Page { contents, prefixes, next } = page(&question, objects);
    Ok(ListObjectsV2Output {
        prefix: Some(question.shown(question.prefix)),
        delimiter: question.delimiter.map(|delimiter| question.shown(delimiter)),
        start_after: input.start_after.as_ref().map(|key| question.shown(key)),
        max_keys: Some(question.limit),
        key_count: Some((contents.len() + prefixes.len()) as i32),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next.as_deref().map(sealed),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        name: Some(input.bucket.clone()),
        continuation_token: input.continuation_token.clone(),
        encoding_type: input.encoding_type.clone(),
        ..Default::default()
    })
}

fn limit(asked: Option<i32>) -> Result<i32, Failure> {
    match asked.unwrap_or(MAX_KEYS) {
        negative @ ..0 => {
            let message = "Argument maxKeys must be an integer between 0 and 2147483647";
            Err(Failure::invalid_argument("maxKeys", &negative.to_string(), message))
        }
        asked => Ok(asked.min(MAX_KEYS)),
    }
}

fn by_url(encoding: Option<&EncodingType>) -> Result<bool, Failure> {
    match encoding.map(EncodingType::as_str) {
        None => Ok(false),
        Some(EncodingType::URL) => Ok(true),
        Some(other) => {
            Err(Failure::invalid_argument("encoding-type", other, "Invalid Encoding Method specified in Request"))
        }
    }
}

/// A token says nothing to a client, and is good for nothing but going on.
fn sealed(key: &str) -> String {
    format!("1{}", URL_SAFE_NO_PAD.encode(key))
}

fn opened(token: &str) -> Result<String, Failure> {
    let key = token.strip_prefix('1').and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    key.and_then(|key| String::from_utf8(key).ok()).ok_or_else(|| {
        let message = "The continuation token provided is incorrect";
        Failure::invalid_argument("continuation-token", token, message)
    })
}

/// As S3 encodes with `encoding-type=url`: a form's encoding, in which a slash stays.
fn url_encoded(text: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace("%2F", "/")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::object::Object;
    use super::*;

    fn shelf(keys: &[&str]) -> BTreeMap<String, Entry> {
        let entry = || Entry {
            object: Object::bytes("x"),
            etag: "e".to_owned(),
            modified: jiff::Timestamp::UNIX_EPOCH,
            kept: false,
        };
        keys.iter().map(|key| ((*key).to_owned(), entry())).collect()
    }

    fn walk(keys: &[&str], prefix: &str, delimiter: Option<&str>, start: &str, limit: i32) -> Vec<String> {
        let shelf = shelf(keys);
        let (mut found, mut after) = (Vec::new(), start.to_owned());
        loop {
            let question = Question { prefix, delimiter, after: &after, limit, by_url: false, owner: None };
            let page = page(&question, &shelf);
            let mut names: Vec<String> = page.contents.into_iter().filter_map(|object| object.key).collect();
            names.extend(page.prefixes.into_iter().filter_map(|group| group.prefix));
            assert!(names.len() as i32 <= limit);
            names.sort();
            found.extend(names);
            match page.next {
                Some(next) => after = next,
                None => return found,
            }
        }
    }

    #[test]
    fn every_page_size_walks_the_same() {
        let keys = ["a/1", "a/2", "a0", "b", "c//d", "c/d/1", "c/d/2", "e", "模/型"];
        for limit in 1..12 {
            assert_eq!(walk(&keys, "", None, "", limit), keys);
            assert_eq!(walk(&keys, "", Some("/"), "", limit), ["a/", "a0", "b", "c/", "e", "模/"]);
            assert_eq!(walk(&keys, "c/", Some("/"), "", limit), ["c//", "c/d/"]);
            assert_eq!(walk(&keys, "", Some("d/"), "b", limit), ["c//d", "c/d/", "e", "模/型"]);
            assert_eq!(walk(&keys, "a/", None, "a/1", limit), ["a/2"]);
            assert_eq!(walk(&keys, "none", Some("/"), "", limit), Vec::<String>::new());
            // What ends inside a group has told it.
            assert_eq!(walk(&keys, "", Some("/"), "a/1", limit), ["a0", "b", "c/", "e", "模/"]);
        }
        let question = Question { prefix: "", delimiter: None, after: "", limit: 0, by_url: false, owner: None };
        let none = page(&question, &shelf(&keys));
        assert!(none.contents.is_empty() && none.next.is_none());
    }

    #[test]
    fn encodings_and_tokens() {
        assert_eq!(url_encoded("a b/c+d&é*~"), "a+b/c%2Bd%26%C3%A9*%7E");
        assert_eq!(opened(&sealed("a/模")).unwrap(), "a/模");
        for bad in ["", "a/1", "1%", "1_w"] {
            assert_eq!(opened(bad).unwrap_err().code, "InvalidArgument", "{bad}");
        }
        assert_eq!(limit(Some(5_000)).unwrap(), 1_000);
        assert_eq!(limit(Some(-1)).unwrap_err().code, "InvalidArgument");
    }
}
