//! The two servers, as processes of their own. Each prints where it listens and a key, and ends when its input does.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::post;
use cube_sdk_core::Clock;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_server::cloud::{CloudService, CloudSettings};
use cube_sdk_server::listener::{Limits, Listener};
use cube_sdk_server::store::Store;
use tokio::io::AsyncReadExt as _;

use crate::say;

/// Apps whose names the cheap tool lists.
const SETTINGS: &str = "url: http://localhost
apps: { echo: '127.0.0.1:7' }
profiles: { all: { groups: [all], apps: ['*'], admin: true } }";

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn until_told() -> Result<()> {
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// cube-cloud on a store of its own.
pub(crate) async fn cube() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(&dir.path().join("cloud.sqlite")).await?;
    let group = ["all".to_owned()];
    let key = store.create_key("load", &group, "load", None, Clock::system()).await?;
    let service = CloudService::builder(store, CloudSettings::from_yaml(SETTINGS)?).start()?;
    let limits = Limits::default().connections(30_000).per_client(30_000);
    let listener = Listener::bind_with(anywhere(), service.router(), limits).await?;
    say(&format!("listening {} {}", listener.address(), key.api_key.expose_secret()));
    until_told().await
}

/// The least that axum can do with such a call: it reads the body, and answers as long a text as cube-cloud does.
pub(crate) async fn null() -> Result<()> {
    const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"echo\n"}],"structuredContent":{"apps":["echo"]},"isError":false}}"#;
    let answer = async |body: Bytes| {
        drop(body);
        ([(header::CONTENT_TYPE, "application/json")], ANSWER)
    };
    let router = Router::new().route("/mcp/", post(answer));
    let listener = tokio::net::TcpListener::bind(anywhere()).await?;
    say(&format!("listening {} none", listener.local_addr()?));
    tokio::select! {
        served = async { axum::serve(listener, router).await } => Ok(served?),
        told = until_told() => told,
    }
}
