//! Where something lies in a registry: host, repository, tag.

use cube_sdk_core::names::refused;
use cube_sdk_core::{Result, text_id};

text_id! {
    /// A registry: `host` or `host:port`, without scheme.
    ///
    /// ```
    /// use cube_sdk_apollo::publish::RegistryHost;
    /// assert!(RegistryHost::parse("registry.example:5000").is_ok());
    /// assert!(RegistryHost::parse("https://registry.example").is_err());
    /// ```
    pub struct RegistryHost: check_host;

    /// A repository in a registry: lower-case segments, such as `charts/com.example/web`.
    ///
    /// ```
    /// use cube_sdk_apollo::publish::Repository;
    /// assert_eq!(Repository::parse("charts")?.child("web")?.as_str(), "charts/web");
    /// assert!(Repository::parse("charts/Web").is_err());
    /// # Ok::<(), cube_sdk_core::Error>(())
    /// ```
    pub struct Repository: check_repository;

    /// A tag: up to 128 letters, digits, `.`, `_` and `-`.
    ///
    /// ```
    /// use cube_sdk_apollo::publish::Tag;
    /// assert!(Tag::parse("1.4.2_build.7").is_ok() && Tag::parse("1.4.2+build.7").is_err());
    /// ```
    pub struct Tag: check_tag;
}

fn check_host(text: &str) -> Result<()> {
    let url = url::Url::parse(&format!("https://{text}/"));
    let fits = url.is_ok_and(|url| {
        let port = text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let whole = url.port().map_or_else(
            || url.host_str().unwrap_or_default().to_owned(),
            |port| format!("{}:{port}", url.host_str().unwrap_or_default()),
        );
        (whole.eq_ignore_ascii_case(text) || port) && url.path() == "/" && url.username().is_empty()
    });
    if fits && !text.contains(['/', '?', '#', '@', '\\']) && !text.contains(char::is_whitespace) {
        return Ok(());
    }
    Err(refused("registry", text, "it is not `host` or `host:port`").advice("leave out the scheme and any path"))
}

fn check_repository(text: &str) -> Result<()> {
    let fits = text.len() <= 255 && text.split('/').all(is_segment);
    if fits {
        return Ok(());
    }
    Err(refused(
        "repository",
        text,
        "each segment may hold lower-case letters and digits, with `.`, `_`, `__` or `-` between",
    )
    .advice("a registry takes no upper case and no other alphabets: rename the chart"))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_segment(segment: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = segment.as_bytes();
    let ends = bytes.first().is_some_and(|b| inner(*b)) && bytes.last().is_some_and(|b| inner(*b));
    let mut separators = segment.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && separators.all(|run| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

fn check_tag(text: &str) -> Result<()> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = text.as_bytes();
    let fits = bytes.first().is_some_and(|b| word(*b)) && bytes.iter().all(|b| word(*b) || matches!(b, b'.' | b'-'));
    if fits && text.len() <= 128 {
        return Ok(());
    }
    Err(refused("tag", text, "it may hold up to 128 letters, digits, `.`, `_` and `-`"))
}

impl RegistryHost {
    /// The registry at a service's own host, such as Apollo's.
    ///
    /// ```
    /// use cube_sdk_apollo::publish::RegistryHost;
    /// let host = RegistryHost::of_url(&"https://apollo.example:8443/base/".parse().unwrap())?;
    /// assert_eq!(host.as_str(), "apollo.example:8443");
    /// # Ok::<(), cube_sdk_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` where the URL names no host.
    pub fn of_url(url: &url::Url) -> Result<Self> {
        let host = url.host_str().unwrap_or_default();
        Self::parse(&url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }
}

impl Repository {
    /// A repository below this one.
    ///
    /// # Errors
    /// `InvalidInput` where the name cannot stand there.
    pub fn child(&self, name: &str) -> Result<Self> {
        Self::parse(&format!("{self}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_specification() {
        for good in ["a", "a/b", "com.edgescaleai-cube/x", "a__b/c--d", "a.b_c-d0"] {
            assert!(Repository::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "A", "a..b", "a___b", "-a", "a-", "a b", "ä", "a/../b", "a._b"] {
            assert!(Repository::parse(bad).is_err(), "{bad}");
        }
        for good in ["localhost:5000", "127.0.0.1:1", "registry.example", "R.example", "[::1]:5000", "h:443"] {
            assert!(RegistryHost::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "h/x", "http://h", "u@h", "h:x", "h:99999", "h?x", "a b", "h:"] {
            assert!(RegistryHost::parse(bad).is_err(), "{bad}");
        }
        let longest = "a".repeat(129);
        for bad in ["", ".a", "-a", "a+b", "a/b", longest.as_str()] {
            assert!(Tag::parse(bad).is_err(), "{bad}");
        }
    }
}
