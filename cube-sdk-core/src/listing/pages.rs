//! The one paging loop: asks for page after page and notices a list that does not end.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;

use super::{Batch, Fetched, Page, SAFETY_PAGES, Truncation, hash_of};
use crate::error::{Error, Result};

/// What a list was told before its first page was asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ListOptions {
    /// Items per page, where the server can be told.
    pub page_size: Option<u32>,
    /// Take pages that came with errors beside the data.
    pub partial: bool,
}

type Fetch<'a, T, C> = Box<dyn FnMut(Option<C>) -> BoxFuture<'a, Result<Fetched<T, C>>> + Send + 'a>;
type Prepare<'a, T, C> = Box<dyn FnOnce(ListOptions) -> BoxFuture<'a, Result<Fetch<'a, T, C>>> + Send + 'a>;

/// Pages of a list, one after the other, as they are read. It may borrow what it asks; a
/// [`Listing`](super::Listing) is the same for callers, item by item.
///
/// # Cancel safety
/// Dropping a wait for the next page loses nothing: the call goes on when it is waited for again.
///
/// ```
/// use cube_sdk_core::listing::{Page, Pages};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let mut pages = Pages::new(None, |cursor: Option<u64>| async move {
///     let from = cursor.unwrap_or(0);
///     Ok(Page::new(vec![from, from + 1], (from < 2).then_some(from + 1)))
/// })
/// .unique_by(|number| *number);
/// let mut numbers = Vec::new();
/// while let Some(page) = pages.try_next().await? {
///     numbers.push(page.items);
/// }
/// assert_eq!(numbers, [vec![0, 1], vec![2], vec![3]]); // pages overlap, items come once
/// # Ok(())
/// # }
/// ```
#[must_use = "pages are fetched as they are read"]
pub struct Pages<'a, T, C = String> {
    stage: Stage<'a, T, C>,
    cursor: Option<C>,
    given_back: Option<Page<T, C>>,
    unique_by: Option<fn(&T) -> u64>,
    max_pages: usize,
    allow_truncated: bool,
    pages: usize,
    cursors: HashSet<u64>,
    seen: HashSet<u64>,
    pub(super) options: ListOptions,
    pub(super) tally: Tally,
}

/// What is done next.
enum Stage<'a, T, C> {
    Prepare(Prepare<'a, T, C>),
    Preparing(BoxFuture<'a, Result<Fetch<'a, T, C>>>),
    Ask(Fetch<'a, T, C>),
    Asked(Fetch<'a, T, C>, BoxFuture<'a, Result<Fetched<T, C>>>),
    /// One error is left to tell.
    Failed(Error),
    Ended,
}

/// What was met on the way.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) truncated: Option<Truncation>,
    pub(super) skipped: u64,
    pub(super) duplicates: u64,
    pub(super) beside: Vec<Error>,
    pub(super) page_bytes: usize,
    pub(super) peak: usize,
}

impl<T, C> fmt::Debug for Pages<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("pages", &self.pages).field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl<'a, T, C> Pages<'a, T, C>
where
    T: Send + 'a,
    C: Clone + Hash + Send + 'a,
{
    /// Asks for the first page with `start` (none = the beginning), for later ones with the cursor that the
    /// page before named.
    pub fn new<F, P, R>(start: Option<C>, fetch: F) -> Self
    where
        F: FnMut(Option<C>) -> P + Send + 'a,
        P: Future<Output = Result<R>> + Send + 'a,
        R: Into<Fetched<T, C>>,
    {
        Self::starting(start, Stage::Ask(boxed(fetch)))
    }

    /// Prepares before the first page, knowing the options: `prepare` gives what fetches a page.
    pub fn prepared<A, D, F, P, R>(start: Option<C>, prepare: A) -> Self
    where
        A: FnOnce(ListOptions) -> D + Send + 'a,
        D: Future<Output = Result<F>> + Send + 'a,
        F: FnMut(Option<C>) -> P + Send + 'a,
        P: Future<Output = Result<R>> + Send + 'a,
        R: Into<Fetched<T, C>>,
    {
        let prepare: Prepare<'a, T, C> = Box::new(move |options| {
            let fetch = prepare(options);
            Box::pin(async move { fetch.await.map(boxed) })
        });
        Self::starting(start, Stage::Prepare(prepare))
    }

    fn starting(start: Option<C>, stage: Stage<'a, T, C>) -> Self {
        Self {
            stage,
            cursors: start.iter().map(hash_of).collect(),
            cursor: start,
            given_back: None,
            unique_by: None,
            max_pages: SAFETY_PAGES,
            allow_truncated: false,
            pages: 0,
            seen: HashSet::new(),
            options: ListOptions::default(),
            tally: Tally::default(),
        }
    }

    /// Begins at a cursor of an earlier list of the same things. Set it before the first page is asked for.
    ///
    /// ```
    /// use cube_sdk_core::listing::{Page, Pages};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let pages = Pages::new(None, |cursor: Option<u32>| async move { Ok(Page::new(vec![cursor], None)) });
    /// assert_eq!(pages.starting_at(4).try_next().await?.map(|page| page.items), Some(vec![Some(4)]));
    /// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
    /// ```
    pub fn starting_at(mut self, cursor: C) -> Self {
        self.cursors = std::iter::once(hash_of(&cursor)).collect();
        self.cursor = Some(cursor);
        self
    }

    /// At most this many pages (default [`SAFETY_PAGES`]); more outstanding is a truncation.
    pub fn max_pages(mut self, pages: usize) -> Self {
        self.max_pages = pages.max(1);
        self
    }

    /// A list that cannot be read to its end ends early without an error.
    pub fn allow_truncated(mut self) -> Self {
        self.allow_truncated = true;
        self
    }

    /// An item whose number came before is counted and not yielded.
    pub fn unique_by(mut self, number: fn(&T) -> u64) -> Self {
        self.unique_by = Some(number);
        self
    }

    /// The next page; none at the end.
    ///
    /// # Errors
    /// Those of the page's call; `Decode` with an [`Error::truncation`].
    pub async fn try_next(&mut self) -> Result<Option<Page<T, C>>> {
        self.next().await.transpose()
    }

    /// Does the next piece of work; ready when it brought something to tell.
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Page<T, C>>>> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Prepare(prepare) => self.stage = Stage::Preparing(prepare(self.options)),
                Stage::Preparing(mut work) => match work.as_mut().poll(cx) {
                    Poll::Ready(fetch) => self.stage = fetch.map_or_else(Stage::Failed, Stage::Ask),
                    Poll::Pending => {
                        self.stage = Stage::Preparing(work);
                        return Poll::Pending;
                    }
                },
                Stage::Ask(mut fetch) => {
                    let work = fetch(self.cursor.clone());
                    self.stage = Stage::Asked(fetch, work);
                }
                Stage::Asked(fetch, mut work) => match work.as_mut().poll(cx) {
                    Poll::Ready(Ok(Fetched::Page(batch))) => return Poll::Ready(Some(Ok(self.take(batch, fetch)))),
                    Poll::Ready(Ok(Fetched::Absent)) => self.truncate(Truncation::AbsentPage),
                    Poll::Ready(Err(error)) => self.stage = Stage::Failed(error),
                    Poll::Pending => {
                        self.stage = Stage::Asked(fetch, work);
                        return Poll::Pending;
                    }
                },
                Stage::Failed(error) => return Poll::Ready(Some(Err(error))),
                Stage::Ended => {
                    self.tally.page_bytes = 0;
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// Takes a page over and decides what follows it.
    fn take(&mut self, batch: Batch<T, C>, fetch: Fetch<'a, T, C>) -> Page<T, C> {
        self.pages += 1;
        self.tally.skipped += batch.skipped;
        self.tally.beside.extend(batch.beside);
        let mut items = Vec::with_capacity(batch.entries.len());
        let mut broken = None;
        for (identity, item) in batch.entries {
            let identity = identity.or_else(|| Some(self.unique_by?(item.as_ref().ok()?)));
            if identity.is_some_and(|identity| !self.seen.insert(identity)) {
                self.tally.duplicates += 1;
                continue;
            }
            match item {
                Ok(item) => items.push(item),
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        match (broken, batch.next) {
            (Some(error), _) => self.stage = Stage::Failed(error),
            (None, None) => self.cursor = None,
            (None, Some(next)) => {
                let known = !self.cursors.insert(hash_of(&next));
                self.cursor = (!known).then_some(next);
                if known {
                    self.truncate(Truncation::RepeatedCursor);
                } else if self.pages >= self.max_pages {
                    self.truncate(Truncation::PageCap);
                } else {
                    self.stage = Stage::Ask(fetch);
                }
            }
        }
        self.tally.page_bytes = batch.bytes;
        self.tally.peak = self.tally.peak.max(self.accounted(items.len()));
        Page { items, next: self.cursor.clone() }
    }

    fn truncate(&mut self, reason: Truncation) {
        self.tally.truncated = Some(reason);
        if !self.allow_truncated {
            self.stage = Stage::Failed(reason.into_error());
        }
    }
}

fn boxed<'a, T, C, F, P, R>(mut fetch: F) -> Fetch<'a, T, C>
where
    F: FnMut(Option<C>) -> P + Send + 'a,
    P: Future<Output = Result<R>> + Send + 'a,
    R: Into<Fetched<T, C>>,
{
    Box::new(move |cursor| {
        let page = fetch(cursor);
        Box::pin(async move { page.await.map(Into::into) })
    })
}

impl<T, C> Pages<'_, T, C> {
    /// Where to go on later: the page after the last one that was yielded whole. None at the beginning and at
    /// the end.
    pub const fn cursor(&self) -> Option<&C> {
        self.cursor.as_ref()
    }

    /// Why the list ended early, once it has.
    pub const fn truncated(&self) -> Option<Truncation> {
        self.tally.truncated
    }

    /// Items that were null or of no use, so far.
    pub const fn skipped(&self) -> u64 {
        self.tally.skipped
    }

    /// Items that came again, so far; they are yielded once.
    pub const fn duplicates(&self) -> u64 {
        self.tally.duplicates
    }

    /// Bytes held with `items` of the current page: its reply, the items, and 64 bits for each item and page seen.
    pub(super) fn accounted(&self, items: usize) -> usize {
        // A hash set keeps one byte of control beside each slot and fills at most seven eighths of them.
        let slots = |set: &HashSet<u64>| set.capacity() * 8 / 7 * 9;
        self.tally.page_bytes + items * size_of::<T>() + slots(&self.seen) + slots(&self.cursors)
    }

    /// Puts items back in front, so that they come again as a page.
    pub(super) fn give_back(&mut self, page: Page<T, C>) {
        self.given_back = Some(page);
    }
}

/// Nothing inside is pinned in place.
impl<T, C> Unpin for Pages<'_, T, C> {}

impl<'a, T, C> Stream for Pages<'a, T, C>
where
    T: Send + 'a,
    C: Clone + Hash + Send + 'a,
{
    type Item = Result<Page<T, C>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(page) = self.given_back.take() {
            return Poll::Ready(Some(Ok(page)));
        }
        let step = ready!(self.step(cx));
        Poll::Ready(step)
    }
}
