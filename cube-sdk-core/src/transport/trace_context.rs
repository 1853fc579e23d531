//! The seam to the program's tracing system.

use std::fmt;

use http::HeaderMap;

/// Says which trace a request belongs to, for programs that send their spans somewhere: W3C `traceparent` and
/// `tracestate`, usually those of [`tracing::Span::current`].
///
/// Asked once for each attempt, within the attempt's span.
pub trait TraceContext: fmt::Debug + Send + Sync + 'static {
    /// Adds the headers of the current span; none when it is not traced.
    fn inject(&self, headers: &mut HeaderMap);
}
