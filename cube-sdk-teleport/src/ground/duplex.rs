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
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_socket_is_found_below_what_runs_over_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let own = stream.local_addr().unwrap();
        let boxed: Inner = Box::new(Box::new(stream) as Inner);
        assert_eq!(boxed.as_ref().socket().unwrap().local_addr().unwrap(), own);
        let (pipe, _far) = tokio::io::duplex(1);
        assert!(Box::new(pipe).as_ref().socket().is_none());
    }
}
