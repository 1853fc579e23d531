//! Work that goes on as long as its service. Begun once and forgotten, a panic would end it unseen.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

/// How long to wait before it begins again.
const AGAIN: Duration = Duration::from_secs(1);

/// Does `work` until it ends by itself; one that panics begins again.
pub(crate) async fn lasting<F: Future<Output = ()>>(what: &str, mut work: impl FnMut() -> F) {
    // Nothing of it is looked at after the panic: what it kept is made anew.
    while AssertUnwindSafe(async { work().await }).catch_unwind().await.is_err() {
        tracing::error!(work = what, "panicked; it begins again");
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_panics_begins_again_and_what_ends_has_ended() {
        let begun = Cell::new(0);
        lasting("counting", || {
            begun.set(begun.get() + 1);
            let times = begun.get();
            assert!(times != 1, "before it is waited for");
            async move {
                tokio::task::yield_now().await;
                assert!(times > 3, "while it is waited for");
            }
        })
        .await;
        assert_eq!(begun.get(), 4);
    }
}
