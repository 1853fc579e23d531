//! `cube token`: a token for the container registry.

use anyhow::Result;
use clap::Args;
use cube_sdk::core::secret::ExposeSecret as _;

use crate::context::Context;
use crate::failure::refused;

/// Print a token for Apollo's container registry
///
/// It goes to standard output alone on its line, for another program. A terminal shows it only where that is asked for.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        cube token | docker login \"$REGISTRY\" --username \"$USER\" --password-stdin\n  \
                        cube token --show")]
pub(crate) struct Token {
    /// Show it on a terminal
    #[arg(long)]
    show: bool,
}

impl Token {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        if context.output().is_screen() && !self.show {
            let words = "the token would stand on the screen";
            return Err(refused(words).advice("pipe it into the program that needs it, or give --show").into());
        }
        let token = context.cloud()?.acr_get_token().await?.into_data()?;
        context.output().say(token.token.expose_secret())
    }
}
