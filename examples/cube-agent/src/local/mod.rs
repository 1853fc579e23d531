//! Tools that work on this machine, a file for each group.

mod apps;
mod auth;
mod clusters;
mod publish;

use crate::tool::Tool;

/// All of them, in the order of their list.
pub fn tools() -> Vec<Tool> {
    [auth::tools(), clusters::tools(), apps::tools(), publish::tools()].concat()
}
