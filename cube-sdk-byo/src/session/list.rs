//! Listing the bucket: one ListObjectsV2 a page, one row each.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use cube_sdk_core::listing::{Listing, Page};
use cube_sdk_core::retry::Attempt;
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};
use percent_encoding::percent_decode_str;

use super::attempt::{Told, of};
use super::lease::Lease;
use super::{LIST_OBJECTS, Session};

/// A bound on servers that never end: some thousand million keys.
const PAGES: usize = 1_000_000;

/// What is listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListRequest {
    /// Only keys that begin so.
    pub(crate) prefix: Option<String>,
    /// Keys are told up to this behind the prefix, each such group once.
    pub(crate) delimiter: Option<String>,
    /// Only keys behind this one.
    pub(crate) after: Option<String>,
    /// The longest page; S3 makes none of more than 1 000 lines.
    pub(crate) page: Option<usize>,
}

/// One line of a list.
#[derive(Clone, Debug)]
pub(crate) enum Listed {
    /// An object.
    Object { key: String, size: u64, etag: Option<String>, last_modified: Timestamp },
    /// What several keys have in common, delimiter included.
    Common(String),
}

impl Session {
    /// The bucket's keys, page by page.
    pub(crate) fn list(&self, request: ListRequest) -> Listing<Listed> {
        let session = self.clone();
        let fetch = move |token: Option<String>| {
            let (session, request) = (session.clone(), request.clone());
            async move { session.list_from(&request, token).await }
        };
        Listing::new(None, fetch).max_pages(PAGES)
    }

    /// One page of the bucket's keys.
    pub(crate) async fn list_from(&self, request: &ListRequest, token: Option<String>) -> Result<Page<Listed, String>> {
        let page = self
            .call(LIST_OBJECTS, None, self.account.deadline(), |attempt, lease| {
                let token = token.clone();
                async move {
                    let told = self.list_page(&attempt, &lease, request, token).await?;
                    told.map_err(|failure| self.error(failure, LIST_OBJECTS, None, &[]))
                }
            })
            .await?;
        let next = page.next_continuation_token().map(str::to_owned).filter(|_| page.is_truncated() == Some(true));
        Ok(Page::new(listed(page)?, next))
    }

    async fn list_page(
        &self,
        attempt: &Attempt,
        lease: &Lease,
        request: &ListRequest,
        token: Option<String>,
    ) -> Told<ListObjectsV2Output> {
        let call = lease
            .s3
            .list_objects_v2()
            .bucket(self.bucket.as_str())
            .set_prefix(request.prefix.clone())
            .set_delimiter(request.delimiter.clone())
            .set_start_after(request.after.clone())
            .set_max_keys(request.page.map(|most| i32::try_from(most).unwrap_or(i32::MAX)))
            .set_continuation_token(token)
            // Keys may hold what XML cannot: one of them would make the whole page unreadable.
            .encoding_type(EncodingType::Url)
            .customize()
            .mutate_request(of(attempt))
            .send();
        Ok(self.attempt(LIST_OBJECTS, None, |_| None, call).await?.map(|(output, _)| output))
    }
}

fn listed(page: ListObjectsV2Output) -> Result<Vec<Listed>> {
    let unreadable = |what: &str| Error::new(ErrorKind::Decode, format!("S3 listed an object without {what}"));
    // A server that does not encode does not say so.
    let encoded = page.encoding_type == Some(EncodingType::Url);
    let plain = |text: String| if encoded { decoded(&text) } else { Ok(text) };
    let prefixes = page.common_prefixes.unwrap_or_default().into_iter().filter_map(|common| common.prefix);
    let mut all = prefixes.map(|prefix| plain(prefix).map(Listed::Common)).collect::<Result<Vec<_>>>()?;
    for object in page.contents.unwrap_or_default() {
        let millis = object.last_modified.and_then(|time| time.to_millis().ok());
        all.push(Listed::Object {
            key: plain(object.key.ok_or_else(|| unreadable("a key"))?)?,
            size: object.size.and_then(|size| u64::try_from(size).ok()).ok_or_else(|| unreadable("a size"))?,
            etag: object.e_tag,
            last_modified: Timestamp::from_millisecond(millis.ok_or_else(|| unreadable("a time"))?),
        });
    }
    Ok(all)
}

/// As a form is encoded: a space is a plus.
fn decoded(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => Err(Error::new(ErrorKind::Decode, "S3 listed a key that is not UTF-8")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use aws_sdk_s3::types::{CommonPrefix, Object};

    use super::*;

    fn keys(encoding: Option<EncodingType>, key: &str) -> Result<Vec<String>> {
        let time = aws_smithy_types::DateTime::from_secs(0);
        let object = Object::builder().key(key).size(1).last_modified(time).build();
        let common = CommonPrefix::builder().prefix(key).build();
        let page = ListObjectsV2Output::builder().contents(object).common_prefixes(common);
        let lines = listed(page.set_encoding_type(encoding).build())?;
        Ok(lines
            .into_iter()
            .map(|line| match line {
                Listed::Object { key, .. } | Listed::Common(key) => key,
            })
            .collect())
    }

    #[test]
    fn keys_are_decoded_where_the_server_encodes() {
        for (told, key) in [
            ("a+b/c%2Bd%26%C3%A9", "a b/c+d&é"),
            ("100%25", "100%"),
            ("%F0%9F%98%80", "😀"),
            ("line%0D%0A%01", "line\r\n\u{1}"),
            ("x=y&z", "x=y&z"),
        ] {
            assert_eq!(keys(Some(EncodingType::Url), told).unwrap(), [key, key]);
            assert_eq!(keys(None, told).unwrap(), [told, told]);
        }
        assert_eq!(keys(Some(EncodingType::Url), "%ff").unwrap_err().kind(), ErrorKind::Decode);
    }
}
