//! A store whose reads go by what is tested, and whose writes by the customer's administrator.
#![allow(unreachable_pub)]

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::aws::AmazonS3;
use object_store::integration;
use object_store::list::PaginatedListStore;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Reads by the session, writes by the administrator.
#[derive(Debug)]
pub struct Shelf<R> {
    pub reads: R,
    pub writes: AmazonS3,
}

impl<R: ObjectStore> Shelf<R> {
    /// The crate's own tests that other servers than AWS fail whoever asks: lists from within a folder's name, copies of
    /// what is not there.
    pub async fn pass_as_aws(&self) {
        integration::put_get_delete_list(self).await;
        integration::copy_rename_nonexistent_object(self).await;
    }

    /// The crate's own test of lists page by page; it leaves its objects behind.
    pub async fn pass_in_pages(&self)
    where
        R: PaginatedListStore,
    {
        integration::list_paginated(self, &self.reads).await;
    }

    /// Every other test of the crate's own that a store can pass which is written by another.
    pub async fn pass(&self) {
        integration::list_with_offset_exclusivity(self).await;
        integration::get_opts(self).await;
        integration::list_uses_directories_correctly(self).await;
        integration::list_with_delimiter(self).await;
        integration::stream_get(self).await;
        integration::rename_and_copy(self).await;
        integration::multipart(self, &self.writes).await;
        let missing = integration::get_nonexistent_object(self, None).await.unwrap_err();
        assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    }
}

impl<R: ObjectStore> fmt::Display for Shelf<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reads, f)
    }
}

#[async_trait]
impl<R: ObjectStore> ObjectStore for Shelf<R> {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.writes.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.writes.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.reads.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.reads.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.writes.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.reads.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.reads.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.reads.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.writes.copy_opts(from, to, options).await
    }
}
