//! `cube man`: the manual, a page for each command.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Command};

use crate::context::Context;

/// Print the manual page, or write a page for each command into a folder
#[derive(Args)]
#[command(after_help = "Examples:\n  cube man | man -l -\n  cube man --dir ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The folder, which is made where there is none
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        let mut program = context.program();
        program.build();
        let Some(dir) = self.dir else {
            return context.output().say(&String::from_utf8_lossy(&page(&program)?));
        };
        std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let count = pages(&program, &dir)?;
        context.output().note(&format!("{count} pages in {}", dir.display()));
        Ok(())
    }
}

fn pages(command: &Command, dir: &Path) -> Result<usize> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = dir.join(format!("{name}.1"));
    std::fs::write(&path, page(command)?).with_context(|| format!("writing {}", path.display()))?;
    let inner = command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set());
    inner.map(|inner| pages(inner, dir)).try_fold(1, |sum, count| Ok(sum + count?))
}

fn page(command: &Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).date("").render(&mut page)?;
    Ok(page)
}
