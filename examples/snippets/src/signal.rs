//! The system's wish that the program stops.

use std::io;

/// Listens from the call on; resolves at the first SIGINT or SIGTERM.
///
/// # Errors
/// When the system gives no such signals.
#[cfg(unix)]
pub fn stopped() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves at Ctrl-C.
///
/// # Errors
/// Never before the first Ctrl-C; it is part of the other systems' signature.
#[cfg(not(unix))]
pub fn stopped() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without the signal nobody can ask for a stop in order.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
