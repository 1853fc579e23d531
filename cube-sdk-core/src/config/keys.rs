//! The settings of this crate: which network, whose certificates.

use super::Key;

/// A private authority's certificates.
pub const CUBE_CA_FILE: Key =
    Key::open("CUBE_CA_FILE", "PEM file with CA certificates to trust beside those of the operating system.");

/// The proxy for `https` and `wss`.
pub const HTTPS_PROXY: Key = Key::secret(
    "HTTPS_PROXY",
    "Proxy for `https` and `wss`: `http://[user:password@]host:port`, also `https://`. SOCKS is refused.",
);

/// The proxy for `http` and `ws`.
pub const HTTP_PROXY: Key =
    Key::secret("HTTP_PROXY", "Proxy for `http` and `ws`. Not read in capitals where `REQUEST_METHOD` is set (CGI).");

/// The proxy where neither of the two above is set.
pub const ALL_PROXY: Key = Key::secret("ALL_PROXY", "Proxy where the variable for the scheme is not set.");

/// What is reached directly.
pub const NO_PROXY: Key = Key::open(
    "NO_PROXY",
    "Hosts to reach directly: names with their subdomains, addresses, networks (`10.0.0.0/8`), each with or without \
     `:port`, or `*`.",
);

/// Every setting of this crate, for docs/environment.md.
pub const KEYS: &[Key] = &[CUBE_CA_FILE, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY];
