//! The streaming reader: parallel ranged GETs, delivered strictly in order, within one memory budget.
//!
//! The first GET tells size and ETag and is already the first part; the others follow with `If-Match`. The
//! front part's chunks are handed on as they arrive; later parts wait in memory that was reserved before
//! they were asked for. A part that breaks resumes at its last byte. How many parts are in flight follows
//! what pays, and what the server asks for. The digest is computed beside the caller, who waits for it only
//! before the last chunk. The checksum that S3 itself stores is compared likewise, part by part where they are fetched.
//! Many small ranges go in one call, and headers are read through a seekable view.

mod body;
mod budget;
mod checksum;
mod concurrency;
mod crc;
mod file;
mod hold;
mod object;
mod open;
mod ordered;
mod pack;
mod part;
mod pin;
mod plan;
mod progress;
mod ranges;
mod seek;
mod source;
mod start;
mod stored;
mod window;

pub use file::FileReport;
pub use object::ObjectReader;
pub use open::{DEFAULT_BUDGET, OpenObject};
pub use progress::{ReaderEvent, ReaderStats};
pub use seek::SeekableObject;
