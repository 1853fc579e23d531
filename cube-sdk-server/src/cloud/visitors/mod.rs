//! Those who ask: where from, for whom, and how often.

mod address;
mod buckets;

pub(crate) use address::{Place, address, is_for_us};
pub(crate) use buckets::Buckets;
