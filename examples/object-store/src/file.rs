//! How the parquet crate's asynchronous reader gets at an object: ranged reads of a store.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, MetadataSuffixFetch};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// Bytes that are asked for at the end of the file first, so that one request mostly brings the whole footer.
const FOOTER: usize = 64 << 10;

/// A parquet file in a store.
#[derive(Clone, Debug)]
pub struct StoredFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
}

impl StoredFile {
    /// The file at this path; nothing is asked yet.
    pub fn new(store: Arc<dyn ObjectStore>, path: Path) -> Self {
        Self { store, path }
    }
}

/// The store's error, and with it the session's own, stays among the sources.
fn kept(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for StoredFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.store.get_range(&self.path, range).map_err(kept).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(kept) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options).with_prefetch_hint(Some(FOOTER));
        async move { Ok(Arc::new(reader.load_via_suffix_and_finish(self).await?)) }.boxed()
    }
}

impl MetadataSuffixFetch for &mut StoredFile {
    fn fetch_suffix(&mut self, suffix: usize) -> BoxFuture<'_, Result<Bytes>> {
        let range = Some(GetRange::Suffix(suffix as u64));
        async move {
            let end = self.store.get_opts(&self.path, GetOptions::new().with_range(range)).await.map_err(kept)?;
            end.bytes().await.map_err(kept)
        }
        .boxed()
    }
}
