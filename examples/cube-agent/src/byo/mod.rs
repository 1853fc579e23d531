//! BYO storage at EdgeGate, a file for each group.

mod audit;
mod grants;
mod runs;

use crate::tool::Tool;

/// All of them, in the order of the flow.
pub fn tools() -> Vec<Tool> {
    [grants::tools(), runs::tools(), audit::tools()].concat()
}
