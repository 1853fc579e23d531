//! TCP apps: everything is decided from the certificate, and a refusal is silence.

use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Shared;
use crate::teleport::authority::read_claims;
use crate::teleport::cluster::{App, AppKind};
use crate::teleport::ping;

/// Carries one flow, or closes without a byte.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin>(
    shared: &Arc<Shared>,
    mut client: S,
    certificates: Option<Vec<CertificateDer<'static>>>,
    pinging: bool,
) -> io::Result<()> {
    let Some(app) = route(shared, certificates.as_deref()) else {
        return client.shutdown().await;
    };
    let Ok(upstream) = TcpStream::connect(app.upstream).await else {
        return client.shutdown().await;
    };
    upstream.set_nodelay(true)?;
    let every = shared.behaviour().ping_every;
    let (from_client, mut to_client) = tokio::io::split(client);
    let (from_upstream, to_upstream) = upstream.into_split();
    let pings = Arc::clone(&shared.pings);
    // Half-close is not promised across the reverse tunnel: the first end of file ends both ways.
    let ended = if pinging {
        tokio::select! {
            outcome = ping::unframe(from_client, to_upstream) => outcome,
            outcome = ping::frame(from_upstream, &mut to_client, every, pings) => outcome,
        }
    } else {
        tokio::select! {
            outcome = copy(from_client, to_upstream) => outcome,
            outcome = copy(from_upstream, &mut to_client) => outcome,
        }
    };
    // As the real proxy, which ends TLS in order even when the flow broke.
    ended.and(to_client.shutdown().await)
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    tokio::io::copy(&mut from, &mut to).await?;
    to.shutdown().await
}

fn route(shared: &Shared, certificates: Option<&[CertificateDer<'static>]>) -> Option<App> {
    let [certificate] = certificates? else { return None };
    let claims = read_claims(certificate)?;
    let app = shared.cluster.route(&claims).ok().filter(|app| app.kind == AppKind::Tcp)?;
    shared.saw(|seen| seen.sessions.extend(claims.session));
    Some(app)
}
