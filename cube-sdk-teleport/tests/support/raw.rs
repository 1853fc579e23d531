//! A client that may break every rule, on another WebSocket implementation.

#![allow(dead_code, unreachable_pub, missing_docs)]

use std::net::SocketAddr;
use std::time::Duration;

use cube_sdk_teleport::tunnel::Version;
use cube_sdk_teleport::tunnel::frame::{Frame, Hello};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

pub struct Raw {
    pub socket: WebSocketStream<TcpStream>,
    pub version: Version,
}

/// What came back.
#[derive(Debug)]
pub enum Got {
    Frame(Frame),
    Closed(u16, String),
    Gone,
}

impl Raw {
    /// Connects; a refusal gives its status.
    pub async fn connect(addr: SocketAddr, key: Option<&str>, version: Version) -> Result<Self, u16> {
        let mut request = format!("ws://{addr}/tunnel").into_client_request().unwrap();
        let headers = request.headers_mut();
        if let Some(key) = key {
            headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
        }
        if version == Version::V2 {
            headers.insert("sec-websocket-protocol", "cube-tunnel.v2, cube-tunnel.v1".parse().unwrap());
        }
        let tcp = TcpStream::connect(addr).await.unwrap();
        match tokio_tungstenite::client_async(request, tcp).await {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["cube-tunnel"], "2");
                Ok(Self { socket, version })
            }
            Err(Error::Http(response)) => {
                assert_eq!(response.headers()["cube-tunnel"], "2");
                let body: serde_json::Value = serde_json::from_slice(response.body().as_deref().unwrap()).unwrap();
                assert!(body["code"].is_string() && body["message"].is_string());
                Err(response.status().as_u16())
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Connects with version 2 and exchanges HELLO.
    pub async fn greeted(addr: SocketAddr) -> Self {
        let mut raw = Self::connect(addr, Some(super::KEY), Version::V2).await.unwrap();
        raw.send(Frame::Hello(Hello { window: 65_536, max_data: 65_536, max_streams: 256, flags: 0 })).await;
        raw
    }

    pub async fn send(&mut self, frame: Frame) {
        let mut bytes = Vec::new();
        frame.encode(self.version, &mut bytes);
        self.send_bytes(bytes).await;
    }

    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::Binary(bytes.into())).await.ok();
    }

    pub async fn connect_app(&mut self, stream: u32, app: &str) {
        self.send(Frame::Connect { stream, app: app.as_bytes().to_vec() }).await;
    }

    /// The next frame, or the end. PINGs are answered and not shown.
    pub async fn next(&mut self) -> Got {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(60), self.socket.next()).await.expect("an answer");
            match message {
                Some(Ok(Message::Binary(bytes))) => match Frame::decode(self.version, &bytes).unwrap() {
                    Frame::Ping(nonce) => self.send(Frame::Pong(nonce)).await,
                    frame => return Got::Frame(frame),
                },
                Some(Ok(Message::Close(Some(close)))) => {
                    return Got::Closed(close.code.into(), close.reason.to_string());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Got::Gone,
            }
        }
    }

    /// The WebSocket code that the relay closes with.
    pub async fn closed_with(&mut self) -> u16 {
        loop {
            match self.next().await {
                Got::Frame(_) => {}
                Got::Closed(code, _) => return code,
                Got::Gone => panic!("the connection ended without a close"),
            }
        }
    }

    /// The code of the first ERROR or CLOSE.
    pub async fn refused_with(&mut self) -> u16 {
        loop {
            match self.next().await {
                Got::Frame(Frame::Error { code, .. } | Frame::Close { code, .. }) => return code.unwrap().number(),
                Got::Frame(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
