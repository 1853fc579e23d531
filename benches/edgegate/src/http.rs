//! One client on one connection: as little as HTTP/1.1 needs, so that the service is what is measured.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::workspaces::Workspace;

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 16) })
    }

    /// One exchange within a workspace: its status and its body.
    pub(crate) async fn ask(
        &mut self,
        workspace: &Workspace,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(u16, Vec<u8>)> {
        let request = format!(
            "{method} /v1/workspaces/{}{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            workspace.id,
            workspace.key,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection ended");
            }
            if let Some(found) = self.whole()? {
                return Ok(found);
            }
        }
    }

    /// The same, as JSON that must come with this status.
    pub(crate) async fn must(
        &mut self,
        workspace: &Workspace,
        method: &str,
        path: &str,
        body: &Value,
        wanted: u16,
    ) -> Result<Value> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, body) = self.ask(workspace, method, path, &text).await?;
        if status != wanted {
            bail!("{method} {path}: {status} {}", String::from_utf8_lossy(&body));
        }
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    fn whole(&self) -> Result<Option<(u16, Vec<u8>)>> {
        let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(&self.buffer[..end])?.to_ascii_lowercase();
        let body = &self.buffer[end + 4..];
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap_or("0");
        if body.len() < length.trim().parse()? {
            return Ok(None);
        }
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok(Some((status, body.to_vec())))
    }
}
