//! One target per module: `run` takes any bytes and panics when a promise of the code under test is broken.

pub mod byo_denial;
pub mod byo_names;
pub mod byo_refusal;
pub mod byo_trail;
pub mod entity_config;
pub mod entity_config_edit;
pub mod ping_decode;
pub mod publish_challenge;
pub mod publish_chart;
pub mod publish_ignore;
pub mod publish_names;
pub mod redact;
pub mod reply_headers;
pub mod tbot_credentials;
pub mod tbot_kubeconfig;
pub mod tunnel_frame;
pub mod tunnel_handshake;
pub mod tunnel_mux;
pub mod websocket_decode;

mod input;

/// A name and its `run`.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, for the seed tests.
pub const ALL: [Target; 19] = [
    ("byo_denial", byo_denial::run),
    ("byo_names", byo_names::run),
    ("byo_refusal", byo_refusal::run),
    ("byo_trail", byo_trail::run),
    ("entity_config", entity_config::run),
    ("entity_config_edit", entity_config_edit::run),
    ("ping_decode", ping_decode::run),
    ("publish_challenge", publish_challenge::run),
    ("publish_chart", publish_chart::run),
    ("publish_ignore", publish_ignore::run),
    ("publish_names", publish_names::run),
    ("redact", redact::run),
    ("reply_headers", reply_headers::run),
    ("tbot_credentials", tbot_credentials::run),
    ("tbot_kubeconfig", tbot_kubeconfig::run),
    ("tunnel_frame", tunnel_frame::run),
    ("tunnel_handshake", tunnel_handshake::run),
    ("tunnel_mux", tunnel_mux::run),
    ("websocket_decode", websocket_decode::run),
];
