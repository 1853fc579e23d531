//! Settings of the EdgeGate client.

use cube_sdk_core::config::Key;

/// Where EdgeGate's REST API lives when nothing else is said.
pub const DEFAULT_API_URL: &str = "https://edgegateapi.frozo.ai";

/// Where EdgeGate's dashboard lives: error texts and set-up steps point there.
pub const DASHBOARD_URL: &str = "https://edgegate.frozo.ai";

/// The base URL of the REST API.
pub const EDGEGATE_API_URL: Key =
    Key::open("EDGEGATE_API_URL", "Base URL of EdgeGate's REST API. Default: https://edgegateapi.frozo.ai.");

/// The API key.
pub const EDGEGATE_API_KEY: Key =
    Key::secret("EDGEGATE_API_KEY", "EdgeGate API key (`egk_live_…` or `egk_test_…`). Needed at the first call.");

/// Every setting of this client, for docs/environment.md.
pub const KEYS: &[Key] = &[EDGEGATE_API_URL, EDGEGATE_API_KEY];
