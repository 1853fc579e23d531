//! Connections that acknowledge what they have read before they wait for more.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

/// Makes [`PromptAck`] connections.
#[derive(Clone)]
pub(crate) struct PromptAckConnector(pub(crate) HttpConnector);

/// A TCP connection whose delayed acknowledgement is sent as soon as everything is read. A connection that has carried
/// several requests counts as interactive, so the kernel waits 40 ms with an acknowledgement that a sender with a
/// small window needs at once; one such wait of the part in front holds up every part behind it.
pub(crate) struct PromptAck {
    io: TokioIo<TcpStream>,
    /// Something was read since the last acknowledgement was asked for.
    unacknowledged: bool,
}

impl Service<Uri> for PromptAckConnector {
    type Response = PromptAck;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<PromptAck, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move { Ok(PromptAck { io: connecting.await?, unacknowledged: false }) })
    }
}

impl PromptAck {
    #[cfg(target_os = "linux")]
    fn acknowledge(&mut self) {
        if std::mem::take(&mut self.unacknowledged) {
            // Without it the connection is slower, not broken.
            let _ = socket2::SockRef::from(self.io.inner()).set_tcp_quickack(true);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn acknowledge(&mut self) {
        self.unacknowledged = false;
    }
}

impl Read for PromptAck {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.io).poll_read(cx, buf);
        match outcome {
            Poll::Ready(_) => self.unacknowledged = true,
            Poll::Pending => self.acknowledge(),
        }
        outcome
    }
}

impl Write for PromptAck {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

impl Connection for PromptAck {
    fn connected(&self) -> Connected {
        self.io.connected()
    }
}
