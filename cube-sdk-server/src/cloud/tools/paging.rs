//! Long lists: as much as one call may read, and a cursor to go on from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cube_sdk_core::listing::Listing;
use cube_sdk_core::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pages of the service behind that one call reads.
const PAGES: usize = 10;

/// Items of a list, and whether there are more than were read.
pub(super) struct Found<T> {
    pub(super) items: Vec<T>,
    pub(super) more: bool,
    /// Where to go on, where that can be told.
    pub(super) cursor: Option<String>,
}

impl<T> From<Vec<T>> for Found<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, more: false, cursor: None }
    }
}

/// A cursor of an earlier reply, as it came.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Cursor(String);

/// What is in it: the list that it is of, the service's own cursor (none for its first page), and how many items of
/// that page were given already.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Place {
    list: String,
    page: Option<String>,
    skip: usize,
}

impl Place {
    fn read(cursor: Option<Cursor>, list: &str) -> Result<Self> {
        let Some(Cursor(text)) = cursor else { return Ok(Self::default()) };
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok();
        let place = bytes.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        place.filter(|place| place.list == list).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, format!("cursor: it is not of this list ({list})"))
                .advice("give the cursor of the last reply as it came, or none to begin anew")
        })
    }

    fn text(list: &str, page: Option<String>, skip: usize) -> Option<String> {
        let place = Self { list: list.to_owned(), page, skip };
        serde_json::to_vec(&place).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
    }
}

/// Reads at most ten pages and at most so many items that are wanted, from the cursor on.
pub(super) async fn some<T: Send + 'static>(
    list: &str,
    mut listing: Listing<T>,
    cursor: Option<Cursor>,
    most: usize,
    wanted: impl Fn(&T) -> bool,
) -> Result<Found<T>> {
    let Place { mut page, mut skip, .. } = Place::read(cursor, list)?;
    if let Some(page) = &page {
        listing = listing.starting_at(page.clone());
    }
    let mut pages = listing.max_pages(PAGES).allow_truncated().pages();
    let mut items = Vec::new();
    while let Some(found) = pages.try_next().await? {
        for (at, item) in found.items.into_iter().enumerate().skip(skip) {
            if !wanted(&item) {
                continue;
            }
            if items.len() == most {
                return Ok(Found { items, more: true, cursor: Place::text(list, page, at) });
            }
            items.push(item);
        }
        (page, skip) = (found.next, 0);
    }
    // A list that goes round in circles has no place to go on from.
    let cursor = page.and_then(|page| Place::text(list, Some(page), 0));
    Ok(Found { items, more: cursor.is_some() || pages.truncated().is_some(), cursor })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cube_sdk_core::listing::Page;

    use super::*;

    /// Numbers below `end`, three to a page.
    fn numbers(end: usize) -> Listing<usize> {
        Listing::new(None, move |cursor: Option<String>| async move {
            let from = cursor.map_or(0, |text| text.parse::<usize>().unwrap());
            let to = (from + 3).min(end);
            Ok(Page::new((from..to).collect(), (to < end).then(|| to.to_string())))
        })
    }

    async fn all(end: usize, most: usize, wanted: fn(&usize) -> bool) -> (Vec<usize>, usize) {
        let (mut got, mut cursor, mut calls) = (Vec::new(), None, 0);
        loop {
            let found = some("numbers", numbers(end), cursor, most, wanted).await.unwrap();
            assert!(found.items.len() <= most && found.more == found.cursor.is_some());
            got.extend(found.items);
            calls += 1;
            match found.cursor {
                Some(text) => cursor = Some(Cursor(text)),
                None => return (got, calls),
            }
        }
    }

    #[tokio::test]
    async fn call_by_call_every_item_comes_once_and_in_order() {
        for end in [0, 1, 3, 7, 30, 31, 100] {
            for most in [1, 2, 3, 4, 50, 1000] {
                let (got, calls) = all(end, most, |_| true).await;
                assert_eq!(got, (0..end).collect::<Vec<_>>(), "{end} by {most}");
                // Ten pages to a call at most, and no call for nothing.
                let at_least = end.div_ceil(most.min(3 * PAGES)).max(1);
                assert!(calls <= at_least + end.div_ceil(3 * PAGES), "{end} by {most}: {calls} calls");
                let (odd, _) = all(end, most, |it| it % 2 == 1).await;
                assert_eq!(odd, (0..end).filter(|it| it % 2 == 1).collect::<Vec<_>>(), "{end} by {most}");
            }
        }
    }

    #[tokio::test]
    async fn cursors_of_another_list_and_such_as_are_none_are_refused() {
        let other = Place::text("letters", Some("3".to_owned()), 0).unwrap();
        for bad in ["", "x", "!!", "e30", &other] {
            let cursor = Some(Cursor(bad.to_owned()));
            let error = some("numbers", numbers(9), cursor, 5, |_| true).await.map(|found| found.items).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}: {error}");
        }
    }
}
