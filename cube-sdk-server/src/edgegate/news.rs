//! What the processes on one database tell each other at once. Whoever misses it finds it by looking.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::app::App;
use crate::store::Id;

/// How long to wait before listening again.
const AGAIN: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum News {
    /// A run waits to be executed.
    Queued,
    /// A run was ended by a request.
    Ended(Id),
    /// A probe of a grant is over.
    Probed,
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued => f.write_str("queued"),
            Self::Ended(run) => write!(f, "ended {run}"),
            Self::Probed => f.write_str("probed"),
        }
    }
}

impl FromStr for News {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(' ') {
            None if text == "queued" => Ok(Self::Queued),
            None if text == "probed" => Ok(Self::Probed),
            Some(("ended", run)) => run.parse().map(Self::Ended).map_err(|_| ()),
            _ => Err(()),
        }
    }
}

impl App {
    /// Tells the other processes. What cannot be told is found later, so this never fails.
    pub(crate) async fn tell(&self, news: &News) {
        if let Err(error) = self.store.tell(&news.to_string()).await {
            tracing::warn!(%error, %news, "the other processes could not be told");
        }
    }

    fn hear(&self, news: News) {
        match news {
            News::Queued => self.wake.notify_one(),
            News::Ended(run) => self.switch_off(run),
            News::Probed => self.probed.notify_waiters(),
        }
    }
}

/// Listens until `stop` turns true.
pub(crate) async fn listen_forever(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let listen = async {
        loop {
            let heard = |text: &str| {
                // Another version's news is none of ours.
                if let Ok(news) = text.parse() {
                    app.hear(news);
                }
            };
            if let Err(error) = app.store.listen(heard).await {
                tracing::warn!(%error, "listening to the other processes ended; looking goes on");
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::select! {
        () = listen => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn news_are_read_as_they_were_told() {
        for news in [News::Queued, News::Probed, News::Ended(Id::from_u128(7))] {
            assert_eq!(news.to_string().parse(), Ok(news));
        }
        for other in ["", "ended", "ended x", "queued 1", "later"] {
            assert_eq!(other.parse::<News>(), Err(()), "{other}");
        }
    }
}
