//! `cube-server local`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::local::{World, write_env_file, write_ready_file};

use crate::say;
use crate::stop::Stop;

/// What is in progress may take this long after a signal.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(crate) struct Local {
    /// Write the world card (JSON, mode 0600) here once everything answers.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Print the world card as shell exports once everything answers; with FILE write them there (mode 0600), to be read
    /// by another shell while this goes on running.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = false)]
    env: Option<Option<PathBuf>>,
    /// A TCP app that tunnels reach at this address. Repeatable.
    #[arg(long = "app", value_name = "NAME=HOST:PORT", value_parser = app)]
    apps: Vec<(String, String)>,
    /// Keep state between runs in this directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Make ids, keys and bytes repeatable; a directory keeps its first seed. Default: random.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Slow S3 down to this many bytes per second and connection, so that a run can be revoked by hand.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    s3_rate: Option<u64>,
}

impl Local {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        // Before anything else, so that an early signal still cleans up.
        let mut stop = Stop::new()?;
        let mut world = World::builder();
        if let Some(dir) = self.data {
            world = world.data_dir(dir);
        }
        if let Some(seed) = self.seed {
            world = world.seed(seed);
        }
        if let Some(rate) = self.s3_rate {
            world = world.s3_rate(rate);
        }
        for (name, address) in self.apps {
            world = world.app(name, address);
        }
        let world = tokio::select! {
            world = world.start() => world?,
            () = stop.asked() => return Ok(()),
        };
        if let Some(path) = &self.ready_file {
            write_ready_file(world.card(), path)?;
        }
        let exports = || {
            let line =
                |(name, value): (String, SecretString)| format!("export {name}={}", quoted(value.expose_secret()));
            world.env().into_iter().map(line).collect::<Vec<_>>().join("\n")
        };
        match &self.env {
            Some(Some(file)) => {
                write_env_file(&(exports() + "\n"), file)?;
                say(&format!("exports in {}", file.display()))?;
            }
            Some(None) => say(&exports())?,
            None => {
                say(&format!("EdgeGate   {}", world.card().edgegate.url))?;
                say(&format!("cube-cloud {}", world.card().cloud.url))?;
                say(&format!("AWS        {}", world.card().aws.endpoint_url))?;
                say(&format!("Apollo     {}", world.card().apollo.url))?;
            }
        }
        stop.asked().await;
        world.shutdown(GRACE).await;
        // A card that leads nowhere is worse than none.
        for path in [self.ready_file, self.env.flatten()].into_iter().flatten() {
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}

/// `NAME=HOST:PORT`; name and address are looked at when the world starts.
fn app(text: &str) -> Result<(String, String), String> {
    let (name, address) = text.split_once('=').ok_or("write it as NAME=HOST:PORT")?;
    Ok((name.trim().to_owned(), address.trim().to_owned()))
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_survive_the_shell() {
        assert_eq!(super::quoted("a b"), "'a b'");
        assert_eq!(super::quoted("it's"), r"'it'\''s'");
    }
}
