//! Which version a connection speaks: the headers of both sides, and when to try again as version 1.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::codec::frame::Version;

/// Subprotocol of version 2.
pub(crate) const V2: &str = "cube-tunnel.v2";

/// Subprotocol of version 1, for peers that want one named.
pub(crate) const V1: &str = "cube-tunnel.v1";

/// Marks every answer of a relay that knows version 2.
pub(crate) const MARK: HeaderName = HeaderName::from_static("cube-tunnel");

/// The mark's value.
pub(crate) const MARK_VALUE: HeaderValue = HeaderValue::from_static("2");

/// Which versions an agent uses.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Protocol {
    /// Version 2 where the relay knows it, else version 1.
    #[default]
    Auto,
    /// Version 1 only. The key travels in the URL.
    V1,
    /// Version 2 only; never falls back.
    V2,
}

/// The subprotocols that a request offers.
pub(crate) fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// The relay's choice: the version, and the subprotocol to name in the answer.
pub(crate) fn choose(headers: &HeaderMap) -> (Version, Option<&'static str>) {
    let mut first = false;
    for offer in offers(headers) {
        match offer {
            V2 => return (Version::V2, Some(V2)),
            V1 => first = true,
            _ => {}
        }
    }
    (Version::V1, first.then_some(V1))
}

/// What an agent makes of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Speak this version on this socket.
    Speak(Version),
    /// Try once more as version 1, with the key in the URL.
    FallBack,
    /// Refused for good.
    Refused,
    /// The relay lacks what was asked for.
    Unsupported,
    /// An answer that nothing allows.
    Broken,
}

/// Judges an answer to a request that did (`offered`) or did not offer version 2.
pub(crate) fn judge(protocol: Protocol, offered: bool, status: StatusCode, headers: &HeaderMap) -> Verdict {
    let marked = headers.contains_key(MARK);
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let unknown = matches!(status.as_u16(), 400 | 401 | 403 | 404 | 426);
        let again = offered && unknown && !marked && protocol == Protocol::Auto;
        return if again { Verdict::FallBack } else { Verdict::Refused };
    }
    let named = headers.get(header::SEC_WEBSOCKET_PROTOCOL).map(|value| value.to_str().unwrap_or_default());
    match (named, offered) {
        (Some(V2), true) => Verdict::Speak(Version::V2),
        (None | Some(V1), _) if protocol == Protocol::V2 => Verdict::Unsupported,
        (None, _) | (Some(V1), true) => Verdict::Speak(Version::V1),
        _ => Verdict::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(protocol: Option<&'static str>, marked: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        if marked {
            headers.insert(MARK, MARK_VALUE);
        }
        headers
    }

    #[test]
    fn the_relay_prefers_version_2() {
        assert_eq!(choose(&headers(Some("cube-tunnel.v1, cube-tunnel.v2"), false)), (Version::V2, Some(V2)));
        assert_eq!(choose(&headers(Some("chat,cube-tunnel.v1"), false)), (Version::V1, Some(V1)));
        assert_eq!(choose(&headers(None, false)), (Version::V1, None));
    }

    #[test]
    fn answers_are_judged_as_the_table_says() {
        let status = |code: u16| StatusCode::from_u16(code).unwrap_or_default();
        for code in [400, 401, 403, 404, 426] {
            assert_eq!(judge(Protocol::Auto, true, status(code), &headers(None, false)), Verdict::FallBack);
            assert_eq!(judge(Protocol::Auto, true, status(code), &headers(None, true)), Verdict::Refused);
            assert_eq!(judge(Protocol::Auto, false, status(code), &headers(None, false)), Verdict::Refused);
            assert_eq!(judge(Protocol::V2, true, status(code), &headers(None, false)), Verdict::Refused);
        }
        for code in [429, 500, 502, 503] {
            assert_eq!(judge(Protocol::Auto, true, status(code), &headers(None, false)), Verdict::Refused);
        }
        let switched = |protocol, offered, named| judge(protocol, offered, status(101), &headers(named, true));
        assert_eq!(switched(Protocol::Auto, true, Some(V2)), Verdict::Speak(Version::V2));
        assert_eq!(switched(Protocol::Auto, true, Some(V1)), Verdict::Speak(Version::V1));
        assert_eq!(switched(Protocol::Auto, true, None), Verdict::Speak(Version::V1));
        assert_eq!(switched(Protocol::V2, true, None), Verdict::Unsupported);
        assert_eq!(switched(Protocol::V1, false, None), Verdict::Speak(Version::V1));
        assert_eq!(switched(Protocol::V1, false, Some(V2)), Verdict::Broken);
        assert_eq!(switched(Protocol::Auto, true, Some("chat")), Verdict::Broken);
    }
}
