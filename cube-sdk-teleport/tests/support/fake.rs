//! A relay that does as it is told, byte by byte.

#![allow(dead_code, unreachable_pub, missing_docs)]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// HELLO of version 2 as an unmasked message: window, max_data and max_streams as usual.
pub const HELLO: [u8; 23] = [0x82, 21, 10, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];

/// A close of the WebSocket with 1000.
pub const CLOSE: [u8; 4] = [0x88, 2, 3, 232];

/// One request.
pub struct Request {
    pub head: String,
    pub stream: TcpStream,
    /// Counts from 0.
    pub number: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// A 101, with `version` in the status line, in one write with what follows it.
    pub async fn switch(&mut self, version: &str, headers: &str, then: &[u8]) {
        let accept = derive_accept_key(self.header("sec-websocket-key").unwrap().as_bytes());
        let head = format!(
            "HTTP/{version} 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
        );
        self.write(&[head.as_bytes(), then].concat()).await;
    }

    /// A 101 of our own relay in version 2.
    pub async fn greet(&mut self) {
        self.switch("1.1", "Sec-WebSocket-Protocol: cube-tunnel.v2\r\nCube-Tunnel: 2\r\n", &HELLO).await;
    }

    pub async fn refuse(&mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.write(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").as_bytes()).await;
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
    }

    /// Keeps the connection until the other side ends it.
    pub async fn keep(mut self) {
        tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await.ok();
    }
}

pub struct Fake {
    pub addr: SocketAddr,
    /// When each connection came.
    pub times: Arc<Mutex<Vec<Instant>>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub async fn start<F, A>(serve: F) -> Self
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let times = Arc::new(Mutex::new(Vec::new()));
        let (seen, serve) = (Arc::clone(&times), Arc::new(serve));
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(Instant::now());
                    seen.len() - 1
                };
                let serve = Arc::clone(&serve);
                tasks.spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    serve(Request { head: String::from_utf8(head).unwrap(), stream, number }).await;
                });
            }
        });
        Self { addr, times, task }
    }

    pub fn url(&self) -> url::Url {
        format!("ws://{}", self.addr).parse().unwrap()
    }

    pub fn count(&self) -> usize {
        self.times.lock().unwrap().len()
    }

    /// The time between connections that followed each other.
    pub fn gaps(&self) -> Vec<std::time::Duration> {
        self.times.lock().unwrap().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}
