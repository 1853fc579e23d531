//! There is room for those with a key, however many come without.

use cube_sdk_server::listener::Listener;
use tokio::net::TcpStream;

use crate::served::{asked, connect, known, left, lenient, serve, until_closed};

/// Is the connection still open?
async fn is_open(stream: &mut TcpStream) -> bool {
    known(stream).await.is_ok()
}

async fn strangers(listener: &Listener, count: usize) -> Vec<TcpStream> {
    let mut made = Vec::new();
    for _ in 0..count {
        made.push(connect(listener).await);
    }
    made
}

#[tokio::test]
async fn strangers_go_first_the_oldest_before_all() {
    let listener = serve(lenient().connections(4)).await;
    let mut friends = strangers(&listener, 2).await;
    for friend in &mut friends {
        known(friend).await.unwrap();
    }
    let mut held = strangers(&listener, 2).await;
    left(&listener, 4).await;
    let mut newcomer = connect(&listener).await;
    known(&mut newcomer).await.unwrap();
    until_closed(&mut held[0]).await;
    assert!(is_open(&mut held[1]).await);
    // Now that all have a key, who has rested longest goes.
    for friend in &mut friends {
        assert!(is_open(friend).await);
    }
    assert!(is_open(&mut held[1]).await && is_open(&mut newcomer).await && is_open(&mut friends[1]).await);
    let mut last = connect(&listener).await;
    known(&mut last).await.unwrap();
    until_closed(&mut friends[0]).await;
    assert_eq!(listener.connections(), 4);
}

#[tokio::test]
async fn a_crowd_of_strangers_takes_nothing_from_those_with_a_key() {
    let listener = serve(lenient().connections(8)).await;
    let mut friends = strangers(&listener, 4).await;
    for friend in &mut friends {
        known(friend).await.unwrap();
    }
    let mut crowd = Vec::new();
    for round in 0..20 {
        crowd.extend(strangers(&listener, 20).await);
        // Someone new with a key gets in each time.
        let mut newcomer = connect(&listener).await;
        known(&mut newcomer).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        for friend in &mut friends {
            assert!(is_open(friend).await, "round {round}");
        }
        assert!(listener.connections() <= 8);
    }
}

#[tokio::test]
async fn who_has_a_request_under_way_stays_and_the_newcomer_goes() {
    let listener = serve(lenient().connections(2)).await;
    let mut busy = strangers(&listener, 2).await;
    for stream in &mut busy {
        asked(stream, "/stays").await.unwrap();
    }
    for _ in 0..5 {
        let mut third = connect(&listener).await;
        assert_eq!(until_closed(&mut third).await, "");
    }
    assert_eq!(listener.connections(), 2);
    drop(busy);
    left(&listener, 0).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_has_its_share_takes_from_itself() {
    use crate::served::connect_from;

    let listener = serve(lenient().connections(100).per_client(3)).await;
    let mut other = connect_from(2, &listener).await;
    known(&mut other).await.unwrap();
    let mut stranger = connect_from(3, &listener).await;
    let mut own = strangers(&listener, 3).await;
    known(&mut own[0]).await.unwrap();
    left(&listener, 5).await;
    let mut more = strangers(&listener, 20).await;
    left(&listener, 5).await;
    assert!(is_open(&mut own[0]).await, "the one with a key stays");
    assert!(is_open(&mut more[19]).await && is_open(&mut more[18]).await);
    for gone in own[1..].iter_mut().chain(&mut more[..18]) {
        until_closed(gone).await;
    }
    assert!(is_open(&mut other).await && is_open(&mut stranger).await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_largest_crowd_gives_way() {
    use crate::served::connect_from;

    let listener = serve(lenient().connections(6)).await;
    let mut single = connect_from(2, &listener).await;
    let mut crowd = Vec::new();
    for _ in 0..50 {
        crowd.push(connect_from(3, &listener).await);
    }
    left(&listener, 6).await;
    assert!(is_open(&mut single).await, "though it is the oldest");
}
