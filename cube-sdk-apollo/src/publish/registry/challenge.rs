//! What a registry asks for: the `WWW-Authenticate` header of its 401.

use http::{HeaderMap, header};

/// A way to prove who one is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Challenge {
    Basic,
    /// A token from elsewhere: where, and for which service.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

impl Challenge {
    /// The challenge to answer: a token before a password.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut found: Vec<_> = values.filter_map(Self::parse).collect();
        found.sort_by_key(|challenge| *challenge == Self::Basic);
        found.into_iter().next()
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                _ => {}
            }
        }
        realm.map(|realm| Self::Bearer { realm, service })
    }
}

/// `name=value` pairs, quoted or not, with commas between.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',', '\t']);
    while let Some((name, after)) = rest.split_once('=') {
        let mut value = String::new();
        let end = if let Some(quoted) = after.strip_prefix('"') {
            let mut chars = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '\\' => value.extend(chars.next().map(|(_, c)| c)),
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    c => value.push(c),
                }
            }
            1 + end
        } else {
            let end = after.find([',', ' ']).unwrap_or(after.len());
            value.push_str(&after[..end]);
            end
        };
        found.push((name.trim().to_owned(), value));
        rest = after[end..].trim_start_matches([' ', ',', '\t']);
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    #[test]
    fn challenges() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        assert_eq!(of(&["Basic realm=\"x\""]), Some(Challenge::Basic));
        assert_eq!(of(&["basic"]), Some(Challenge::Basic));
        assert_eq!(
            of(&["Bearer realm=\"https://a/t?x=1,2\",service=\"r, s\",scope=\"repository:a:pull,push\""]),
            bearer("https://a/t?x=1,2", Some("r, s"))
        );
        assert_eq!(of(&["Bearer service=s, realm=https://a/t"]), bearer("https://a/t", Some("s")));
        assert_eq!(of(&["Basic realm=x", "Bearer realm=\"https://a\""]), bearer("https://a", None));
        assert_eq!(of(&["Bearer realm=\"a\\\"b\""]), bearer("a\"b", None));
        for none in [&["Bearer service=\"x\""][..], &["Digest realm=\"x\""], &[], &["Bearer realm"], &[""]] {
            assert_eq!(of(none), None, "{none:?}");
        }
        assert_eq!(of(&["Bearer realm=\"https://a"]), bearer("https://a", None));
    }
}
