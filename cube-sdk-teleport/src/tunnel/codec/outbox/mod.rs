//! What waits to be written to the WebSocket.
//!
//! Two lanes. The bulk lane is one arena into which local sockets are read in place, several frames at once. The
//! urgent lane holds control frames and the small frames of streams with nothing in the arena; it goes first at every frame
//! boundary, so it waits for one unfinished frame at most.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cube_sdk_core::Result;
use tokio::io::AsyncWrite;

use super::mask::Keys;
use super::{BINARY, Side, encode};

/// The longest payload of a DATA frame. With both headers it stays below 64 KiB, so that the WebSocket header keeps
/// its short form.
pub(crate) const CHUNK: usize = 64 * 1024 - 512;

/// The arena is filled up to here at most before it is written: a fast line takes it in one system call.
pub(crate) const FILL: usize = 1024 * 1024;

/// The arena while nothing is known of the line.
const ARENA: usize = 128 * 1024;

/// The most frames that one read of a local socket fills.
const FRAMES: usize = 16;

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
            arena: vec![0; ARENA],
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

    /// Nothing is to be done: gives back what a fast line was given.
    pub(crate) fn rest(&mut self) {
        if self.start == self.end && self.arena.len() > ARENA {
            self.arena = vec![0; ARENA];
        }
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

    /// Is there room for another read?
    pub(crate) fn wants_more(&self) -> bool {
        self.end < self.fill
    }

    /// Fills the arena with that much from now on, and reads no more at once.
    pub(crate) fn batch(&mut self, bytes: usize) {
        self.fill = bytes.clamp(1, FILL);
    }

    /// Reads at most `most` bytes with one call of `read`, straight into the arena, as DATA payloads of at most `longest`
    /// bytes with room for their headers between them, and frames them.
    pub(crate) fn read_frames(
        &mut self,
        stream: u32,
        most: usize,
        longest: usize,
        read: impl FnOnce(&mut [IoSliceMut<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<Result<io::Result<usize>>> {
        let longest = longest.min(CHUNK);
        let most = most.min(self.fill).min(longest * FRAMES);
        // Whole frames: a rest would be a short one for nothing.
        let most = if most > longest { most - most % longest } else { most };
        let head = encode::data_room(longest.min(most), self.keys.is_some());
        let count = most.div_ceil(longest.max(1));
        let until = self.end + count * head + most;
        if until > self.arena.len() {
            self.arena.resize(until, 0);
        }
        let mut payloads: [IoSliceMut<'_>; FRAMES] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
        let (mut room, mut left) = (&mut self.arena[self.end..until], most);
        for payload in payloads.iter_mut().take(count) {
            let (front, rest) = room[head..].split_at_mut(longest.min(left));
            left -= front.len();
            *payload = IoSliceMut::new(front);
            room = rest;
        }
        let length = match ready!(read(&mut payloads[..count])) {
            Ok(length) => length.min(most),
            Err(error) => return Poll::Ready(Ok(Err(error))),
        };
        let (mut at, mut left) = (self.end + head, length);
        while left > 0 {
            let payload = longest.min(left);
            self.frame(at, payload, stream)?;
            left -= payload;
            at += payload + head;
        }
        Poll::Ready(Ok(Ok(length)))
    }

    /// Frames the payload that lies there in the arena, behind all others.
    fn frame(&mut self, at: usize, length: usize, stream: u32) -> Result<()> {
        let key = self.key()?;
        let start = encode::frame_in_place(&mut self.arena, at, length, stream, key);
        // A short frame has a shorter header: close the gap, which costs little because the frame is short.
        let gap = start - self.end;
        if gap > 0 && self.start == self.end {
            self.start = start;
        } else if gap > 0 {
            self.arena.copy_within(start..at + length, self.end);
        }
        self.end = if self.start == start { at + length } else { at + length - gap };
        self.bounds.push_back(self.end);
        Ok(())
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
