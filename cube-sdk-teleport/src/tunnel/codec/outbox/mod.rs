//! What waits to be written to the WebSocket.
//!
//! Two lanes. The bulk lane is one arena into which local sockets are read in place. The urgent lane holds
//! control frames and the small frames of streams with nothing in the arena; it goes first at every frame
//! boundary, so it waits for one unfinished frame at most.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cube_sdk_core::Result;
use tokio::io::{AsyncWrite, ReadBuf};

use super::mask::Keys;
use super::{BINARY, Side, encode};

/// The longest payload of a DATA frame that is read in one go. With both headers it stays below 64 KiB, so that
/// the WebSocket header keeps its short form.
pub(crate) const CHUNK: usize = 64 * 1024 - 512;

/// The arena is filled up to here at most before it is written.
const FILL: usize = 64 * 1024;

/// Urgent bytes that may wait before no more are asked for.
pub(crate) const URGENT_LIMIT: usize = 256 * 1024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lane {
    Bulk,
    Urgent,
}

/// The two lanes of one connection.
pub(crate) struct Outbox {
    keys: Option<Keys>,
    urgent: Vec<u8>,
    urgent_start: usize,
    arena: Vec<u8>,
    start: usize,
    end: usize,
    /// The arena is filled up to here before it is written: what is in it, small frames have to wait for.
    fill: usize,
    /// Where the frames in the arena end.
    bounds: VecDeque<usize>,
    /// Counts how often the arena was emptied: tells whether a stream's last frame is still in it.
    epoch: u64,
    /// The frame at `start` is partly written.
    mid_frame: bool,
    flush_due: bool,
}

impl Outbox {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            keys: (side == Side::Client).then(Keys::new),
            urgent: Vec::new(),
            urgent_start: 0,
            arena: vec![0; FILL + CHUNK + 64],
            start: 0,
            end: 0,
            fill: FILL,
            bounds: VecDeque::new(),
            epoch: 1,
            mid_frame: false,
            flush_due: false,
        }
    }

    fn key(&mut self) -> Result<Option<[u8; 4]>> {
        self.keys.as_mut().map(Keys::draw).transpose()
    }

    /// Bytes not written yet.
    pub(crate) fn pending(&self) -> usize {
        self.urgent_pending() + self.end - self.start
    }

    pub(crate) fn urgent_pending(&self) -> usize {
        self.urgent.len() - self.urgent_start
    }

    /// The number to compare with [`Outbox::holds`] later.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Is a frame that was put into the arena in this epoch possibly still there?
    pub(crate) fn holds(&self, epoch: u64) -> bool {
        epoch == self.epoch && self.start != self.end
    }

    /// Puts a whole message into the urgent lane.
    pub(crate) fn urge(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        let key = self.key()?;
        encode::put_message(&mut self.urgent, opcode, key, payload);
        Ok(())
    }

    /// Puts a small DATA frame into the urgent lane.
    pub(crate) fn urge_data(&mut self, stream: u32, payload: &[u8]) -> Result<()> {
        let key = self.key()?;
        encode::put_data(&mut self.urgent, key, stream, payload);
        Ok(())
    }

    /// Puts a small message behind what is in the arena.
    pub(crate) fn append(&mut self, payload: &[u8]) -> Result<()> {
        let key = self.key()?;
        let mut message = Vec::with_capacity(payload.len() + 14);
        encode::put_message(&mut message, BINARY, key, payload);
        let end = self.end + message.len();
        if end > self.arena.len() {
            self.arena.resize(end, 0);
        }
        self.arena[self.end..end].copy_from_slice(&message);
        self.end = end;
        self.bounds.push_back(end);
        Ok(())
    }

    /// Forgets everything: the transport is gone.
    pub(crate) fn discard(&mut self) {
        self.urgent.clear();
        self.urgent_start = 0;
        self.start = 0;
        self.end = 0;
        self.bounds.clear();
        self.mid_frame = false;
        self.flush_due = false;
    }

    /// Is there room for another chunk?
    pub(crate) fn wants_more(&self) -> bool {
        self.end < self.fill
    }

    /// Fills the arena with that much from now on, and makes no longer frames.
    pub(crate) fn batch(&mut self, bytes: usize) {
        self.fill = bytes.clamp(1, FILL);
    }

    /// Reads a DATA payload of at most `most` bytes straight into the arena with `read`, and frames it.
    pub(crate) fn read_frame(
        &mut self,
        stream: u32,
        most: usize,
        read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<Result<io::Result<usize>>> {
        let most = most.min(CHUNK).min(self.fill);
        let masked = self.keys.is_some();
        let at = self.end + encode::data_room(most, masked);
        if at + most > self.arena.len() {
            self.arena.resize(at + most, 0);
        }
        let mut buffer = ReadBuf::new(&mut self.arena[at..at + most]);
        let outcome = ready!(read(&mut buffer));
        let length = buffer.filled().len();
        if outcome.is_err() || length == 0 {
            return Poll::Ready(Ok(outcome.map(|()| 0)));
        }
        let key = self.key()?;
        let start = encode::frame_in_place(&mut self.arena, at, length, stream, key);
        // A short frame has a shorter header: close the gap, which costs little because the frame is short.
        let gap = start - self.end;
        if gap > 0 {
            if self.start == self.end {
                self.start = start;
                self.end = at + length;
            } else {
                self.arena.copy_within(start..at + length, self.end);
                self.end = at + length - gap;
            }
        } else {
            self.end = at + length;
        }
        self.bounds.push_back(self.end);
        Poll::Ready(Ok(Ok(length)))
    }

    /// The lane to write from, and how far.
    fn next(&self) -> Option<(Lane, usize)> {
        let mid_urgent = self.urgent_start > 0;
        if self.start == self.end || mid_urgent {
            return (self.urgent_pending() > 0).then_some((Lane::Urgent, self.urgent.len()));
        }
        if self.urgent.is_empty() {
            return Some((Lane::Bulk, self.end));
        }
        if self.mid_frame {
            return Some((Lane::Bulk, self.bounds.front().copied().unwrap_or(self.end)));
        }
        Some((Lane::Urgent, self.urgent.len()))
    }

    /// Writes until everything is out or the socket is full. Gives whether bytes moved.
    pub(crate) fn poll_write(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin + ?Sized),
        cx: &mut Context<'_>,
    ) -> (bool, Poll<io::Result<()>>) {
        let mut moved = false;
        while let Some((lane, until)) = self.next() {
            let bytes = match lane {
                Lane::Bulk => &self.arena[self.start..until],
                Lane::Urgent => &self.urgent[self.urgent_start..until],
            };
            match Pin::new(&mut *io).poll_write(cx, bytes) {
                Poll::Ready(Ok(0)) => return (moved, Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(n)) => {
                    self.written(lane, n);
                    self.flush_due = true;
                    moved = true;
                }
                Poll::Ready(Err(error)) => return (moved, Poll::Ready(Err(error))),
                Poll::Pending => return (moved, Poll::Pending),
            }
        }
        if self.flush_due {
            match Pin::new(io).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flush_due = false,
                other => return (moved, other),
            }
        }
        (moved, Poll::Ready(Ok(())))
    }

    fn written(&mut self, lane: Lane, n: usize) {
        match lane {
            Lane::Urgent => {
                self.urgent_start += n;
                if self.urgent_start == self.urgent.len() {
                    self.urgent.clear();
                    self.urgent_start = 0;
                    if self.urgent.capacity() > URGENT_LIMIT {
                        self.urgent.shrink_to(4096);
                    }
                }
            }
            Lane::Bulk => {
                self.start += n;
                self.mid_frame = true;
                while self.bounds.front().is_some_and(|bound| *bound <= self.start) {
                    self.mid_frame = self.bounds.pop_front() != Some(self.start);
                }
                if self.start == self.end {
                    self.start = 0;
                    self.end = 0;
                    self.bounds.clear();
                    self.mid_frame = false;
                    self.epoch += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
