#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{FutureExt, TryStreamExt};
use proptest::prelude::*;
use tokio::sync::Notify;

use super::*;

fn numbers(last: u32) -> Listing<u32, u32> {
    Listing::new(None, move |cursor| async move {
        let from = cursor.unwrap_or(0);
        Ok(Page::new(vec![from, from + 1], (from + 2 < last).then_some(from + 2)))
    })
}

fn failed(kind: ErrorKind) -> Error {
    Error::new(kind, "")
}

/// Everything that a list yields, with its errors in place.
async fn drain<T: Send + 'static>(list: &mut Listing<T, u32>) -> (Vec<T>, Vec<Error>) {
    let (mut items, mut errors) = (Vec::new(), Vec::new());
    loop {
        match list.try_next().await {
            Ok(Some(item)) => items.push(item),
            Ok(None) => return (items, errors),
            Err(error) => errors.push(error),
        }
    }
}

fn reason(error: &Error) -> Option<Truncation> {
    error.truncation()
}

#[tokio::test]
async fn items_in_order_to_the_end() {
    assert_eq!(numbers(6).collect_up_to(6).await.unwrap(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(numbers(6).collect_up_to(5).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(numbers(3).collect().await.unwrap(), [0, 1, 2, 3]);
    let pages: Vec<_> = numbers(4).pages().try_collect().await.unwrap();
    assert_eq!(pages, [Page::new(vec![0, 1], Some(2)), Page::new(vec![2, 3], None)]);
}

#[tokio::test]
async fn a_cursor_named_again_ends_with_one_error_wherever_it_was_named() {
    // 0 -> 1 -> 2 -> 1 …: a circle that does not lead to its last page.
    let circle = |start: Option<u32>| {
        Listing::new(start, |cursor: Option<u32>| async move {
            let at = cursor.unwrap_or(0);
            Ok(Page::new(vec![at], Some(if at < 2 { at + 1 } else { 1 })))
        })
    };
    let mut list = circle(None);
    let (items, errors) = drain(&mut list).await;
    assert_eq!((items, errors.len()), (vec![0, 1, 2], 1));
    assert_eq!((errors[0].kind(), reason(&errors[0])), (ErrorKind::Decode, Some(Truncation::RepeatedCursor)));
    assert_eq!((list.truncated(), list.cursor()), (Some(Truncation::RepeatedCursor), None));

    // The page that the list started at was named too: by the caller.
    let mut list = circle(Some(1)).allow_truncated();
    let (items, errors) = drain(&mut list).await;
    assert_eq!((items, errors.len(), list.truncated()), (vec![1, 2], 0, Some(Truncation::RepeatedCursor)));
}

#[tokio::test]
async fn an_absent_page_and_the_cap_are_truncations() {
    let mut list: Listing<u32, u32> = Listing::new(None, |cursor| async move {
        match cursor {
            None => Ok(Fetched::from(Page::new(vec![7], Some(1)))),
            Some(_) => Ok(Fetched::Absent),
        }
    });
    let (items, errors) = drain(&mut list).await;
    assert_eq!((items, reason(&errors[0])), (vec![7], Some(Truncation::AbsentPage)));

    let mut list = numbers(100).max_pages(2);
    let (items, errors) = drain(&mut list).await;
    assert_eq!((items.len(), errors.len(), reason(&errors[0])), (4, 1, Some(Truncation::PageCap)));
    assert_eq!(list.cursor(), Some(&4), "the page after the cap is where to go on");
    // Exactly as many pages as there are is no truncation.
    assert_eq!(numbers(4).max_pages(2).collect().await.unwrap().len(), 4);
    let error =
        Listing::new(None, |cursor: Option<u64>| async move { Ok(Page::new(vec![()], Some(cursor.unwrap_or(0) + 1))) })
            .collect()
            .await
            .unwrap_err();
    assert_eq!(reason(&error), Some(Truncation::PageCap), "a server that never ends is noticed by itself");
}

#[tokio::test]
async fn an_error_ends_the_list_after_what_came() {
    let mut list: Listing<u32, u32> = Listing::new(None, |cursor| async move {
        match cursor {
            None => Ok(Page::new(vec![1], Some(1))),
            Some(_) => Err(failed(ErrorKind::Server)),
        }
    });
    let (items, errors) = drain(&mut list).await;
    assert_eq!((items, errors.len(), errors[0].kind()), (vec![1], 1, ErrorKind::Server));
    assert_eq!((list.truncated(), list.cursor()), (None, Some(&1)), "the page that failed is where to go on");
}

#[tokio::test]
async fn one_bad_item_does_not_drop_the_good_ones_before_it() {
    let make = || {
        Listing::<&str, u32>::new(None, |cursor: Option<u32>| async move {
            let Some(_) = cursor else { return Ok(Batch::from_page(vec!["a"], Some(1))) };
            let mut batch = Batch::new(Some(2));
            batch.push_identified("b", Ok("b"));
            // Known already: whether it can be read does not matter.
            batch.push_identified("b", Err(failed(ErrorKind::Protocol)));
            batch.push(Ok("c"));
            batch.push(Err(failed(ErrorKind::Decode)));
            batch.push(Ok("d"));
            Ok(batch)
        })
    };
    let mut list = make();
    let (items, errors) = drain(&mut list).await;
    assert_eq!(items, ["a", "b", "c"]);
    assert_eq!(errors.iter().map(Error::kind).collect::<Vec<_>>(), [ErrorKind::Decode]);
    assert_eq!((list.duplicates(), list.cursor()), (1, Some(&1)), "the page is read again by those who go on");

    let mut pages = make().pages();
    assert_eq!(pages.try_next().await.unwrap(), Some(Page::new(vec!["a"], Some(1))));
    assert_eq!(pages.try_next().await.unwrap(), Some(Page::new(vec!["b", "c"], Some(1))));
    assert_eq!(pages.try_next().await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(pages.try_next().await.unwrap(), None);
}

impl<T> Batch<T, u32> {
    fn from_page(items: Vec<T>, next: Option<u32>) -> Self {
        let mut batch = Self::new(next);
        items.into_iter().for_each(|item| batch.push(Ok(item)));
        batch
    }
}

#[tokio::test]
async fn nothing_is_lost_by_a_wait_that_is_dropped() {
    let (gate, calls) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let (opened, count) = (gate.clone(), calls.clone());
    let mut list: Listing<u32, u32> = Listing::new(None, move |cursor| {
        let (opened, count) = (opened.clone(), count.clone());
        async move {
            count.fetch_add(1, Ordering::Relaxed);
            opened.notified().await;
            Ok(Page::new(vec![cursor.unwrap_or(0)], cursor.is_none().then_some(1)))
        }
    });
    for expected in [Some(0), Some(1)] {
        assert!(list.try_next().now_or_never().is_none());
        assert!(list.try_next().now_or_never().is_none());
        gate.notify_one();
        assert_eq!(list.try_next().await.unwrap(), expected);
    }
    assert_eq!(list.try_next().await.unwrap(), None);
    assert_eq!(calls.load(Ordering::Relaxed), 2, "each page was asked for once");
}

/// What a list of a GraphQL server needs: a name looked up first, options that the look-up and the pages see,
/// items that are no objects, errors beside the data, and figures of what is held.
#[tokio::test]
async fn a_list_is_prepared_with_the_options_that_the_caller_set() {
    let prepared = Arc::new(AtomicU32::new(0));
    let make = |prepared: &Arc<AtomicU32>| {
        let prepared = prepared.clone();
        Listing::<String>::prepared(None, move |options| async move {
            prepared.fetch_add(1, Ordering::Relaxed);
            let environment = String::from("env-7");
            Ok(move |token: Option<String>| {
                let environment = environment.clone();
                async move {
                    let mut batch = Batch::new(token.is_none().then(|| "next".to_owned())).bytes(10_000);
                    for number in 0..options.page_size.unwrap_or(1) {
                        batch.push_identified(&number, Ok(format!("{environment}/{number}")));
                    }
                    batch.skip();
                    if options.partial {
                        batch.beside(failed(ErrorKind::PermissionDenied));
                    }
                    Ok(batch)
                }
            })
        })
    };
    let list = make(&prepared);
    drop(list);
    assert_eq!(prepared.load(Ordering::Relaxed), 0, "nothing is done before it is read");

    let mut list = make(&prepared).page_size(3).partial();
    assert_eq!(list.try_next().await.unwrap().as_deref(), Some("env-7/0"));
    assert!((10_000..11_000).contains(&list.accounted_bytes()), "{}", list.accounted_bytes());
    while list.try_next().await.unwrap().is_some() {}
    assert_eq!((list.skipped(), list.duplicates(), list.beside().len()), (2, 3, 2));
    assert!(list.accounted_bytes() < 1_000 && list.peak_bytes() > 10_000);
    assert_eq!(prepared.load(Ordering::Relaxed), 1);

    let mut list: Listing<u8> = Listing::prepared(None, |_| async {
        Err::<fn(_) -> std::future::Ready<Result<Page<u8>>>, _>(failed(ErrorKind::NotFound))
    });
    assert_eq!(list.try_next().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(list.try_next().await.unwrap(), None);
}

/// What an export needs: a source that is borrowed, a stored cursor to start from, page by page, however many.
#[tokio::test]
async fn pages_may_borrow_their_source() {
    struct Log(u32);
    impl Log {
        async fn page(&self, cursor: Option<i64>) -> Result<Page<i64, i64>> {
            let at = cursor.unwrap_or(0);
            Ok(Page::new(vec![at], (at + 1 < i64::from(self.0)).then_some(at + 1)))
        }
    }
    let log = Log(5_000);
    let mut pages = Pages::new(Some(1_000), |cursor| log.page(cursor)).max_pages(usize::MAX);
    let mut rows = Vec::new();
    while let Some(page) = pages.try_next().await.unwrap() {
        assert_eq!(page.next.as_ref(), pages.cursor());
        rows.extend(page.items);
    }
    assert_eq!((rows.len(), rows[0], pages.truncated()), (4_000, 1_000, None));
}

#[tokio::test]
async fn a_list_may_be_left_and_gone_on_with() {
    let mut list = numbers(6);
    let resumed = |at: Option<u32>| async move { drain(&mut numbers_from(at)).await.0 };
    assert_eq!(list.try_next().await.unwrap(), Some(0));
    assert_eq!(resumed(list.cursor().copied()).await, [0, 1, 2, 3, 4, 5], "an item of the page is still unread");
    assert_eq!(list.try_next().await.unwrap(), Some(1));
    assert_eq!(resumed(list.cursor().copied()).await, [2, 3, 4, 5]);
    assert_eq!(list.try_next().await.unwrap(), Some(2));
    assert_eq!(list.cursor(), Some(&2));
    // What was read ahead is not lost by going on page by page.
    let pages: Vec<_> = list.pages().try_collect().await.unwrap();
    assert_eq!(pages, [Page::new(vec![3], Some(4)), Page::new(vec![4, 5], None)]);
}

fn numbers_from(start: Option<u32>) -> Listing<u32, u32> {
    Listing::new(start, |cursor| async move {
        let from = cursor.unwrap_or(0);
        Ok(Page::new(vec![from, from + 1], (from + 2 < 6).then_some(from + 2)))
    })
}

#[tokio::test]
async fn items_are_told_apart_by_a_number_of_theirs() {
    let mut list: Listing<u64, u32> =
        Listing::new(None, |_| async { Ok(Page::new(vec![1, 2, 1, 3, 2], None)) }).unique_by(|number| *number);
    assert_eq!(drain(&mut list).await.0, [1, 2, 3]);
    assert_eq!(list.duplicates(), 2);
}

proptest! {
    /// Whatever pages a server names, a list ends, yields each page once and tells why it ended early.
    #[test]
    fn every_server_comes_to_an_end(next in proptest::collection::vec(0usize..12, 10), start in 0usize..10, cap in 1usize..15) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let names = next.clone();
        let mut list: Listing<u32, u32> = Listing::new(Some(u32::try_from(start).unwrap()), move |cursor| {
            let at = cursor.unwrap();
            let next = names[at as usize];
            async move { Ok(Page::new(vec![at], u32::try_from(next).ok().filter(|next| *next < 10))) }
        })
        .max_pages(cap);
        let (items, errors) = runtime.block_on(drain(&mut list));

        let (mut expected, mut at) = (vec![start], start);
        let reason = loop {
            let then = next[at];
            if then >= 10 {
                break None;
            } else if expected.contains(&then) {
                break Some(Truncation::RepeatedCursor);
            } else if expected.len() >= cap {
                break Some(Truncation::PageCap);
            }
            expected.push(then);
            at = then;
        };
        prop_assert_eq!(items.iter().map(|item| *item as usize).collect::<Vec<_>>(), expected);
        prop_assert_eq!(list.truncated(), reason);
        prop_assert_eq!(errors.len(), usize::from(reason.is_some()));
    }
}
