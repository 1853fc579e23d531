//! Points in time: RFC 3339 on the wire, [`SystemTime`] in the program.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
pub use crate::saturating::{Moment, NEVER, later};

/// A point in time, UTC, to the nanosecond. Reads and writes RFC 3339 (`2026-07-01T08:00:00Z`).
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::Timestamp;
///
/// let began: Timestamp = "2026-07-01T08:00:00Z".parse()?;
/// let ended = began.saturating_add(Duration::from_secs(90));
/// assert_eq!(ended.to_string(), "2026-07-01T08:01:30Z");
/// assert_eq!(ended.since(began), Duration::from_secs(90));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Now, by this machine's clock.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// Seconds since 1970, rounded down.
    pub fn as_second(self) -> i64 {
        self.0.as_second()
    }

    /// Milliseconds since 1970, rounded down.
    pub fn as_millisecond(self) -> i64 {
        self.0.as_millisecond()
    }

    /// From milliseconds since 1970; out-of-range values are clamped to the representable range.
    pub fn from_millisecond(millis: i64) -> Self {
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        }))
    }

    /// This time plus a duration, clamped to the representable range.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let span = jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX);
        Self(self.0.checked_add(span).unwrap_or(jiff::Timestamp::MAX))
    }

    /// This time minus a duration, clamped to the representable range.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let span = jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX);
        Self(self.0.checked_sub(span).unwrap_or(jiff::Timestamp::MIN))
    }

    /// Time from `earlier` to this; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        let from: SystemTime = earlier.into();
        SystemTime::from(self).duration_since(from).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|cause: jiff::Error| {
            // The text may come from a server, and no time is longer.
            let shown = crate::one_line::one_line(text, 64);
            Error::new(ErrorKind::InvalidInput, format!("`{shown}` is not an RFC 3339 time"))
                .advice("write it like 2026-07-01T08:00:00Z")
                .cause(cause)
        })
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

/// Tells the time. The virtual one follows tokio's clock, so that tests on a paused clock move both.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock(Option<(Timestamp, tokio::time::Instant)>);

impl Clock {
    /// This machine's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// Starts at `start` and moves with tokio's clock, paused or not.
    pub fn following_tokio(start: Timestamp) -> Self {
        Self(Some((start, tokio::time::Instant::now())))
    }

    /// Now, by this clock.
    pub fn now(&self) -> Timestamp {
        match self.0 {
            None => Timestamp::now(),
            Some((start, since)) => start.saturating_add(since.elapsed()),
        }
    }
}
