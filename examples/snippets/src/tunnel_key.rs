//! The key of the two tunnel programs: a file, the environment, or, on loopback only, the command line.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use cube_sdk_core::SecretString;

/// Options to flatten into a program's own.
#[derive(clap::Args)]
pub struct Args {
    /// File with the key; read again whenever the key is needed. Else CUBE_TUNNEL_TOKEN is used.
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// The key itself, visible to every user of this machine: loopback addresses only.
    #[arg(long, conflicts_with = "token_file")]
    token: Option<String>,
}

/// Where the key is.
pub enum Key {
    /// In a file.
    File(PathBuf),
    /// Given once.
    Text(String),
}

impl Args {
    /// Finds the key.
    ///
    /// # Errors
    /// When there is none, or `--token` is used with an address that is not loopback.
    #[allow(clippy::print_stderr)]
    pub fn read(self, loopback: bool) -> Result<Key> {
        if let Some(path) = self.token_file {
            return Ok(Key::File(path));
        }
        if let Some(token) = self.token {
            if !loopback {
                bail!("--token shows the key to every user of this machine; use --token-file or CUBE_TUNNEL_TOKEN");
            }
            eprintln!("warning: --token shows the key to every user of this machine");
            return Ok(Key::Text(token));
        }
        match std::env::var("CUBE_TUNNEL_TOKEN") {
            Ok(token) if !token.trim().is_empty() => Ok(Key::Text(token.trim().to_owned())),
            _ => bail!("no key: give --token-file, or set CUBE_TUNNEL_TOKEN"),
        }
    }
}

impl Key {
    /// The key now.
    ///
    /// # Errors
    /// When the file is unreadable or empty.
    pub fn now(&self) -> Result<SecretString> {
        let text = match self {
            Self::File(path) => std::fs::read_to_string(path)
                .with_context(|| format!("could not read the key file {}", path.display()))?,
            Self::Text(text) => text.clone(),
        };
        if text.trim().is_empty() {
            bail!("the key is empty");
        }
        Ok(SecretString::from(text.trim()))
    }
}

/// Is this host this machine only?
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Compares without telling by the time how much is alike.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |seen, (l, r)| seen | (l ^ r)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_keys_are_the_same() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
        assert!(is_loopback("[::1]") && is_loopback("localhost") && !is_loopback("0.0.0.0"));
    }
}
