//! Lists that come in pages: item by item, page by page, or whole.
//!
//! A server that never ends is noticed: a page named twice, an absent page and a cap on pages end a list with
//! one error after the items that came, or with a flag where the caller allows it.

mod fetched;
mod pages;
mod truncation;

use std::fmt;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::StreamExt;

pub use fetched::{Batch, Fetched, Page};
pub use pages::{ListOptions, Pages};
pub use truncation::Truncation;

use crate::error::{Error, ErrorKind, Result};

/// Pages that are read at most unless told otherwise: a bound on a server that never ends, not on long lists.
pub const SAFETY_PAGES: usize = 1_000;

/// A list that is fetched page by page as it is read. Nothing is sent before the first item is asked for;
/// dropping it stops.
///
/// A list that cannot be read to its end yields what came, then one error (`Decode`, with an
/// [`Error::truncation`]), or, with [`Self::allow_truncated`], ends and tells by [`Self::truncated`]. An item that cannot be read
/// ends the list after the items before it.
///
/// ```
/// use cube_sdk_core::listing::{Listing, Page};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let numbers = || Listing::new(None, |cursor: Option<u32>| async move {
///     let from = cursor.unwrap_or(0);
///     Ok(Page::new(vec![from, from + 1], (from < 4).then_some(from + 2)))
/// });
/// let mut list = numbers();
/// while let Some(number) = list.try_next().await? {
///     println!("{number}");
/// }
/// assert_eq!(list.truncated(), None);
/// assert_eq!(numbers().collect_up_to(10).await?, [0, 1, 2, 3, 4, 5]);
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[must_use = "a list fetches nothing until it is read"]
pub struct Listing<T, C = String> {
    pages: Pages<'static, T, C>,
    queue: std::vec::IntoIter<T>,
    /// The page that the queue came from.
    page: Option<C>,
}

impl<T, C> fmt::Debug for Listing<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("pages", &self.pages).finish_non_exhaustive()
    }
}

impl<T, C> Listing<T, C>
where
    T: Send + 'static,
    C: Clone + Hash + Send + 'static,
{
    /// Asks for the first page with `start` (none = the beginning), for later ones with the cursor that the
    /// page before named. `fetch` gives a [`Page`], a [`Batch`], or a [`Fetched`].
    pub fn new<F, P, R>(start: Option<C>, fetch: F) -> Self
    where
        F: FnMut(Option<C>) -> P + Send + 'static,
        P: Future<Output = Result<R>> + Send + 'static,
        R: Into<Fetched<T, C>>,
    {
        Pages::new(start, fetch).into()
    }

    /// Prepares before the first page, such as looking a name up: `prepare` gets the options that the caller
    /// set and gives what fetches a page.
    pub fn prepared<A, D, F, P, R>(start: Option<C>, prepare: A) -> Self
    where
        A: FnOnce(ListOptions) -> D + Send + 'static,
        D: Future<Output = Result<F>> + Send + 'static,
        F: FnMut(Option<C>) -> P + Send + 'static,
        P: Future<Output = Result<R>> + Send + 'static,
        R: Into<Fetched<T, C>>,
    {
        Pages::prepared(start, prepare).into()
    }

    /// Begins at a [`cursor`](Self::cursor) of an earlier list of the same things, instead of at the beginning. Set it
    /// before the first item is asked for.
    ///
    /// ```
    /// use cube_sdk_core::listing::{Listing, Page};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let numbers = || Listing::new(None, |cursor: Option<u32>| async move {
    ///     let from = cursor.unwrap_or(0);
    ///     Ok(Page::new(vec![from, from + 1], (from < 4).then_some(from + 2)))
    /// });
    /// assert_eq!(numbers().starting_at(4).collect().await?, [4, 5]);
    /// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
    /// ```
    pub fn starting_at(mut self, cursor: C) -> Self {
        self.pages = self.pages.starting_at(cursor);
        self
    }

    /// At most this many pages (default [`SAFETY_PAGES`]); more outstanding is a truncation.
    pub fn max_pages(mut self, pages: usize) -> Self {
        self.pages = self.pages.max_pages(pages);
        self
    }

    /// A list that cannot be read to its end ends early without an error.
    pub fn allow_truncated(mut self) -> Self {
        self.pages = self.pages.allow_truncated();
        self
    }

    /// An item whose number came before is counted and not yielded.
    pub fn unique_by(mut self, number: fn(&T) -> u64) -> Self {
        self.pages = self.pages.unique_by(number);
        self
    }

    /// Items per page, for lists whose server can be told; others keep their own.
    pub fn page_size(mut self, items: u32) -> Self {
        self.pages.options.page_size = Some(items.max(1));
        self
    }

    /// Takes pages that came with errors beside the data, for lists whose server sends such; the errors are told
    /// by [`Self::beside`].
    pub fn partial(mut self) -> Self {
        self.pages.options.partial = true;
        self
    }

    /// The next item; none at the end.
    ///
    /// # Errors
    /// Those of the page's call; `Decode` for a list that is truncated.
    ///
    /// # Cancel safety
    /// Safe: a page that was asked for arrives at the next call.
    pub async fn try_next(&mut self) -> Result<Option<T>> {
        self.next().await.transpose()
    }

    /// Page by page, with the cursor to go on from: for those who stop and go on later.
    pub fn pages(mut self) -> Pages<'static, T, C> {
        if self.queue.len() > 0 {
            let next = self.pages.cursor().cloned();
            self.pages.give_back(Page::new(self.queue.collect(), next));
        }
        self.pages
    }

    /// All items.
    ///
    /// # Errors
    /// Those of [`Self::try_next`].
    pub async fn collect(self) -> Result<Vec<T>> {
        self.collect_up_to(usize::MAX).await
    }

    /// All items, at most `limit`.
    ///
    /// # Errors
    /// Those of [`Self::try_next`]; `InvalidInput` when there are more than `limit`.
    pub async fn collect_up_to(mut self, limit: usize) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while let Some(item) = self.try_next().await? {
            if items.len() == limit {
                return Err(Error::new(ErrorKind::InvalidInput, format!("the list has more than {limit} items"))
                    .advice("read it as a stream, or raise the limit"));
            }
            items.push(item);
        }
        Ok(items)
    }
}

impl<T, C> Listing<T, C> {
    /// Where to go on later: the page of the last item while more of its items are left, else the page after it.
    /// None at the beginning and at the end.
    pub fn cursor(&self) -> Option<&C> {
        if self.queue.len() > 0 { self.page.as_ref() } else { self.pages.cursor() }
    }

    /// Why the list ended early, once it has.
    pub const fn truncated(&self) -> Option<Truncation> {
        self.pages.truncated()
    }

    /// Items that were null or of no use, so far.
    pub const fn skipped(&self) -> u64 {
        self.pages.skipped()
    }

    /// Items that came again, so far; they are yielded once.
    pub const fn duplicates(&self) -> u64 {
        self.pages.duplicates()
    }

    /// Errors that stood beside the data, so far; only with [`Self::partial`].
    pub fn beside(&self) -> &[Error] {
        &self.pages.tally.beside
    }

    /// Bytes that this list holds: the reply of the current page, its items, and 64 bits for each item and page
    /// seen.
    pub fn accounted_bytes(&self) -> usize {
        self.pages.accounted(self.queue.len())
    }

    /// The most that [`Self::accounted_bytes`] was.
    pub const fn peak_bytes(&self) -> usize {
        self.pages.tally.peak
    }
}

impl<T, C> From<Pages<'static, T, C>> for Listing<T, C> {
    fn from(pages: Pages<'static, T, C>) -> Self {
        Self { pages, queue: Vec::new().into_iter(), page: None }
    }
}

/// Nothing inside is pinned in place.
impl<T, C> Unpin for Listing<T, C> {}

impl<T, C> Stream for Listing<T, C>
where
    T: Send + 'static,
    C: Clone + Hash + Send + 'static,
{
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.queue.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            let page = self.pages.cursor().cloned();
            match ready!(self.pages.poll_next_unpin(cx)) {
                Some(Ok(found)) => {
                    self.queue = found.items.into_iter();
                    self.page = page;
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
