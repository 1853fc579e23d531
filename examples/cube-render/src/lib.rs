//! What the programs of cube-sdk show: each [`View`] is text for people, and a value with a JSON schema for programs.
//!
//! A view is made from what a call of the facade gave, and knows nothing of a terminal or a protocol. It holds no secret.
//!
//! ```
//! use cube_render::{View, login::LoggedOut};
//!
//! let view = LoggedOut { removed: true, still_set: None };
//! assert!(view.text().contains("removed"));
//! assert_eq!(view.value()["removed"], true);
//! assert_eq!(LoggedOut::schema()["type"], "object");
//! ```

pub mod apps;
pub mod artifacts;
pub mod audit;
pub mod clusters;
pub mod errors;
pub mod grants;
pub mod known;
pub mod login;
pub mod publish;
pub mod runs;
mod step;
mod table;
mod view;

pub use step::Step;
pub use table::Table;
pub use view::{View, schema_of};
