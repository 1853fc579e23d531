//! One GET over a stream that is already open, with a bounded answer.

use bytes::Bytes;
use cube_sdk_core::{Error, ErrorKind, Result};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// An answer larger than this is none of the ones that are asked for here.
const MAX_BODY: usize = 1024 * 1024;

/// Sends `GET path` and reads the whole answer.
pub(crate) async fn get(
    io: impl AsyncRead + AsyncWrite + Send + Unpin,
    host: &str,
    path: &str,
) -> Result<(StatusCode, Bytes)> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(io)).await.map_err(|cause| broke(cause.into()))?;
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the request cannot be written").cause(cause))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|cause| broke(cause.into()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(broke)?;
        Ok((status, body.to_bytes()))
    };
    // The connection is driven beside the request; when it ends first, the answer is already in.
    tokio::pin!(answer);
    tokio::select! {
        biased;
        outcome = &mut answer => outcome,
        ended = connection => match ended {
            Ok(()) => answer.await,
            Err(cause) => Err(broke(cause.into())),
        },
    }
}

fn broke(cause: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::new(ErrorKind::Transport, "the answer did not come whole").cause(cause)
}
