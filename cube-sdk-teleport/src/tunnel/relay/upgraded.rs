//! The socket below an upgraded connection: without it, what waits unsent in the system could not be bounded.

use std::any::Any;

use bytes::Bytes;
use hyper::upgrade::{Parts, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::ground::Duplex;

type Opened = (Box<dyn Duplex>, Bytes);

/// Whatever the caller has; of what hyper or axum hand over, the connection below with what was read ahead of it.
pub(super) fn opened(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Opened {
    let mut io = Some(io);
    let any: &mut dyn Any = &mut io;
    if let Some(upgraded) = any.downcast_mut::<Option<TokioIo<Upgraded>>>().and_then(Option::take) {
        return below(upgraded.into_inner());
    }
    let io: Box<dyn Duplex> = match io {
        Some(io) => Box::new(io),
        // Taken above, then.
        None => Box::new(tokio::io::empty()),
    };
    (io, Bytes::new())
}

fn below(upgraded: Upgraded) -> Opened {
    let upgraded = match over::<TcpStream>(upgraded) {
        Ok(opened) => return opened,
        Err(upgraded) => upgraded,
    };
    match over::<TlsStream<TcpStream>>(upgraded) {
        Ok(opened) => opened,
        // A server's own transport: it works, only small streams wait longer beside bulk.
        Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Bytes::new()),
    }
}

/// hyper's own servers hold it as it is, hyper-util's (and so axum's) behind the bytes that told the version.
fn over<T: Duplex + 'static>(upgraded: Upgraded) -> Result<Opened, Upgraded> {
    match upgraded.downcast::<TokioIo<T>>() {
        Ok(Parts { io, read_buf, .. }) => Ok((Box::new(io.into_inner()), read_buf)),
        Err(upgraded) => {
            let auto::upgrade::Parts { io, read_buf, .. } = auto::upgrade::downcast::<TokioIo<T>>(upgraded)?;
            Ok((Box::new(io.into_inner()), read_buf))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response, StatusCode, header};
    use http_body_util::Empty;
    use hyper::body::Incoming;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioExecutor;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    type Sender = mpsc::Sender<hyper::upgrade::OnUpgrade>;

    async fn answer(mut request: Request<Incoming>, told: Sender) -> Result<Response<Empty<Bytes>>, Infallible> {
        told.send(hyper::upgrade::on(&mut request)).await.unwrap();
        let response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "x");
        Ok(response.body(Empty::new()).unwrap())
    }

    /// How it is served: by hyper itself, by hyper-util, by axum.
    async fn serve(how: &str, listener: TcpListener, told: Sender) {
        if how == "axum" {
            let route = axum::routing::get(async move |request: axum::extract::Request| {
                let mut request = request;
                told.send(hyper::upgrade::on(&mut request)).await.unwrap();
                (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "x")])
            });
            return axum::serve(listener, axum::Router::new().route("/", route)).await.unwrap();
        }
        let io = TokioIo::new(listener.accept().await.unwrap().0);
        let service = service_fn(move |request| answer(request, told.clone()));
        if how == "hyper" {
            hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades().await.unwrap();
        } else {
            let server = auto::Builder::new(TokioExecutor::new());
            server.serve_connection_with_upgrades(io, service).await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_socket_is_found_below_what_servers_hand_over() {
        for how in ["hyper", "hyper-util", "axum"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (told, mut upgrades) = mpsc::channel(1);
            let server = tokio::spawn(serve(how, listener, told));
            let mut client = TcpStream::connect(address).await.unwrap();
            let ask = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nearly";
            client.write_all(ask).await.unwrap();
            let upgraded = upgrades.recv().await.unwrap().await.unwrap();
            let (mut io, early) = opened(TokioIo::new(upgraded));
            let socket = io.as_ref().socket().map(|socket| socket.peer_addr().unwrap());
            assert_eq!(socket, Some(client.local_addr().unwrap()), "{how}");
            let mut all = early.to_vec();
            while all.len() < 5 {
                all.push(io.read_u8().await.unwrap());
            }
            assert_eq!(all, b"early", "{how}: what was read ahead is kept");
            server.abort();
        }
    }

    #[tokio::test]
    async fn what_is_no_such_connection_stays_as_it_is() {
        let (near, mut far) = tokio::io::duplex(8);
        let (mut io, early) = opened(near);
        assert!(io.as_ref().socket().is_none() && early.is_empty());
        far.write_all(b"abc").await.unwrap();
        assert_eq!(io.read_u8().await.unwrap(), b'a');
    }
}
