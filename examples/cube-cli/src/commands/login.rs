//! `cube login` and `cube logout`: the key of cube-cloud.

use anyhow::Result;
use clap::Args;
use cube_render::login::{KeyKept, LoggedOut};
use cube_sdk::auth::{LoginPage, SystemBrowser};

use crate::ask;
use crate::context::Context;
use crate::progress::Progress;

/// Sign in to cube-cloud in the browser, and keep the key
///
/// Compare the letters that are shown with those of the page before you allow it.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube login\n  cube login --no-browser\n  cube login --key < key.txt")]
pub(crate) struct Login {
    /// Show the page's address only; open it on any machine
    #[arg(long)]
    no_browser: bool,
    /// Keep a key that you were given: asked for at a terminal, else standard input
    #[arg(long, conflicts_with = "no_browser")]
    key: bool,
}

/// Forget the key that is kept
///
/// It stays valid at the service until it is revoked or expires.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube logout")]
pub(crate) struct Logout {}

impl Login {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let auth = context.cube().auth()?;
        let done = if self.key {
            auth.keep(ask::secret("Key")?).await?;
            KeyKept::from(&auth.status().await?)
        } else {
            let progress = Progress::new(context.output());
            progress.tell(0.0, None, Some("Waiting until it is allowed on the page"));
            let output = context.output().clone();
            let login = auth.login(move |page| output.insist(&told(page)));
            let done = if self.no_browser { login.await? } else { login.open_with(SystemBrowser).await? };
            KeyKept::from(&done)
        };
        context.output().view("login", &done)
    }
}

fn told(page: &LoginPage) -> String {
    format!(
        "Sign in at {}\nThe page shows the letters {}: allow it only if they are the same.",
        page.url(),
        page.code()
    )
}

impl Logout {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let done = context.cube().auth()?.logout().await?;
        context.output().view("logout", &LoggedOut::from(&done))
    }
}
