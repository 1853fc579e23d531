//! Ring 3: the third-party components, and a customer's account in one of them.

mod account;

pub use account::{CustomerAccount, run_script};
pub use cube_sdk_components::*;
