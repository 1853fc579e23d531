//! Dialling apps through a Teleport proxy that decides as the real one does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod balancer;
mod dial;
mod faults;
mod listing;
mod relay_seam;
mod rotation;
mod secrets;
mod through_tunnel;
mod world;
