//! How long a connection may keep the server waiting, and how many there may be.

use std::time::Duration;

/// The limits of a [`Listener`](super::Listener).
///
/// Times are counted while the server waits for the peer, never while it works itself: a handler may take as long as it
/// likes, and an answer that has nothing to say yet may stay silent.
///
/// | limit | default | what it ends |
/// |---|---|---|
/// | [`head`](Self::head) | 15 s | connections without a whole request: silent ones, an HTTP/2 preface alone, an unfinished head |
/// | [`idle`](Self::idle) | 75 s | connections without a next request, whatever else they send |
/// | [`body`](Self::body) | 30 s, 1 KiB | request bodies that do not come on |
/// | [`answer`](Self::answer) | 60 s | answers that are not taken |
/// | [`keep_alive`](Self::keep_alive) | 30 s | peers that are gone without a word |
/// | [`streams`](Self::streams) | 100 | – (more requests of one HTTP/2 connection wait) |
/// | [`connections`](Self::connections) | 512 | strangers, then who rests |
/// | [`per_client`](Self::per_client) | 128 | the same, of one client |
///
/// ```
/// use std::time::Duration;
///
/// use axum::Router;
/// use cube_sdk_server::listener::{Limits, Listener};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let limits = Limits::default().head(Duration::from_secs(5)).connections(64);
/// let listener = Listener::bind_with(([127, 0, 0, 1], 0).into(), Router::new(), limits).await?;
/// println!("{}", listener.url());
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Limits {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) body: Duration,
    pub(super) body_least: u64,
    pub(super) answer: Duration,
    pub(super) keep_alive: Duration,
    pub(super) streams: u32,
    pub(super) connections: usize,
    pub(super) per_client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(30),
            body_least: 1024,
            answer: Duration::from_secs(60),
            keep_alive: Duration::from_secs(30),
            streams: 100,
            connections: 512,
            per_client: 128,
        }
    }
}

impl Limits {
    /// The time from accepting a connection to the end of its first request's head; what comes before, such as finding
    /// out the version of HTTP, is part of it.
    pub fn head(mut self, time: Duration) -> Self {
        self.head = time;
        self
    }

    /// The time from the end of an answer to the end of the next request's head. With HTTP/2 it counts while no request
    /// is under way; frames that are no request, such as PING, do not lengthen it.
    pub fn idle(mut self, time: Duration) -> Self {
        self.idle = time;
        self
    }

    /// A request's body must bring at least so many bytes (or its end) within each such time of waiting. One that does
    /// not is ended for the handler by [`Stalled`](super::Stalled).
    pub fn body(mut self, time: Duration, least: u64) -> Self {
        (self.body, self.body_least) = (time, least.max(1));
        self
    }

    /// The time in which the peer must take something of an answer: any byte over HTTP/1, a piece of at most 64 KiB of
    /// each answer over HTTP/2. If it does not, the connection is closed.
    pub fn answer(mut self, time: Duration) -> Self {
        self.answer = time;
        self
    }

    /// How often a silent peer is asked whether it is there: by PING over HTTP/2, where it has as long to answer, and by
    /// TCP's own keep-alive.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time;
        self
    }

    /// How many requests of one HTTP/2 connection are served at once, at least 1.
    pub fn streams(mut self, most: u32) -> Self {
        self.streams = most.max(1);
        self
    }

    /// How many connections there may be, at least 1. When one more comes, another is closed for it: the oldest
    /// stranger (nobody [vouched](super::Peer::vouch) for it) of the client that has most of them, else the one that
    /// has rested longest. The newcomer is closed only when every connection has a request under way.
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most.max(1);
        self
    }

    /// How many of them one client may have, at least 1: an IPv4 address, or the first 64 bits of an IPv6 address.
    /// Behind a proxy all have the proxy's address: set it to the number of connections.
    pub fn per_client(mut self, most: usize) -> Self {
        self.per_client = most.max(1);
        self
    }
}
