//! A client on the double, without sockets.

#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod passage;

use cube_sdk_apollo::Apollo;
use cube_sdk_core::clock::{Clock, Timestamp};
use cube_sdk_testkit::apollo::{CLIENT_ID, CLIENT_SECRET, Double};

pub(crate) fn client(double: &Double) -> Apollo {
    Apollo::builder()
        .url(double.url())
        .client_id(CLIENT_ID)
        .client_secret(CLIENT_SECRET.to_owned().into())
        .clock(Clock::following_tokio(Timestamp::now()))
        .transport(double.transport())
        .build()
        .unwrap()
}

pub(crate) fn seeded() -> (Double, Apollo) {
    let double = Double::seeded().unwrap();
    let apollo = client(&double);
    (double, apollo)
}
