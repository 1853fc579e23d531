//! A byte stream, whatever it runs over.

use std::any::Any;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{client, server};

/// Both directions of a connection.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {
    /// The TCP socket below it; none where that is not ours to see.
    fn socket(&self) -> Option<&TcpStream>;

    /// Bounds what waits above that socket, encrypted already.
    fn hold_at_most(&mut self, bytes: usize);
}

/// A connection of a server's own kind over TCP. Given to [`Accepted::run`](crate::tunnel::Accepted::run) in a box, it lets
/// the relay bound what waits unsent in the system, so that small streams do not wait behind bulk; where the relay cannot
/// see the socket, they may.
///
/// ```
/// use cube_sdk_teleport::tunnel::{Accepted, OverTcp};
///
/// async fn run(accepted: Accepted, connection: Box<dyn OverTcp>) {
///     assert!(connection.tcp().is_some());
///     let mut connection = connection;
///     connection.hold_at_most(64 * 1024); // the relay does so by itself
///     accepted.run(connection).await;
/// }
/// ```
pub trait OverTcp: AsyncRead + AsyncWrite + Send + Unpin {
    /// The socket below; none where there is none to see.
    fn tcp(&self) -> Option<&TcpStream>;

    /// Holds back at most so many bytes above the socket, such as records of TLS; nothing to do where none are.
    fn hold_at_most(&mut self, bytes: usize);
}

type Inner = Box<dyn Duplex>;

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Duplex for T {
    fn socket(&self) -> Option<&TcpStream> {
        let io: &dyn Any = self;
        if let Some(tls) = io.downcast_ref::<client::TlsStream<Inner>>() {
            return tls.get_ref().0.as_ref().socket();
        }
        if let Some(tls) = io.downcast_ref::<server::TlsStream<TcpStream>>() {
            return Some(tls.get_ref().0);
        }
        if let Some(inner) = io.downcast_ref::<Inner>() {
            return inner.as_ref().socket();
        }
        if let Some(over) = io.downcast_ref::<Box<dyn OverTcp>>() {
            return over.tcp();
        }
        io.downcast_ref()
    }

    fn hold_at_most(&mut self, bytes: usize) {
        let io: &mut dyn Any = self;
        if let Some(tls) = io.downcast_mut::<client::TlsStream<Inner>>() {
            tls.get_mut().1.set_buffer_limit(Some(bytes));
        } else if let Some(tls) = io.downcast_mut::<server::TlsStream<TcpStream>>() {
            tls.get_mut().1.set_buffer_limit(Some(bytes));
        } else if let Some(inner) = io.downcast_mut::<Inner>() {
            inner.as_mut().hold_at_most(bytes);
        } else if let Some(over) = io.downcast_mut::<Box<dyn OverTcp>>() {
            over.as_mut().hold_at_most(bytes);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use cube_sdk_core::transport::RootCertificates;
    use tokio::io::ReadBuf;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::ground::tls;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    /// Both ends of TLS, as the agent and the relay hold them.
    async fn over_tls<S: Duplex + 'static>(near: Inner, far: S) -> (Inner, Inner) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let config = tls::trusting(&RootCertificates::from_pem(chain.as_bytes()).unwrap(), &[]).await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls::server(chain.as_bytes(), key.as_bytes()).unwrap()));
        let (near, far) = tokio::join!(tls::handshake(near, "localhost", config), acceptor.accept(far));
        (Box::new(near.unwrap()), Box::new(far.unwrap()))
    }

    fn own_address(io: &Inner) -> Option<std::net::SocketAddr> {
        io.as_ref().socket().map(|socket| socket.local_addr().unwrap())
    }

    /// A server's own connection, with a figure of what it was told.
    struct Own(TcpStream, Arc<AtomicUsize>);

    impl AsyncRead for Own {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Own {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    impl OverTcp for Own {
        fn tcp(&self) -> Option<&TcpStream> {
            Some(&self.0)
        }

        fn hold_at_most(&mut self, bytes: usize) {
            self.1.store(bytes, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_servers_own_connection_shows_its_socket_and_is_told_to_hold_less() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let told = Arc::default();
        let own: Box<dyn OverTcp> = Box::new(Own(stream, Arc::clone(&told)));
        let mut duplex: Box<dyn Duplex> = Box::new(own);
        let peer = duplex.as_ref().socket().unwrap().peer_addr().unwrap();
        assert_eq!(peer, listener.local_addr().unwrap());
        duplex.as_mut().hold_at_most(4711);
        assert_eq!(told.load(Ordering::Relaxed), 4711);
    }

    #[tokio::test]
    async fn the_socket_is_found_below_what_runs_over_it() {
        let (near, far) = pair().await;
        let addresses = [near.local_addr().unwrap(), far.local_addr().unwrap()].map(Some);
        let near: Inner = Box::new(Box::new(near) as Inner);
        assert_eq!(own_address(&near), addresses[0]);
        let (near, far) = over_tls(near, far).await;
        assert_eq!([own_address(&near), own_address(&far)], addresses, "over TLS");
        let (pipe, _far) = tokio::io::duplex(1);
        let pipe: Inner = Box::new(pipe);
        assert_eq!(own_address(&pipe), None);
    }

    /// Bytes that are taken while the peer reads nothing.
    async fn taken(io: &mut Inner) -> usize {
        let mut taken = 0;
        poll_fn(|cx| {
            while let Poll::Ready(n) = Pin::new(&mut *io).poll_write(cx, &[0; 1000]) {
                taken += n.unwrap();
            }
            Poll::Ready(())
        })
        .await;
        taken
    }

    #[tokio::test]
    async fn little_waits_encrypted() {
        let pipe = 16 * 1024;
        for (bound, most) in [(4_096, pipe + 4_096), (30_000, pipe + 30_000)] {
            let (near, far) = tokio::io::duplex(pipe);
            let (mut near, _far) = over_tls(Box::new(near), far).await;
            near.as_mut().hold_at_most(bound);
            let taken = taken(&mut near).await;
            assert!(taken > bound && taken <= most, "{taken} with a bound of {bound}");
        }
    }
}
