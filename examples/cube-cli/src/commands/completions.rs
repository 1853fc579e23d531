//! `cube completions`: what a shell needs to complete commands and names.

use anyhow::{Context as _, Result};
use clap::Args;
use clap_complete::env::Shells;

use crate::context::Context;

/// Print the shell code that completes commands, options and the names of environments, apps and clusters
#[derive(Args)]
#[command(after_help = "Examples:\n  cube completions bash > ~/.local/share/bash-completion/completions/cube\n  \
                        cube completions zsh > \"${fpath[1]}/_cube\"\n  \
                        cube completions fish > ~/.config/fish/completions/cube.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

impl Completions {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        let shells = Shells::builtins();
        let shell = shells.completer(&self.shell).context("this shell is not known")?;
        let mut code = Vec::new();
        shell.write_registration("COMPLETE", "cube", "cube", "cube", &mut code)?;
        context.output().say(&String::from_utf8_lossy(&code))
    }
}
