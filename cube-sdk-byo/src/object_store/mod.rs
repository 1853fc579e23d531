//! A session as a read-only `object_store::ObjectStore`: DataFusion, parquet, Lance and others read a customer's bucket
//! under the same audit.

mod fault;
mod read;

use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

use ::object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use ::object_store::path::Path;
use ::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use async_trait::async_trait;
use bytes::Bytes;
use cube_sdk_core::listing::Listing;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::session::{ListRequest, Listed, Session};
use fault::{fault, unsupported};

const DELIMITER: &str = "/";

/// The objects of a session's bucket, to be read and listed. Made by [`Session::object_store`]; cheap to clone.
///
/// Every call to AWS leaves its audit row: a read begins with a HeadObject, which says what the trait wants to know, and
/// goes on as any read of the session; `get_ranges` is [`OpenObject::read_ranges`](crate::OpenObject::read_ranges); a list
/// leaves a row a page. Errors hold the session's own error as their source. Nothing is ever written: writes are
/// `NotSupported`.
#[derive(Clone, Debug)]
pub struct SessionStore {
    session: Session,
}

impl Session {
    /// This session's bucket as a read-only `ObjectStore`.
    pub fn object_store(&self) -> SessionStore {
        SessionStore { session: self.clone() }
    }
}

impl fmt::Display for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionStore(s3://{})", self.session.bucket())
    }
}

#[async_trait]
impl ObjectStore for SessionStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        read::get(&self.session, location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let open = self.session.open(read::uri(&self.session, location)?);
        open.read_ranges(ranges).await.map_err(|error| fault(location, error))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        objects(self.session.list(ListRequest { prefix: folder(prefix), ..ListRequest::default() }))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let after = Some(offset.to_string()).filter(|after| !after.is_empty());
        objects(self.session.list(ListRequest { prefix: folder(prefix), after, ..ListRequest::default() }))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let delimiter = Some(DELIMITER.to_owned());
        let mut lines = self.session.list(ListRequest { prefix: folder(prefix), delimiter, ..ListRequest::default() });
        let mut found = Vec::new();
        while let Some(line) = lines.try_next().await.map_err(|error| fault(&Path::default(), error))? {
            found.push(line);
        }
        sorted(found)
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(unsupported())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(unsupported())
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(unsupported()) }).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unsupported())
    }
}

/// Page by page, for those who keep the place themselves. The prefix is of keys as they are, not of folders; the token
/// is S3's own.
#[async_trait]
impl PaginatedListStore for SessionStore {
    async fn list_paginated(&self, prefix: Option<&str>, opts: PaginatedListOptions) -> Result<PaginatedListResult> {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let request = ListRequest {
            prefix: prefix.map(str::to_owned).and_then(given),
            delimiter: opts.delimiter.map(|delimiter| delimiter.into_owned()).and_then(given),
            after: opts.offset.and_then(given),
            page: opts.max_keys,
        };
        let page = self.session.list_from(&request, opts.page_token).await;
        let page = page.map_err(|error| fault(&Path::default(), error))?;
        Ok(PaginatedListResult { result: sorted(page.items)?, page_token: page.next })
    }
}

/// What is listed, objects and common prefixes apart.
fn sorted(lines: Vec<Listed>) -> Result<ListResult> {
    let mut found = ListResult { common_prefixes: Vec::new(), objects: Vec::new(), extensions: Default::default() };
    for line in lines {
        match line {
            Listed::Common(prefix) => found.common_prefixes.push(Path::parse(prefix)?),
            object => found.objects.extend(meta(object)?),
        }
    }
    Ok(found)
}

/// Prefixes of the trait end at a delimiter.
fn folder(prefix: Option<&Path>) -> Option<String> {
    prefix.map(Path::as_ref).filter(|prefix| !prefix.is_empty()).map(|prefix| format!("{prefix}{DELIMITER}"))
}

fn objects(lines: Listing<Listed>) -> BoxStream<'static, Result<ObjectMeta>> {
    let metas = lines.map_err(|error| fault(&Path::default(), error));
    metas.try_filter_map(|line| async move { meta(line) }).boxed()
}

fn meta(line: Listed) -> Result<Option<ObjectMeta>, Error> {
    let Listed::Object { key, size, etag, last_modified } = line else { return Ok(None) };
    let last_modified = SystemTime::from(last_modified).into();
    Ok(Some(ObjectMeta { location: Path::parse(key)?, last_modified, size, e_tag: etag, version: None }))
}
