//! Reading a list to its end, and saying so when it could not be read to its end.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cube_sdk_core::listing::Page;
use cube_sdk_core::{Error, ErrorKind, Result};
use futures_core::Stream;
use futures_util::StreamExt;
use serde_json::Value;

use crate::client::{Answer, Apollo};
use crate::fault::ApolloFault;
use crate::graphql::Request;
use crate::read::{BoxFuture, Session};

/// Pages that are read at most unless told otherwise: a bound on a server that never ends, not on fleets.
pub const SAFETY_PAGES: usize = 1_000;

/// Why a list ended before its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Truncation {
    /// The server named a page that it had named before.
    RepeatedToken,
    /// A page, or its list, was absent from a reply.
    AbsentPage,
    /// The cap on pages was reached with a further page outstanding.
    PageCap,
}

impl Truncation {
    /// The words used in errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RepeatedToken => "the server named the same next page twice",
            Self::AbsentPage => "a page was absent from the reply",
            Self::PageCap => "the cap on pages was reached",
        }
    }
}

/// Where a page stands in a reply, and what identifies an item.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) page: &'static str,
    pub(crate) list: &'static str,
    pub(crate) identity: &'static [&'static str],
}

type Ask = Box<dyn Fn(Option<&str>) -> Result<Request> + Send>;
type ReadItem<T> = Box<dyn Fn(&Value, &Answer) -> Result<T> + Send>;

/// How pages are asked for and items read, once names are resolved.
pub(crate) struct Source<T> {
    pub(crate) request: Ask,
    pub(crate) item: ReadItem<T>,
}

type Prepare<T> = Box<dyn FnOnce(Session) -> BoxFuture<Result<Source<T>>> + Send>;

/// A list that is fetched page by page as it is read; nothing is sent before the first item is asked for.
///
/// A list that cannot be read to its end yields what came, then one error (`Decode`, code `truncated`), or, with
/// [`Self::allow_truncated`], ends and tells by [`Self::truncated`]. An item that comes twice is yielded once.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_apollo::Truncation;
///
/// let mut list = apollo.environments().list().max_pages(1_000).allow_truncated().partial();
/// while let Some(environment) = list.try_next().await? {
///     println!("{}", environment.name);
/// }
/// assert_eq!(list.truncated(), None);
/// assert_eq!((list.skipped(), list.duplicates()), (0, 0));
/// assert!(list.fault().is_none() && list.accounted_bytes() <= list.peak_bytes());
///
/// let all = apollo.environments().list().collect_up_to(100).await?;
/// let pages = apollo.environments().list().page_size(1).pages();
/// # let pages: Vec<_> = futures_util::TryStreamExt::try_collect(pages).await?;
/// assert_eq!(all.len(), pages.len());
/// assert_eq!(Truncation::PageCap.as_str(), "the cap on pages was reached");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "a list fetches nothing until it is read"]
pub struct Listing<T> {
    shape: Shape,
    apollo: Apollo,
    session: Session,
    prepare: Option<Prepare<T>>,
    source: Option<Source<T>>,
    work: Option<BoxFuture<Step<T>>>,
    token: Option<String>,
    ended: bool,
    allow_truncated: bool,
    page_size: Option<i64>,
    max_pages: usize,
    pages: usize,
    tokens: HashSet<u64>,
    seen: HashSet<u64>,
    queue: std::vec::IntoIter<T>,
    tally: Tally,
}

/// What one piece of background work ended with.
enum Step<T> {
    Prepared(Result<Source<T>>),
    Answered(Result<Answer>),
}

#[derive(Debug, Default)]
struct Tally {
    truncated: Option<Truncation>,
    skipped: u64,
    duplicates: u64,
    page_bytes: usize,
    peak: usize,
}

impl<T> fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("pages", &self.pages).field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl<T: Send + Unpin + 'static> Listing<T> {
    pub(crate) fn new<F>(apollo: &Apollo, shape: Shape, prepare: impl FnOnce(Session) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Source<T>>> + Send + 'static,
    {
        Self {
            shape,
            apollo: apollo.clone(),
            session: Session::strict(apollo.clone()),
            prepare: Some(Box::new(move |session| Box::pin(prepare(session)))),
            source: None,
            work: None,
            token: None,
            ended: false,
            allow_truncated: false,
            page_size: None,
            max_pages: SAFETY_PAGES,
            pages: 0,
            tokens: HashSet::new(),
            seen: HashSet::new(),
            queue: Vec::new().into_iter(),
            tally: Tally::default(),
        }
    }

    /// Sends its calls in the mode of a read that it is part of.
    pub(crate) fn within(mut self, session: &Session) -> Self {
        self.session = session.clone();
        self
    }

    /// At most this many pages (default [`SAFETY_PAGES`]); more outstanding is a truncation.
    pub fn max_pages(mut self, pages: usize) -> Self {
        self.max_pages = pages.max(1);
        self
    }

    /// Items per page, where the document has it as a variable; elsewhere it is a literal of the document.
    pub fn page_size(mut self, items: u16) -> Self {
        self.page_size = Some(i64::from(items.max(1)));
        self
    }

    /// A list that cannot be read to its end ends early without an error.
    pub fn allow_truncated(mut self) -> Self {
        self.allow_truncated = true;
        self
    }

    /// Takes pages that came with errors beside data; the errors are told by [`Self::fault`].
    pub fn partial(mut self) -> Self {
        self.session = Session::partial(self.apollo.clone());
        self
    }

    /// Why the list ended early, once it has.
    pub const fn truncated(&self) -> Option<Truncation> {
        self.tally.truncated
    }

    /// Items that were null or no object, so far.
    pub const fn skipped(&self) -> u64 {
        self.tally.skipped
    }

    /// Items that came again, so far; they are yielded once.
    pub const fn duplicates(&self) -> u64 {
        self.tally.duplicates
    }

    /// Errors that stood beside data, so far; only with [`Self::partial`].
    pub fn fault(&self) -> Option<ApolloFault> {
        self.session.fault()
    }

    /// Bytes that this list holds: the body of the current page, its items, and 64 bits for each item and page seen.
    pub fn accounted_bytes(&self) -> usize {
        // A hash set keeps one byte of control beside each slot and fills at most seven eighths of them.
        let slots = |set: &HashSet<u64>| set.capacity() * 8 / 7 * 9;
        self.tally.page_bytes + self.queue.len() * size_of::<T>() + slots(&self.seen) + slots(&self.tokens)
    }

    /// The most that [`Self::accounted_bytes`] was.
    pub const fn peak_bytes(&self) -> usize {
        self.tally.peak
    }

    /// The next item; none at the end.
    ///
    /// # Errors
    /// Those of the page's call; `Decode` with code `truncated`.
    pub async fn try_next(&mut self) -> Result<Option<T>> {
        self.next().await.transpose()
    }

    /// All items, at most `limit`.
    ///
    /// # Errors
    /// Those of the pages; `InvalidInput` when there are more than `limit`.
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

    /// Page by page, with the token of the next page.
    pub fn pages(mut self) -> impl Stream<Item = Result<Page<T, String>>> + Send + Unpin {
        futures_util::stream::poll_fn(move |cx| {
            self.poll_page(cx).map(|page| page.map(|page| page.map(|items| Page::new(items, self.token.clone()))))
        })
    }

    fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<T>>>> {
        loop {
            if let Some(work) = &mut self.work {
                let step = ready!(work.as_mut().poll(cx));
                self.work = None;
                match step {
                    Step::Prepared(Ok(source)) => self.source = Some(source),
                    Step::Prepared(Err(error)) => return Poll::Ready(Some(Err(self.fail(error)))),
                    Step::Answered(Ok(answer)) => return Poll::Ready(Some(self.take_page(&answer))),
                    Step::Answered(Err(error)) => return Poll::Ready(Some(Err(self.fail(error)))),
                }
            }
            if self.ended {
                return Poll::Ready(self.tally_end());
            }
            if let Err(error) = self.start() {
                return Poll::Ready(Some(Err(self.fail(error))));
            }
        }
    }

    /// Begins the next piece of work.
    fn start(&mut self) -> Result<()> {
        let session = self.session.clone();
        if let Some(prepare) = self.prepare.take() {
            let work = prepare(session);
            self.work = Some(Box::pin(async move { Step::Prepared(work.await) }));
            return Ok(());
        }
        let Some(source) = &self.source else {
            self.ended = true;
            return Ok(());
        };
        let mut request = (source.request)(self.token.as_deref())?;
        if let Some(size) = self.page_size {
            request = request.page_size(size);
        }
        self.work = Some(Box::pin(async move { Step::Answered(session.send(request).await) }));
        Ok(())
    }

    fn fail(&mut self, error: Error) -> Error {
        self.ended = true;
        self.tally.truncated = None;
        error
    }

    /// After the last page: one error for a truncated list, then nothing.
    fn tally_end(&mut self) -> Option<Result<Vec<T>>> {
        self.tally.page_bytes = 0;
        let reason = self.tally.truncated.filter(|_| !std::mem::replace(&mut self.allow_truncated, true))?;
        Some(Err(truncated(reason)))
    }

    /// Reads one page; an absent one is empty, and the end then tells.
    fn take_page(&mut self, answer: &Answer) -> Result<Vec<T>> {
        self.pages += 1;
        let page = answer.at(self.shape.page).filter(|page| page.is_object());
        let Some((page, list)) = page.and_then(|page| Some((page, page.get(self.shape.list)?.as_array()?))) else {
            self.end(Some(Truncation::AbsentPage));
            return Ok(Vec::new());
        };
        let mut items = Vec::with_capacity(list.len());
        for value in list {
            if !value.is_object() {
                self.tally.skipped += 1;
            } else if self.is_new(value) {
                let Some(source) = &self.source else { break };
                items.push((source.item)(value, answer).inspect_err(|_| self.ended = true)?);
            } else {
                self.tally.duplicates += 1;
                tracing::warn!(list = self.shape.list, "an item came twice");
            }
        }
        self.turn(page.get("nextPageToken").and_then(Value::as_str).unwrap_or_default());
        self.tally.page_bytes = answer.bytes;
        self.tally.peak = self.tally.peak.max(self.accounted_bytes() + items.len() * size_of::<T>());
        Ok(items)
    }

    fn is_new(&mut self, value: &Value) -> bool {
        let mut names = self.shape.identity.iter().enumerate();
        let identity = names.find_map(|(index, name)| {
            value.get(name)?.as_str().filter(|text| !text.is_empty()).map(|text| hash(&(index, text)))
        });
        identity.is_none_or(|identity| self.seen.insert(identity))
    }

    /// Decides what follows a page.
    fn turn(&mut self, token: &str) {
        if token.is_empty() {
            self.end(None);
        } else if !self.tokens.insert(hash(&token)) {
            self.end(Some(Truncation::RepeatedToken));
        } else if self.pages >= self.max_pages {
            self.end(Some(Truncation::PageCap));
        } else {
            self.token = Some(token.to_owned());
        }
    }

    fn end(&mut self, reason: Option<Truncation>) {
        self.ended = true;
        self.token = None;
        self.tally.truncated = reason;
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn truncated(reason: Truncation) -> Error {
    Error::new(ErrorKind::Decode, format!("the list is truncated: {}", reason.as_str()))
        .with_code("truncated")
        .advice("the items before this are good; allow_truncated takes them without this error")
}

impl<T: Send + Unpin + 'static> Stream for Listing<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.queue.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.poll_page(cx)) {
                Some(Ok(items)) => self.queue = items.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}
