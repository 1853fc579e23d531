//! Config override blocks: YAML keyed by version label, read without losing `1.10`, shown masked, written plain.
//!
//! A value is typed only where PyYAML and helm agree on it, else it is shown as its text: `0400` is 256, `1e3`, `08901`
//! and `1:30` are texts. An [`edit`] changes the text of what changed and nothing else, or is refused.
//!
//! ```
//! use cube_sdk_apollo::entity_config::{EntityConfig, edit, refuse_placeholders, render};
//! use cube_sdk_core::secret::ExposeSecret;
//! use serde_json::json;
//!
//! let text = "1.10:\n  overrides:\n    password: hunter2\n    replicas: 3  # per site\n    mode: 0400\n";
//! let config = EntityConfig::parse(text);
//! let block = &config.blocks()[0];
//! assert_eq!(block.version(), "1.10");
//! assert!(block.is_readable());
//! assert_eq!(block.shown(), "password: <hidden, 7 chars>\nreplicas: 3\nmode: 256");
//! assert_eq!(block.expose_overrides().unwrap()["password"], "hunter2");
//! assert!(!format!("{config:?}").contains("hunter2"));
//! assert_eq!(config.shown().lines().next(), Some("1.10:"));
//! assert!(!config.is_empty());
//!
//! let mut overrides = block.expose_overrides().unwrap().clone();
//! overrides["replicas"] = json!(5);
//! assert_eq!(edit(text, "1.10", &overrides)?.expose_secret(), &text.replace('3', "5"));
//!
//! let text = render("1.10", &json!({"replicas": 2, "hosts": ["a"]}))?;
//! assert_eq!(text.expose_secret(), "1.10:\n  overrides:\n    replicas: 2\n    hosts:\n    - a");
//! let error = refuse_placeholders(&json!({"db": {"password": "<hidden, 7 chars>"}})).unwrap_err();
//! assert!(error.to_string().contains("db.password"));
//! # Ok::<(), cube_sdk_core::Error>(())
//! ```

mod difference;
mod editing;
mod label;
mod masking;
mod reading;
mod rendering;
mod scalar;
mod showing;
#[cfg(feature = "publish")]
mod top_level;
mod tree;
mod value;

pub use difference::{ConfigDiff, DiffLine};
pub use editing::edit;
pub(crate) use editing::{is_blank, joined, updated};
pub(crate) use label::is_older;
pub use masking::refuse_placeholders;
pub(crate) use masking::secret_texts;
pub use reading::{ConfigBlock, EntityConfig};
pub use rendering::render;
#[cfg(feature = "publish")]
pub(crate) use top_level::TopLevel;
pub(crate) use value::value_of;

#[cfg(test)]
mod tests;
