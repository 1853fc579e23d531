//! The API key of cube-cloud: where it is kept, and which one counts.

mod file;
#[cfg(feature = "keyring")]
mod ring;
mod source;
mod store;

pub use file::KeyFile;
#[cfg(feature = "keyring")]
pub use ring::KeyRing;
pub(crate) use source::KeySource;
pub use store::KeyStore;

use cube_sdk_core::config::Key;

/// The folder of the key file.
pub const CUBE_AGENT_CONFIG_DIR: Key = Key::open(
    "CUBE_AGENT_CONFIG_DIR",
    "Folder of the file `api_key`, shared with the published agent. Default: ~/.cube-agent.",
);
