//! The protocol names that one port of a Teleport proxy tells flows apart by (Teleport RFD 39).

use super::config::AppKind;

/// A TCP app's bytes, as they are.
pub const TCP: &str = "teleport-tcp";
/// A TCP app's bytes in ping framing.
pub const TCP_PING: &str = "teleport-tcp-ping";
/// An HTTP app.
pub const HTTP1: &str = "http/1.1";
/// What every Teleport proxy knows and no balancer does: offered to find out which of them ends TLS.
pub const REVERSE_TUNNEL: &str = "teleport-reversetunnel";

/// What is offered for an app, most wanted first.
pub const fn offered(kind: AppKind) -> &'static [&'static str] {
    match kind {
        AppKind::Tcp => &[TCP_PING, TCP],
        AppKind::Http => &[HTTP1],
    }
}

/// A protocol that was agreed for an app.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Agreed {
    Plain,
    Ping,
}

/// What the answer to an offer means; none when it is no answer of a Teleport proxy.
pub(crate) fn agreed(kind: AppKind, answer: Option<&[u8]>) -> Option<Agreed> {
    let name = std::str::from_utf8(answer?).ok().filter(|name| offered(kind).contains(name))?;
    Some(if name == TCP_PING { Agreed::Ping } else { Agreed::Plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_offered_answers_count() {
        assert_eq!(agreed(AppKind::Tcp, Some(b"teleport-tcp-ping")), Some(Agreed::Ping));
        assert_eq!(agreed(AppKind::Tcp, Some(b"teleport-tcp")), Some(Agreed::Plain));
        assert_eq!(agreed(AppKind::Tcp, Some(b"http/1.1")), None);
        assert_eq!(agreed(AppKind::Tcp, None), None);
        assert_eq!(agreed(AppKind::Http, Some(b"http/1.1")), Some(Agreed::Plain));
    }
}
