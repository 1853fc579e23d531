//! The app behind the relay: it does what each plan says, and notes every lie.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::exchange::{Form, Plan, bytes};

pub(super) struct App {
    pub(super) address: SocketAddr,
    lies: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl App {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let lies = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&lies);
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        let noted = Arc::clone(&noted);
                        tasks.spawn(async move {
                            if let Err(lie) = serve(stream).await {
                                noted.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{lie:#}"));
                            }
                        });
                    }
                    Some(_) = tasks.join_next() => {}
                }
            }
        });
        Ok(Self { address, lies, task })
    }

    /// What looked complete here and was not.
    pub(super) fn verdict(&self) -> Result<()> {
        let lies = self.lies.lock().unwrap_or_else(PoisonError::into_inner);
        match lies.first() {
            None => Ok(()),
            Some(first) => bail!("the app saw {} lies, first: {first}", lies.len()),
        }
    }
}

/// An error is a lie; a connection that broke is none.
async fn serve(mut stream: TcpStream) -> Result<()> {
    let mut head = [0; Plan::HEAD];
    if stream.read_exact(&mut head).await.is_err() {
        return Ok(());
    }
    let Some(plan) = Plan::decode(&head) else { bail!("a head that nobody sent: {head:?}") };
    let up = bytes(plan.seed, plan.up);
    let down = bytes(!plan.seed, plan.down);
    let (mut read, mut write) = stream.split();
    let give = async { write.write_all(&down).await.is_ok() && write.shutdown().await.is_ok() };
    if plan.form == Form::Answer {
        let mut got = vec![0; up.len()];
        match read.read_exact(&mut got).await {
            Ok(_) if got == up => {
                give.await;
            }
            Ok(_) => bail!("{plan:?}: other bytes than were sent"),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => bail!("{plan:?}: ended too soon"),
            Err(_) => {}
        }
        return Ok(());
    }
    let take = async {
        let mut got = Vec::with_capacity(up.len());
        read.read_to_end(&mut got).await.ok().map(|_| got)
    };
    // A reset is told once: to the writer, or to the reader, who then sees an end of file.
    if let (Some(got), true) = tokio::join!(take, give)
        && got != up
    {
        bail!("{plan:?}: {} bytes looked complete", got.len());
    }
    Ok(())
}
