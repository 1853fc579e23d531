//! cube-cloud's own tools: listed as the service lists them, called as they are.

mod bundled;
mod forward;
mod list;

pub use bundled::bundled;
pub use forward::forward;
pub use list::CloudTools;
