//! A stream of a tunnel within this process: no port, no other process that could use it.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cube_sdk_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::watch;

use super::fault::TunnelFault;
use crate::refusal::TunnelCode;

/// Bytes that may lie between both ends.
const BUFFER: usize = 64 * 1024;

/// What became of the stream.
#[derive(Clone, Debug, Default)]
struct Fate {
    opened: bool,
    /// The app ended its direction in good order.
    finished: bool,
    cut: Option<TunnelFault>,
}

/// Both ends of a new one.
pub(crate) fn pipe() -> (TunnelStream, Far) {
    let (near, far) = tokio::io::duplex(BUFFER);
    let (fate, told) = watch::channel(Fate::default());
    (TunnelStream { io: near, fate: told, _tunnel: None }, Far { io: far, fate })
}

/// A stream to the app of a tunnel: what [`Tunnel::connect`](super::Tunnel::connect) gives. Shutting down the write side
/// leaves the read side open.
///
/// A stream that was cut ends with an error, never as if it were complete: `ConnectionReset`, out of which
/// [`TunnelErrorExt`](super::fault::TunnelErrorExt) reads why. Dropping it ends both directions. While it lives, it counts
/// as a handle of its tunnel.
pub struct TunnelStream {
    io: DuplexStream,
    fate: watch::Receiver<Fate>,
    /// A tunnel without a handle is given up.
    _tunnel: Option<Arc<dyn Send + Sync>>,
}

impl fmt::Debug for TunnelStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelStream").finish_non_exhaustive()
    }
}

impl TunnelStream {
    /// Keeps this alive for as long as it lives itself.
    pub(crate) fn holding(mut self, tunnel: Arc<dyn Send + Sync>) -> Self {
        self._tunnel = Some(tunnel);
        self
    }

    /// Waits for the relay's word.
    pub(crate) async fn opened(mut self) -> Result<Self> {
        let fate = match self.fate.wait_for(|fate| fate.opened || fate.cut.is_some()).await {
            Ok(fate) => fate.clone(),
            Err(_) => Fate { cut: Some(lost()), ..Fate::default() },
        };
        match fate.cut {
            // What was opened and cut since then says so when it is read.
            Some(fault) if !fate.opened => Err(fault.into_error()),
            _ => Ok(self),
        }
    }

    /// Why an end is none; nothing when it is one.
    fn fault(&self) -> Option<TunnelFault> {
        let fate = self.fate.borrow();
        (!fate.finished).then(|| fate.cut.clone().unwrap_or_else(lost))
    }

    fn broken(&self, error: io::Error) -> io::Error {
        self.fate.borrow().cut.clone().map_or(error, reset)
    }
}

fn lost() -> TunnelFault {
    TunnelFault::new(TunnelCode::ConnectionLost, "the tunnel ended")
}

fn reset(fault: TunnelFault) -> io::Error {
    let error: Error = fault.into_error();
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}

impl AsyncRead for TunnelStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let (before, room) = (buf.filled().len(), buf.remaining());
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        if buf.filled().len() == before && room > 0 {
            // The pipe is closed on the other side; whether that is the end is another question.
            return Poll::Ready(this.fault().map_or(Ok(()), |fault| Err(reset(fault))));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TunnelStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        Pin::new(&mut this.io).poll_write(cx, bytes).map_err(|error| this.broken(error))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

/// The tunnel's end.
#[derive(Debug)]
pub(crate) struct Far {
    io: DuplexStream,
    fate: watch::Sender<Fate>,
}

impl Far {
    /// The relay reached the app.
    pub(crate) fn opened(&self) {
        self.fate.send_modify(|fate| fate.opened = true);
    }

    /// Ends it so that it does not look complete.
    pub(crate) fn cut(self, fault: TunnelFault) {
        self.fate.send_modify(|fate| fate.cut = Some(fault));
    }
}

impl AsyncRead for Far {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Far {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Before the reader can see the end.
        this.fate.send_modify(|fate| fate.finished = true);
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

/// No tunnel that could take a stream.
pub(crate) fn gone(state: &impl fmt::Display) -> Error {
    Error::new(ErrorKind::Closed, format!("the tunnel takes no streams: it is {state}")).advice("open it again")
}
