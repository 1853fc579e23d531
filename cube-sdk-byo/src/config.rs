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

/// Id of the key that the storage half acts with.
pub const AWS_ACCESS_KEY_ID: Key = Key::open("AWS_ACCESS_KEY_ID", "Id of the key that the storage half acts with.");

/// Secret of that key.
pub const AWS_SECRET_ACCESS_KEY: Key = Key::secret("AWS_SECRET_ACCESS_KEY", "Secret of that key.");

/// Session token of a temporary key.
pub const AWS_SESSION_TOKEN: Key = Key::secret("AWS_SESSION_TOKEN", "Session token of a temporary key.");

/// Profile of the files below; default `default`.
pub const AWS_PROFILE: Key = Key::open("AWS_PROFILE", "Profile of the files below; default `default`.");

/// File of profiles with keys; default `~/.aws/credentials`.
pub const AWS_SHARED_CREDENTIALS_FILE: Key =
    Key::open("AWS_SHARED_CREDENTIALS_FILE", "File of profiles with keys; default `~/.aws/credentials`.");

/// File of profiles with settings; default `~/.aws/config`.
pub const AWS_CONFIG_FILE: Key =
    Key::open("AWS_CONFIG_FILE", "File of profiles with settings; default `~/.aws/config`.");

/// Endpoint of S3 and STS in place of AWS's. Buckets then go into the path.
pub const AWS_ENDPOINT_URL: Key =
    Key::open("AWS_ENDPOINT_URL", "Endpoint of S3 and STS in place of AWS's. Buckets then go into the path.");

/// Endpoint of S3 alone.
pub const AWS_ENDPOINT_URL_S3: Key = Key::open("AWS_ENDPOINT_URL_S3", "Endpoint of S3 alone.");

/// Endpoint of STS alone.
pub const AWS_ENDPOINT_URL_STS: Key = Key::open("AWS_ENDPOINT_URL_STS", "Endpoint of STS alone.");

/// Region of STS for calls that are about no bucket; default `us-east-1`.
pub const AWS_REGION: Key =
    Key::open("AWS_REGION", "Region of STS for calls that are about no bucket; default `us-east-1`.");

/// The same, where `AWS_REGION` is not set.
pub const AWS_DEFAULT_REGION: Key = Key::open("AWS_DEFAULT_REGION", "The same, where `AWS_REGION` is not set.");

/// Every setting of this crate, for docs/environment.md. Of AWS's own variables those that are read without AWS's SDK.
pub const KEYS: &[Key] = &[
    EDGEGATE_API_URL,
    EDGEGATE_API_KEY,
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY,
    AWS_SESSION_TOKEN,
    AWS_PROFILE,
    AWS_SHARED_CREDENTIALS_FILE,
    AWS_CONFIG_FILE,
    AWS_ENDPOINT_URL,
    AWS_ENDPOINT_URL_S3,
    AWS_ENDPOINT_URL_STS,
    AWS_REGION,
    AWS_DEFAULT_REGION,
];
