//! HTTP CONNECT: through a proxy to a host behind it.

use bytes::Bytes;
use cube_sdk_core::redact::excerpt;
use cube_sdk_core::settings::Via;
use cube_sdk_core::{Error, ErrorKind, Result};
use http::{Request, header};
use http_body_util::Empty;

use super::{Duplex, http1};

/// How much of a refusal's body is read for the error's text.
const EXCERPT: usize = 4096;

/// Asks a proxy, over a connection to it that is already open, for a way to `authority` (`host:port`).
///
/// # Errors
/// `Connect`, naming the proxy and where it was set, when it refuses or breaks off; `Protocol` when bytes come from
/// behind it before any were sent.
pub(crate) async fn through(via: &Via, io: Box<dyn Duplex>, authority: &str) -> Result<Box<dyn Duplex>> {
    let broke = |cause: hyper::Error| {
        Error::new(ErrorKind::Connect, format!("the proxy {via} broke off: {cause}"))
            .advice(format!("check the proxy ({})", via.origin))
            .cause(cause)
    };
    let mut request = Request::connect(authority).header(header::HOST, authority);
    if let Some(value) = &via.authorization {
        request = request.header(header::PROXY_AUTHORIZATION, value);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|cause| Error::new(ErrorKind::Config, "the host cannot stand in a request to a proxy").cause(cause))?;
    let answer = http1::call(io, request).await.map_err(broke)?;
    let status = answer.status();
    if !status.is_success() {
        let wants_login = status.as_u16() == 407;
        let text = if wants_login { Default::default() } else { answer.body(EXCERPT).await.unwrap_or_default() };
        let text = excerpt(&text);
        let said = if text.is_empty() { String::new() } else { format!(": {text}") };
        let error = Error::new(ErrorKind::Connect, format!("the proxy {via} answered {status}{said}"));
        return Err(if wants_login {
            error.advice("give the proxy's user and password in its URL").with_transient(false)
        } else {
            let origin = &via.origin;
            error.advice(format!("check that the proxy ({origin}) may reach {authority}, or name its host in NO_PROXY"))
        });
    }
    let (io, read_ahead) = answer.upgrade().await.map_err(broke)?;
    if !read_ahead.is_empty() {
        return Err(Error::new(ErrorKind::Protocol, "bytes came from the proxy before any were sent"));
    }
    Ok(io)
}
