//! TCP to a host that may have many addresses, some of which may be dead.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep_until, timeout};

/// How long an address is tried alone before the next one is tried beside it (RFC 8305, section 5).
const ALONE: Duration = Duration::from_millis(250);

/// A peer that vanished is found after this long in silence, a third of it later three times over.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Why no address took the connection.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// What was tried, and what came of it, in a line.
    pub(crate) detail: String,
    /// The last failure.
    pub(crate) cause: io::Error,
}

impl Unreachable {
    /// None of the addresses answered in time.
    pub(crate) fn is_late(&self) -> bool {
        self.cause.kind() == io::ErrorKind::TimedOut
    }
}

/// Connects, with both families of addresses in turn, each of them a little after the one before: one that is dead
/// costs a quarter of a second. The stream has its delays off and keep-alive on.
///
/// # Cancel safety
/// Safe: what was begun is closed.
pub(crate) async fn tcp(host: &str, port: u16, limit: Duration) -> Result<TcpStream, Unreachable> {
    let shown = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let late = |what: &str| Unreachable {
        detail: format!("{what} within {:.1} s", limit.as_secs_f64()),
        cause: io::ErrorKind::TimedOut.into(),
    };
    let started = Instant::now();
    let found = match timeout(limit, lookup_host((host, port))).await {
        Ok(found) => found.map(Iterator::collect::<Vec<_>>),
        Err(_) => return Err(late(&format!("no answer about the address of `{host}`"))),
    };
    let addresses = match found {
        Ok(found) if !found.is_empty() => in_turn(found),
        Ok(_) => {
            let cause = io::Error::from(io::ErrorKind::NotFound);
            return Err(Unreachable { detail: format!("`{host}` has no address"), cause });
        }
        Err(cause) => return Err(Unreachable { detail: format!("`{host}` has no address: {cause}"), cause }),
    };
    let count = addresses.len();
    match timeout(limit.saturating_sub(started.elapsed()), race(addresses)).await {
        Ok(Ok(stream)) => {
            tune(&stream);
            Ok(stream)
        }
        Ok(Err((address, cause))) => {
            let at = if count > 1 { format!(" at any of {count} addresses, last {address}") } else { String::new() };
            Err(Unreachable { detail: format!("{shown} does not accept connections{at}: {cause}"), cause })
        }
        Err(_) if count > 1 => Err(late(&format!("none of the {count} addresses of {shown} took the connection"))),
        Err(_) => Err(late(&format!("{shown} did not take the connection"))),
    }
}

/// The resolver's order, with the other family at every second place (RFC 8305, section 4).
fn in_turn(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut own, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let mut order = VecDeque::new();
    while !own.is_empty() || !other.is_empty() {
        order.extend(own.pop_front());
        order.extend(other.pop_front());
    }
    order
}

async fn race(mut waiting: VecDeque<SocketAddr>) -> Result<TcpStream, (SocketAddr, io::Error)> {
    let mut tries = FuturesUnordered::new();
    let mut next = Instant::now();
    let mut last = None;
    loop {
        // Asked at once and not by a timer, which takes a millisecond even for what is due: every stream waits for this.
        if next <= Instant::now()
            && let Some(address) = waiting.pop_front()
        {
            tries.push(async move { (address, TcpStream::connect(address).await) });
            next = Instant::now() + ALONE;
        }
        tokio::select! {
            biased;
            Some((address, outcome)) = tries.next() => match outcome {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    last = Some((address, error));
                    // Nobody is being waited for politely any more.
                    next = Instant::now();
                }
            },
            () = sleep_until(next), if !waiting.is_empty() => {}
            else => break,
        }
    }
    Err(last.unwrap_or_else(|| (SocketAddr::from(([0; 4], 0)), io::ErrorKind::NotFound.into())))
}

/// Small writes go out at once, and a peer that vanished is found within a minute. Neither is worth a failed connection.
pub(crate) fn tune(stream: &TcpStream) {
    stream.set_nodelay(true).ok();
    let alive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3).with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&alive).ok();
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::TcpListener as Std;

    use tokio::net::TcpListener;

    use super::*;

    /// An address that takes no connection and refuses none: its backlog is full.
    fn dead() -> (SocketAddr, Vec<std::net::TcpStream>, socket2::Socket) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut filling = Vec::new();
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            filling.push(stream);
        }
        (address, filling, socket)
    }

    fn refused() -> SocketAddr {
        Std::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn families_take_turns() {
        let parse = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let order = in_turn(parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]));
        assert_eq!(order, parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]));
    }

    #[tokio::test]
    async fn dead_and_refusing_addresses_are_passed() {
        let (dead, ..) = &dead();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let started = std::time::Instant::now();
        let stream = race([*dead, refused(), *dead, good].into()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert!(started.elapsed() < Duration::from_secs(30), "one dead address held up the others");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_address_is_waited_for_by_no_timer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Timers go by whole milliseconds of the runtime.
        tokio::time::advance(Duration::from_micros(300)).await;
        let started = Instant::now();
        race([refused(), listener.local_addr().unwrap()].into()).await.unwrap();
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn what_none_of_the_addresses_took_is_told() {
        let nobody = refused();
        let error = tcp("127.0.0.1", nobody.port(), Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.cause.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.detail.starts_with(&format!("{nobody} does not accept connections: ")), "{}", error.detail);
        let (dead, ..) = &dead();
        let late = tcp("127.0.0.1", dead.port(), Duration::from_millis(300)).await.unwrap_err();
        assert!(late.is_late() && late.detail.ends_with("did not take the connection within 0.3 s"), "{late:?}");
        let unknown = tcp("no-such-host.invalid", 1, Duration::from_secs(5)).await.unwrap_err();
        assert!(unknown.detail.starts_with("`no-such-host.invalid` has no address"), "{unknown:?}");
    }

    #[tokio::test]
    async fn connections_ask_whether_their_peer_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tcp("127.0.0.1", listener.local_addr().unwrap().port(), Duration::from_secs(5)).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap() && stream.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
    }
}
