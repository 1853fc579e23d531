//! Lists that come in pages: as a stream of items, or page by page.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt};

use crate::error::{Error, ErrorKind, Result};

/// One page of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Page<T, C> {
    /// The items, in the server's order.
    pub items: Vec<T>,
    /// Where the next page begins; none at the end.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// A page.
    pub const fn new(items: Vec<T>, next: Option<C>) -> Self {
        Self { items, next }
    }
}

type PageStream<T, C> = Pin<Box<dyn Stream<Item = Result<Page<T, C>>> + Send>>;

/// A list that is fetched page by page as it is read. Nothing is sent before the first item is asked
/// for; dropping it stops.
///
/// A server that names the same next page twice would be read for ever: that is an error (`Decode`,
/// code `repeated_cursor`) after the items read so far.
#[must_use = "a pager fetches nothing until it is read"]
pub struct Pager<T, C> {
    pages: PageStream<T, C>,
    items: std::vec::IntoIter<T>,
    next: Option<C>,
}

impl<T, C> fmt::Debug for Pager<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pager").finish_non_exhaustive()
    }
}

impl<T, C> Pager<T, C>
where
    T: Send + Unpin + 'static,
    C: Clone + Eq + Hash + Send + Unpin + 'static,
{
    /// Fetches the first page with `start` (none = the beginning), later ones with the cursor of the page
    /// before.
    pub fn new<F, P>(start: Option<C>, fetch: F) -> Self
    where
        F: FnMut(Option<C>) -> P + Send + 'static,
        P: Future<Output = Result<Page<T, C>>> + Send,
    {
        struct State<C, F> {
            fetch: F,
            cursor: Option<Option<C>>,
            seen: HashSet<C>,
        }
        let state = State { fetch, cursor: Some(start), seen: HashSet::new() };
        let pages = futures_util::stream::try_unfold(state, |mut state| async move {
            let Some(cursor) = state.cursor.take() else { return Ok(None) };
            if let Some(cursor) = &cursor
                && !state.seen.insert(cursor.clone())
            {
                return Err(Error::new(ErrorKind::Decode, "the server named the same next page twice")
                    .with_code("repeated_cursor")
                    .advice("the items read so far are complete up to that page; report this to the operator"));
            }
            let page = (state.fetch)(cursor).await?;
            state.cursor = page.next.clone().map(Some);
            Ok(Some((page, state)))
        });
        Self { pages: Box::pin(pages), items: Vec::new().into_iter(), next: None }
    }

    /// Page by page, with the cursor of the next page: for those who stop and go on later.
    pub fn pages(self) -> impl Stream<Item = Result<Page<T, C>>> + Send + Unpin {
        self.pages
    }

    /// The next item; none at the end.
    ///
    /// # Errors
    /// Those of the page's call.
    pub async fn try_next(&mut self) -> Result<Option<T>> {
        self.next().await.transpose()
    }

    /// All items, at most `limit`.
    ///
    /// # Errors
    /// Those of the pages' calls; `InvalidInput` when there are more than `limit`.
    pub async fn collect_up_to(self, limit: usize) -> Result<Vec<T>> {
        let items: Vec<T> = self.take(limit.saturating_add(1)).try_collect().await?;
        if items.len() > limit {
            return Err(Error::new(ErrorKind::InvalidInput, format!("the list has more than {limit} items"))
                .advice("read it as a stream, or raise the limit"));
        }
        Ok(items)
    }

    /// The cursor after the page that the last item came from.
    pub const fn cursor(&self) -> Option<&C> {
        self.next.as_ref()
    }
}

impl<T, C> Stream for Pager<T, C>
where
    T: Send + Unpin,
    C: Unpin,
{
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match self.pages.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(page))) => {
                    self.items = page.items.into_iter();
                    self.next = page.next;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn numbers(last: u32) -> Pager<u32, u32> {
        Pager::new(None, move |cursor| async move {
            let from = cursor.unwrap_or(0);
            Ok(Page::new(vec![from, from + 1], (from + 2 < last).then_some(from + 2)))
        })
    }

    #[tokio::test]
    async fn items_in_order_to_the_end() {
        assert_eq!(numbers(6).collect_up_to(6).await.unwrap(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(numbers(6).collect_up_to(5).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let pages: Vec<_> = numbers(4).pages().try_collect().await.unwrap();
        assert_eq!(pages, [Page::new(vec![0, 1], Some(2)), Page::new(vec![2, 3], None)]);
    }

    #[tokio::test]
    async fn a_repeated_cursor_ends_with_an_error_after_the_items() {
        let mut pager: Pager<u32, u32> = Pager::new(None, |_| async { Ok(Page::new(vec![1], Some(9))) });
        assert_eq!(pager.try_next().await.unwrap(), Some(1));
        assert_eq!(pager.try_next().await.unwrap(), Some(1));
        assert_eq!(pager.try_next().await.unwrap_err().code(), Some("repeated_cursor"));
        assert_eq!(pager.try_next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_error_ends_the_list() {
        let mut pager: Pager<u32, u32> = Pager::new(None, |cursor| async move {
            match cursor {
                None => Ok(Page::new(vec![1], Some(1))),
                Some(_) => Err(Error::new(ErrorKind::Server, "")),
            }
        });
        assert_eq!(pager.try_next().await.unwrap(), Some(1));
        assert_eq!(pager.try_next().await.unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(pager.try_next().await.unwrap(), None);
    }
}
