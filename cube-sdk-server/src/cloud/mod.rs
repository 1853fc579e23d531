//! cube-cloud: the server side of the published agent, for a company to run itself.
//!
//! A browser login gives a key; a key belongs to a user, whose groups lead to a profile; the profile decides which tools,
//! clusters and apps there are, and with which Apollo credentials. `/mcp/` serves the tools, `/tunnel` the apps.

mod admin;
mod api_keys;
mod app;
mod apps;
mod caller;
mod counted;
mod images;
mod kubectl;
mod login;
mod mcp;
#[cfg(feature = "oidc")]
mod oidc;
mod passwords;
mod profiles;
mod router;
mod service;
mod settings;
mod tools;
mod tunnel;
mod visitors;

pub use api_keys::{CreatedKey, ListedKey};
pub use service::{CloudService, CloudServiceBuilder};
pub use settings::CloudSettings;
