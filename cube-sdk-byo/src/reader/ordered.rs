//! The parts' chunks, strictly in the order of their bytes.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cube_sdk_core::Result;
use tokio::sync::mpsc;

use super::crc::WholeCrc;
use super::part::PartChunks;

/// Reads one part after the other.
pub(crate) struct Ordered {
    parts: mpsc::UnboundedReceiver<PartChunks>,
    current: Option<PartChunks>,
    at: u64,
    end: u64,
    /// Compared with what S3 stores, before the last chunk is given.
    crc: Option<WholeCrc>,
}

impl Ordered {
    /// The bytes from `at` to `end`.
    pub(crate) fn new(parts: mpsc::UnboundedReceiver<PartChunks>, at: u64, end: u64, crc: Option<WholeCrc>) -> Self {
        Self { parts, current: None, at, end, crc }
    }

    /// True once every byte was given.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.end
    }

    /// The next chunk; none after the last byte. After an error nothing more comes.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if self.is_at_end() {
                return Poll::Ready(None);
            }
            let Some(part) = &mut self.current else {
                match ready!(self.parts.poll_recv(cx)) {
                    Some(part) => self.current = Some(part),
                    None => return Poll::Ready(Some(Err(self.fail(None)))),
                }
                continue;
            };
            match ready!(part.chunks.poll_recv(cx)) {
                Some(Ok(chunk)) => {
                    self.at += chunk.len() as u64;
                    if let (Some(whole), Some(crc), true) = (&mut self.crc, &part.crc, self.at == part.range.end) {
                        whole.append(crc);
                        if self.at == self.end
                            && let Err(error) = whole.check()
                        {
                            return Poll::Ready(Some(Err(self.fail(Some(error)))));
                        }
                    }
                    return Poll::Ready(Some(Ok(chunk)));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(self.fail(Some(error))))),
                None if self.at == part.range.end => self.current = None,
                None => {
                    let error = part.lost(self.at);
                    return Poll::Ready(Some(Err(self.fail(Some(error)))));
                }
            }
        }
    }

    /// Ends the sequence: closing the channel also tells the window to stop.
    fn fail(&mut self, error: Option<cube_sdk_core::Error>) -> cube_sdk_core::Error {
        let at = std::mem::replace(&mut self.at, self.end);
        self.parts.close();
        self.current = None;
        error.unwrap_or_else(|| {
            cube_sdk_core::Error::new(
                cube_sdk_core::ErrorKind::Closed,
                format!("the reader's tasks ended at byte {at} of {}", self.end),
            )
            .advice("the runtime that the reader was opened on was shut down: keep it until the read is over")
        })
    }
}
