//! A byte stream, whatever it runs over.

use tokio::io::{AsyncRead, AsyncWrite};

/// Both directions of a connection.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
