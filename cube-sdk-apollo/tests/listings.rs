//! Lists that end, that do not, and what they hold meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use cube_sdk_core::ErrorKind;
use cube_sdk_core::listing::Truncation;
use cube_sdk_testkit::apollo::{Double, Fault, On};
use serde_json::json;

const PAGE: &str = "/data/apollo/environments";

fn fleet(count: usize) -> (Double, cube_sdk_apollo::Apollo) {
    let double = Double::empty().unwrap();
    double.add_fleet(count);
    let apollo = support::client(&double);
    (double, apollo)
}

async fn peak(count: usize) -> usize {
    let (_double, apollo) = fleet(count);
    let mut list = apollo.environments().list();
    let mut seen = 0;
    while let Some(environment) = list.try_next().await.unwrap() {
        assert_eq!(environment.name, format!("fleet-{seen:05}"));
        seen += 1;
    }
    assert_eq!((seen, list.truncated()), (count, None));
    list.peak_bytes()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_environments_hold_little_more_than_one_thousand() {
    let (few, many) = (peak(1_000).await, peak(10_000).await);
    assert!(few > 100_000, "a page of 500 is accounted for: {few}");
    assert!(many <= few + 1024 * 1024, "{few} {many}");
}

/// Reads a list of 1 200 whose second reply is changed.
async fn with_second_page(fault: Fault) -> (Vec<String>, Option<cube_sdk_core::Error>, Option<Truncation>, u64, u64) {
    let (double, apollo) = fleet(1_200);
    double.inject(On::operation("ListEnvs"), 1, 1, fault);
    let mut list = apollo.environments().list();
    let (mut names, mut error) = (Vec::new(), None);
    loop {
        match list.try_next().await {
            Ok(Some(environment)) => names.push(environment.name),
            Ok(None) => break,
            Err(met) => assert!(error.replace(met).is_none(), "one error only"),
        }
    }
    (names, error, list.truncated(), list.skipped(), list.duplicates())
}

#[tokio::test(start_paused = true)]
async fn a_repeated_token_yields_what_came_then_one_error() {
    let (names, error, reason, ..) =
        with_second_page(Fault::set(&format!("{PAGE}/nextPageToken"), json!("cursor-500"))).await;
    assert_eq!((names.len(), reason), (1_000, Some(Truncation::RepeatedCursor)));
    let error = error.unwrap();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Decode, Some(&Truncation::RepeatedCursor)));
}

#[tokio::test(start_paused = true)]
async fn an_absent_page_or_list_is_a_truncation() {
    for (pointer, value) in
        [(PAGE.to_owned(), json!(null)), (format!("{PAGE}/environments"), json!(null)), (PAGE.to_owned(), json!(7))]
    {
        let (names, error, reason, ..) = with_second_page(Fault::set(&pointer, value)).await;
        assert_eq!((names.len(), reason), (500, Some(Truncation::AbsentPage)), "{pointer}");
        assert_eq!(error.unwrap().fault(), Some(&Truncation::AbsentPage));
    }
}

#[tokio::test(start_paused = true)]
async fn null_items_are_counted_and_duplicates_yielded_once() {
    let (names, error, reason, skipped, duplicates) = with_second_page(Fault::set(
        &format!("{PAGE}/environments"),
        json!([null, "odd", {"id": "env-00001", "name": "again"}, {"id": "env-x", "name": "x"}, {"id": "env-x", "name": "y"}]),
    ))
    .await;
    assert!(error.is_none() && reason.is_none());
    assert_eq!((names.len(), skipped, duplicates), (500 + 1 + 200, 2, 2));
    assert_eq!(names[500], "x");
}

#[tokio::test(start_paused = true)]
async fn an_empty_page_with_a_token_is_followed() {
    let (names, error, ..) = with_second_page(Fault::set(&format!("{PAGE}/environments"), json!([]))).await;
    assert_eq!((names.len(), error.is_none()), (700, true));
}

#[tokio::test(start_paused = true)]
async fn the_cap_is_an_error_unless_truncation_is_allowed() {
    let (double, apollo) = fleet(1_200);
    let mut list = apollo.environments().list().max_pages(2);
    let mut count = 0;
    let error = loop {
        match list.try_next().await {
            Ok(found) => count += usize::from(found.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!((count, error.fault()), (1_000, Some(&Truncation::PageCap)));
    assert!(error.to_string().contains("cap on pages"));
    let mut list = apollo.environments().list().max_pages(2).allow_truncated();
    while list.try_next().await.unwrap().is_some() {}
    assert_eq!(list.truncated(), Some(Truncation::PageCap));
    // Exactly as many pages as there are is no truncation.
    assert_eq!(apollo.environments().list().max_pages(3).collect_up_to(9_999).await.unwrap().len(), 1_200);
    let error = apollo.environments().list().collect_up_to(10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(double.requests().len(), 2 + 2 + 3 + 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_it_is_read() {
    let (double, apollo) = fleet(3);
    let list = apollo.environments().list();
    tokio::task::yield_now().await;
    drop(list);
    assert!(double.requests().is_empty());
    assert_eq!(double.tokens_issued(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_name_beyond_the_first_page_is_found() {
    let (_double, apollo) = fleet(1_200);
    assert_eq!(apollo.environments().get("FLEET-01199").await.unwrap().name, "fleet-01199");
    let error = apollo.environments().get("fleet-0119").await.unwrap_err();
    assert!(error.is_ambiguous());
    assert!(error.to_string().contains("fleet-01190 (ri."), "{error}");
}
