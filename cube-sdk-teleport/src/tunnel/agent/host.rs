//! The agent's listener, and the local connections that wait for a relay.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::handle::{Shared, TunnelEvent};
use crate::app_name::AppName;
use crate::ground::connect::tune;
use crate::refusal::TunnelCode;
use crate::tunnel::driver::{DialFuture, Host, Incoming};
use crate::tunnel::fault::TunnelFault;
use crate::tunnel::pipe::Far;
use crate::tunnel::report::StreamReport;

/// A local connection waits so long, unread, for a relay.
pub(super) const WAIT_LIMIT: Duration = Duration::from_secs(15);

/// Local connections that may wait; beyond, the listener's own backlog holds them.
const WAITING: usize = 256;

/// Listener, waiting connections, and what events go to.
pub(super) struct AgentHost {
    pub(super) shared: Arc<Shared>,
    listener: Option<TcpListener>,
    waiting: VecDeque<(Incoming, Instant)>,
    /// Streams that this process asks for.
    asked: Option<mpsc::Receiver<Far>>,
    pause: Option<Pin<Box<Sleep>>>,
    /// The relay answered a CONNECT on the current connection.
    pub(super) proved: bool,
}

impl AgentHost {
    pub(super) fn new(shared: Arc<Shared>, listener: TcpListener, asked: mpsc::Receiver<Far>) -> Self {
        Self { listener: Some(listener), asked: Some(asked), ..Self::watching(shared) }
    }

    /// One that only watches streams of a connection that takes no new ones.
    pub(super) fn watching(shared: Arc<Shared>) -> Self {
        Self { shared, listener: None, waiting: VecDeque::new(), asked: None, pause: None, proved: false }
    }

    /// Puts connections back whose stream was lost before anything was read from them.
    pub(super) fn put_back(&mut self, streams: Vec<Incoming>) {
        let until = later(Instant::now(), WAIT_LIMIT);
        for stream in streams.into_iter().rev() {
            self.waiting.push_front((stream, until));
        }
    }

    /// Closes the listener and resets who waits.
    pub(super) fn close(&mut self) {
        self.listener = None;
        for (incoming, _) in self.waiting.drain(..) {
            incoming.refuse(TunnelCode::Stopped, "the tunnel is closed");
        }
        if let Some(mut asked) = self.asked.take() {
            asked.close();
            while let Ok(far) = asked.try_recv() {
                far.cut(TunnelFault::new(TunnelCode::Stopped, "the tunnel is closed"));
            }
        }
    }

    fn poll_listener(&mut self, cx: &mut Context<'_>) -> Poll<TcpStream> {
        loop {
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            let Some(listener) = &self.listener else { return Poll::Pending };
            match listener.poll_accept(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((stream, _))) => {
                    tune(&stream);
                    return Poll::Ready(stream);
                }
                Poll::Ready(Err(error)) if is_of_the_peer(&error) => {}
                Poll::Ready(Err(error)) => {
                    tracing::warn!(%error, "could not accept a local connection");
                    // Out of file descriptors: without a pause the loop would spin.
                    self.pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(100))));
                }
            }
        }
    }

    /// The next local connection, of whichever sort.
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        if let Some(asked) = &mut self.asked
            && let Poll::Ready(Some(far)) = asked.poll_recv(cx)
        {
            return Poll::Ready(Incoming::Own(far));
        }
        self.poll_listener(cx).map(Incoming::Tcp)
    }

    /// Without a relay: takes connections in to wait, and resets those that waited too long. Never ends.
    pub(super) async fn hold(&mut self) -> Infallible {
        loop {
            let oldest = self.waiting.front().map(|(_, until)| *until);
            let full = self.waiting.len() >= WAITING;
            tokio::select! {
                incoming = std::future::poll_fn(|cx| self.poll_incoming(cx)), if !full => {
                    self.waiting.push_back((incoming, later(Instant::now(), WAIT_LIMIT)));
                }
                () = tokio::time::sleep_until(oldest.unwrap_or_else(Instant::now)), if oldest.is_some() => {
                    if let Some((incoming, _)) = self.waiting.pop_front() {
                        incoming.refuse(TunnelCode::ConnectionLost, "the relay is away");
                        self.refused(TunnelCode::ConnectionLost);
                    }
                }
            }
        }
    }
}

/// The peer gave up before it was accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

impl Host for AgentHost {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        match self.waiting.pop_front() {
            Some((incoming, _)) => Poll::Ready(incoming),
            None => self.poll_incoming(cx),
        }
    }

    fn app(&self) -> Option<&AppName> {
        Some(&self.shared.app)
    }

    fn dial(&mut self, _app: AppName, _deadline: Instant) -> Option<DialFuture> {
        None
    }

    fn opened(&mut self, stream: u32, _app: &AppName) {
        self.shared.tell(|| TunnelEvent::StreamOpened { stream });
    }

    fn ended(&mut self, report: StreamReport) {
        tracing::debug!(
            stream = report.stream,
            app = %report.app,
            sent = report.sent,
            received = report.received,
            ending = %report.ending,
            "tunnel stream ended"
        );
        self.shared.count(&report.ending);
        self.shared.tell(|| TunnelEvent::StreamEnded { report });
    }

    fn refused(&mut self, code: TunnelCode) {
        self.shared.tell(|| TunnelEvent::LocalRefused { code });
    }

    fn proved(&mut self) {
        self.proved = true;
    }
}
