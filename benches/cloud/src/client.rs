//! One client on one connection: as little as HTTP/1.1 needs, so that the server is what is measured.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

/// A call of the cheap tool, as the published agent sends it.
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"app_list","arguments":{}}}"#;

impl Client {
    pub(crate) async fn connect(address: SocketAddr, key: &str) -> Result<Self> {
        let head = format!(
            "POST /mcp/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n{CALL}",
            CALL.len()
        );
        Self::sending(address, head).await
    }

    /// Sends this as it is, as often as it is asked to.
    pub(crate) async fn sending(address: SocketAddr, request: String) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: request.into_bytes(), buffer: Vec::with_capacity(4096) })
    }

    /// One exchange: its status, and whether the text of a good answer is in it.
    pub(crate) async fn call(&mut self) -> Result<(u16, bool)> {
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection ended");
            }
            if self.is_whole()? {
                let status = self.buffer.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
                let is_good = self.buffer.windows(4).any(|four| four == b"echo");
                return Ok((status.context("no status")?.parse()?, is_good));
            }
        }
    }

    fn is_whole(&self) -> Result<bool> {
        let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
        let head = std::str::from_utf8(&self.buffer[..end])?.to_ascii_lowercase();
        let body = &self.buffer[end + 4..];
        match head.lines().find_map(|line| line.strip_prefix("content-length:")) {
            Some(length) => Ok(body.len() >= length.trim().parse()?),
            None if head.contains("transfer-encoding: chunked") => Ok(body.ends_with(b"0\r\n\r\n")),
            // Of a 204.
            None => Ok(true),
        }
    }
}
