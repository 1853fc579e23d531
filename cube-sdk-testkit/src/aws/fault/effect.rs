//! What can go wrong.

use std::time::Duration;

use super::super::object::Object;

/// What goes wrong. Effects on a body befall only answers that carry an object; others go out unharmed, though counted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Effect {
    /// The body is sent up to `after` bytes, then the connection is reset (RST).
    ResetBody {
        /// Body bytes sent before the reset; a shorter body ends whole.
        after: u64,
    },
    /// The body is sent up to `after` bytes, then the connection is closed in good order (FIN), short of Content-Length.
    TruncateBody {
        /// Body bytes sent before the close.
        after: u64,
    },
    /// The body is sent up to `after` bytes, then nothing more comes on a connection that stays open.
    StallBody {
        /// Body bytes sent before the silence.
        after: u64,
    },
    /// The connection is reset (RST) once `after` bytes of the answer, its head included, have been written.
    ResetAnswer {
        /// Bytes written before the reset; a shorter answer goes out whole.
        after: u64,
    },
    /// 503 `SlowDown`; from STS and IAM 400 `Throttling`, as AWS has it, without `Retry-After`.
    SlowDown {
        /// Seconds of the `Retry-After` header, if it is sent.
        retry_after: Option<u64>,
    },
    /// 500 `InternalError`; from STS and IAM 500 `InternalFailure`.
    InternalError,
    /// An error of AWS's in the shape of the service, with its request ids: what this world does not come to by itself.
    Answer {
        /// The status, 400 to 599.
        status: u16,
        /// The code; from HEAD it does not show, as with AWS.
        code: String,
        /// The message.
        message: String,
    },
    /// An answer with AWS's request ids and no body, as its front ends and all HEADs give.
    Bare {
        /// The status.
        status: u16,
    },
    /// An answer that is not AWS's: no request id, and a body of somebody else's, such as a proxy's.
    Page {
        /// The status.
        status: u16,
        /// `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// 307 `TemporaryRedirect` to the bucket's own endpoint, in its own region: what S3 answers while a new bucket's name
    /// is not known everywhere. Requests that name no bucket are left alone.
    TemporaryRedirect,
    /// Waits before the request is looked at.
    Latency(Duration),
    /// The request is read, and never answered; the connection stays open until the client leaves.
    Hang,
    /// Sends the body at so many bytes per second.
    SlowBody {
        /// Bytes per second, at least 1.
        bytes_per_second: u64,
    },
    /// Sends the body in drops, with a pause after each.
    DripBody {
        /// Bytes of a drop, at least 1.
        bytes: u64,
        /// The pause.
        every: Duration,
    },
    /// Every session that is open now is over before the request is looked at.
    ExpireSessions,
    /// The object named by the request is replaced before the request is looked at.
    Overwrite(Object),
    /// The answer carries an ETag that is not the object's.
    WrongEtag,
    /// The answer carries this header instead of its own, or not at all: a weak ETag, bytes that are no text, no
    /// `Content-Length` (the body then comes in chunks), no request id.
    Header {
        /// The header.
        name: String,
        /// Its value; none takes it away.
        value: Option<Vec<u8>>,
    },
    /// One byte of the body is wrong.
    CorruptByte {
        /// Offset within the body as sent.
        at: u64,
    },
    /// The connection is closed without an answer.
    DropConnection,
}
