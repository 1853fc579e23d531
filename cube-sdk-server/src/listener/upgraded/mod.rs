//! What lies below an upgraded connection of a listener.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use cube_sdk_teleport::tunnel::OverTcp;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::{self, Parts};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::socket::Socket;

/// The listener's own connection below what hyper handed over, or that itself, from another server.
pub(crate) fn below(upgraded: Upgraded) -> Result<Box<dyn OverTcp>, Upgraded> {
    let upgraded = match upgrade::downcast::<TokioIo<Socket>>(upgraded) {
        Ok(Parts { io, read_buf, .. }) => return Ok(Box::new(Plain(Early(read_buf, io.into_inner())))),
        Err(upgraded) => upgraded,
    };
    let Parts { io, read_buf, .. } = upgrade::downcast::<TokioIo<TlsStream<Socket>>>(upgraded)?;
    Ok(Box::new(Secure(Early(read_buf, io.into_inner()))))
}

/// Gives what was read ahead before the rest.
struct Early<T>(Bytes, T);
struct Plain(Early<Socket>);
struct Secure(Early<TlsStream<Socket>>);

impl OverTcp for Plain {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self.0.1.tcp())
    }

    fn hold_at_most(&mut self, _: usize) {}
}

impl OverTcp for Secure {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self.0.1.get_ref().0.tcp())
    }

    fn hold_at_most(&mut self, bytes: usize) {
        self.0.1.get_mut().1.set_buffer_limit(Some(bytes));
    }
}

impl<T: AsyncRead + Unpin> Early<T> {
    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Pin::new(&mut self.1).poll_read(cx, buf);
        }
        let count = self.0.len().min(buf.remaining());
        buf.put_slice(&self.0[..count]);
        self.0.advance(count);
        Poll::Ready(Ok(()))
    }
}

/// Both are their connection in everything but what was read ahead.
macro_rules! stream {
    ($name:ident) => {
        impl AsyncRead for $name {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.read(cx, buf)
            }
        }

        impl AsyncWrite for $name {
            fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0.1).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0.1).poll_write_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                self.0.1.is_write_vectored()
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0.1).poll_flush(cx)
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0.1).poll_shutdown(cx)
            }
        }
    };
}

stream!(Plain);
stream!(Secure);

#[cfg(test)]
mod tests;
