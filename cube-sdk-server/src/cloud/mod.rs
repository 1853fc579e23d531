//! cube-cloud: the server side of the published agent, for a company to run itself.
//!
//! A browser login gives a key; a key belongs to a user, whose groups lead to a profile; the profile decides which tools,
//! clusters and apps there are, and with which Apollo credentials. `/mcp/` serves the tools, `/tunnel` the apps.

mod access;
mod admin;
mod app;
mod apps;
mod buckets;
mod client;
mod clusters;
mod guesses;
mod keys;
mod kubectl;
mod login;
mod mcp;
mod passwords;
mod profiles;
mod refusal;
mod router;
mod service;
mod settings;
mod tools;
mod tunnel;
mod users;

pub use service::{CloudService, CloudServiceBuilder};
pub use settings::CloudSettings;
pub use users::{CreatedKey, ListedKey};
