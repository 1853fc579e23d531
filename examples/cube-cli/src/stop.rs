//! The user's wish that the command stops.

use anyhow::{Context as _, Result};

/// Listens from the call on; resolves at the first SIGINT or SIGTERM.
#[cfg(unix)]
pub(crate) fn asked() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen = |kind| signal(kind).context("listening for signals");
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves at Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn asked() -> Result<impl Future<Output = ()>> {
    Ok(async {
        // Without the signal nobody can ask for a stop in order.
        if tokio::signal::ctrl_c().await.context("listening for Ctrl-C").is_err() {
            std::future::pending::<()>().await;
        }
    })
}
