//! How long a key works after it was revoked.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::client::Client;
use crate::process::Server;

/// Asks all the time, so that the key is among those that are remembered.
pub(crate) async fn until_refused(server: &Server) -> Result<Duration> {
    let key = &server.key;
    let mut used = Client::connect(server.address, key).await?;
    if used.call().await?.0 != 200 {
        bail!("the key does not work");
    }
    let request = format!(
        "DELETE /admin/keys?owner=load HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: 0\r\n\r\n"
    );
    let (status, _) = Client::sending(server.address, request).await?.call().await?;
    if status != 200 {
        bail!("the key was not revoked: {status}");
    }
    let revoked = Instant::now();
    loop {
        match used.call().await.context("calling on")?.0 {
            401 => return Ok(revoked.elapsed()),
            200 => tokio::time::sleep(Duration::from_millis(10)).await,
            other => bail!("a revoked key gets {other}"),
        }
    }
}
