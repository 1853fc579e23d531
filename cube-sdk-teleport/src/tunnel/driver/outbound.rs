//! From the outbox to the WebSocket.

use std::task::{Context, Poll};

use super::{Driver, Fault, WS_WRITE};
use crate::tunnel::codec::frame::Frame;
use crate::tunnel::codec::outbox::URGENT_LIMIT;
use crate::tunnel::codec::{BINARY, Breach};

/// The buffer of a socket that knows no bound on what is unsent.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
const MOST_SEND_BUFFER: usize = 4 << 20;

impl Driver {
    /// Takes the table's frames: for [`Driver::drain_mux`] alone.
    pub(super) fn encode_frames(&mut self) -> Result<(), Fault> {
        let (version, halves) = (self.mux.version(), self.mux.terms().halves);
        while let Some((slot, frame)) = self.mux.next_frame() {
            self.message.clear();
            frame.encode(version, &mut self.message);
            // An end must not overtake the bytes before it; a cut may.
            let ordered = matches!((&frame, halves), (Frame::Fin { .. }, _) | (Frame::Close { .. }, false));
            let behind =
                ordered && slot.and_then(|slot| self.sockets.get(slot)).is_some_and(|s| self.outbox.holds(s.epoch));
            if matches!(frame, Frame::Pong(_)) {
                self.count_pong()?;
            }
            if behind {
                self.outbox.append(&self.message)?;
            } else {
                self.outbox.urge(BINARY, &self.message)?;
            }
        }
        Ok(())
    }

    pub(super) fn count_pong(&mut self) -> Result<(), Fault> {
        self.pongs += 1;
        if self.pongs > 64 {
            return Err(Breach { code: 1008, reason: "pings come faster than pongs go out".to_owned() }.into());
        }
        Ok(())
    }

    pub(super) fn poll_outbound(&mut self) -> Result<bool, Fault> {
        if !self.writable {
            return Ok(false);
        }
        let before = self.outbox.pending();
        if before == 0 {
            self.pace.ran_dry();
        }
        let mut cx = Context::from_waker(self.ready.waker(WS_WRITE));
        let (moved, outcome) = self.outbox.poll_write(&mut self.io, &mut cx);
        self.pace.took(self.now, before - self.outbox.pending());
        match outcome {
            Poll::Pending => {
                self.writable = false;
                self.pace.is_full(self.now);
                self.fit_unsent();
            }
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(Fault::Io(error)),
        }
        if self.outbox.urgent_pending() == 0 {
            self.pongs = 0;
        }
        Ok(moved)
    }

    /// Keeps little unsent before the network. Where the system takes no such wish, small streams wait longer.
    pub(super) fn fit_unsent(&mut self) {
        let Some(bytes) = self.pace.news() else { return };
        self.io.hold_at_most(bytes.min(self.pace.batch()));
        let Some(socket) = self.io.socket().map(socket2::SockRef::from) else { return };
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let told = socket.set_tcp_notsent_lowat(u32::try_from(bytes).unwrap_or(u32::MAX));
        #[cfg(not(any(target_os = "android", target_os = "linux")))]
        let told = {
            let all = bytes.saturating_add(self.pace.under_way(self.mux.round_trip()));
            socket.set_send_buffer_size(all.saturating_mul(2).min(MOST_SEND_BUFFER))
        };
        told.ok();
    }

    /// Must no more be read from the WebSocket for now?
    pub(super) fn is_held_back(&self) -> bool {
        self.full.is_some() || self.outbox.urgent_pending() > URGENT_LIMIT
    }
}

#[cfg(all(test, any(target_os = "android", target_os = "linux")))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::Instant;

    use crate::tunnel::codec::frame::{Hello, Version};
    use crate::tunnel::driver::Driver;
    use crate::tunnel::mux::{Role, Rules};

    #[tokio::test]
    async fn the_system_is_told_how_little_may_be_unsent_before_the_first_byte_and_as_the_rate_shows() {
        for version in [Version::V1, Version::V2] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let hello = Hello { window: 4096, max_data: 4096, max_streams: 1, flags: 0 };
            let limit = Duration::from_secs(10);
            let rules = Rules { hello, open_limit: limit, max_dialling: 1, idle_limit: None };
            let mut driver = Driver::new(Box::new(stream), Role::Agent, version, rules, Arc::default());
            let told = |driver: &Driver| {
                let socket = driver.io.as_ref().socket().map(socket2::SockRef::from);
                socket.unwrap().tcp_notsent_lowat().unwrap()
            };
            assert_eq!(told(&driver), 64 * 1024);
            let mut now = Instant::now();
            driver.pace.is_full(now);
            for _ in 0..40 {
                now += Duration::from_millis(20);
                driver.pace.took(now, 25_000);
                driver.pace.is_full(now);
            }
            driver.fit_unsent();
            assert_eq!(told(&driver), 8 * 1024, "at 10 Mbit/s");
        }
    }
}
