//! `cube login` and `cube logout`: the key of cube-cloud.

use anyhow::Result;
use clap::Args;
use cube_sdk::auth::{LoginPage, SystemBrowser};
use schemars::JsonSchema;
use serde::Serialize;

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

/// A login that went well.
#[derive(JsonSchema, Serialize)]
pub(crate) struct LoggedIn {
    /// Where the key is kept.
    place: Option<String>,
    /// Another key that wins over it.
    shadowed_by: Option<String>,
}

/// A logout.
#[derive(JsonSchema, Serialize)]
pub(crate) struct LoggedOut {
    /// A key was kept, and is no longer.
    removed: bool,
    /// Where a key still comes from.
    still_set: Option<String>,
}

impl Login {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let auth = context.cube().auth()?;
        let done = if self.key {
            auth.keep(ask::secret("Key")?).await?;
            let status = auth.status_offline().await?;
            let shadowed_by = status.key.filter(|key| Some(key.to_string()) != status.place).map(|key| key.to_string());
            LoggedIn { place: status.place, shadowed_by }
        } else {
            let progress = Progress::new(context.output());
            progress.tell(0.0, None, Some("Waiting until it is allowed on the page"));
            let quiet = context.output().clone();
            let login = auth.login(move |page| quiet.note(&told(page)));
            let done = if self.no_browser { login.await? } else { login.open_with(SystemBrowser).await? };
            LoggedIn { place: Some(done.place), shadowed_by: done.shadowed_by }
        };
        context.output().show("login", &done, || {
            let place = done.place.as_deref().unwrap_or("this machine");
            let over = done.shadowed_by.as_ref().map(|by| format!("\nIt does not count while {by} is set."));
            format!("The key is kept in {place}.{}", over.unwrap_or_default())
        })
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
        let done = LoggedOut { removed: done.removed, still_set: done.still_set };
        context.output().show("logout", &done, || {
            let what = if done.removed { "The key is removed." } else { "No key was kept." };
            let still = done.still_set.as_ref().map(|by| format!("\nA key still comes from {by}."));
            format!("{what}{}", still.unwrap_or_default())
        })
    }
}
