//! What one look at a page brought.

use std::hash::Hash;

use super::hash_of;
use crate::error::{Error, Result};

/// One page of a list, as callers get it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Page<T, C = String> {
    /// The items, in the server's order.
    pub items: Vec<T>,
    /// Where to go on: the next page, or, where this page ended with an error, this page itself. None at the
    /// end (and for the first page).
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// A page.
    pub const fn new(items: Vec<T>, next: Option<C>) -> Self {
        Self { items, next }
    }
}

/// What the call for a page brought.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fetched<T, C = String> {
    /// A page, perhaps empty.
    Page(Batch<T, C>),
    /// The reply has no page, or the page no list: the list ends truncated.
    Absent,
}

/// A page on its way into a list: its items, those that could not be read, and what stood beside them.
#[derive(Debug)]
pub struct Batch<T, C = String> {
    pub(super) entries: Vec<(Option<u64>, Result<T>)>,
    pub(super) next: Option<C>,
    pub(super) skipped: u64,
    pub(super) bytes: usize,
    pub(super) beside: Vec<Error>,
}

impl<T, C> Batch<T, C> {
    /// An empty page; `next` names the page after it, none at the end.
    pub const fn new(next: Option<C>) -> Self {
        Self { entries: Vec::new(), next, skipped: 0, bytes: 0, beside: Vec::new() }
    }

    /// Adds an item. The first one that could not be read ends the list with its error, after the items
    /// before it.
    pub fn push(&mut self, item: Result<T>) {
        self.entries.push((None, item));
    }

    /// Adds an item with what identifies it: one that comes again is counted and not yielded, readable or not.
    pub fn push_identified(&mut self, identity: &(impl Hash + ?Sized), item: Result<T>) {
        self.entries.push((Some(hash_of(identity)), item));
    }

    /// Counts an item that was null or of no use.
    pub fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Notes an error that stood beside the data.
    pub fn beside(&mut self, error: Error) {
        self.beside.push(error);
    }

    /// The bytes of the reply, which the list accounts for while it holds the page.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }
}

impl<T, C> From<Batch<T, C>> for Fetched<T, C> {
    fn from(batch: Batch<T, C>) -> Self {
        Self::Page(batch)
    }
}

impl<T, C> From<Page<T, C>> for Fetched<T, C> {
    fn from(page: Page<T, C>) -> Self {
        let entries = page.items.into_iter().map(|item| (None, Ok(item))).collect();
        Self::Page(Batch { entries, ..Batch::new(page.next) })
    }
}
