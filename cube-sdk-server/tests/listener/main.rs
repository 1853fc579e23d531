//! Connections that hold a server up: every kind of them over real sockets, and the room that they compete for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod attempts;
mod bytes;
mod held;
mod patience;
mod room;
mod served;
mod tls;
