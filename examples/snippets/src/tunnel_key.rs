//! The key of the two tunnel programs: a file, the environment, or, on loopback only, the command line.

use std::path::PathBuf;

use cube_sdk_core::{Error, ErrorKind, Result, SecretString};

/// Options to flatten into a program's own.
#[derive(clap::Args)]
#[group(id = "key")]
pub struct KeyArguments {
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

impl KeyArguments {
    /// Finds the key.
    ///
    /// # Errors
    /// When there is none, or `--token` is used with an address that is not loopback.
    pub fn read(self, loopback: bool) -> Result<Key> {
        if let Some(path) = self.token_file {
            return Ok(Key::File(path));
        }
        if let Some(token) = self.token {
            if !loopback {
                let words = "--token shows the key to every user of this machine, and is for loopback addresses only";
                return Err(Error::new(ErrorKind::Config, words).advice("use --token-file or CUBE_TUNNEL_TOKEN"));
            }
            tracing::warn!("--token shows the key to every user of this machine");
            return Ok(Key::Text(token));
        }
        match std::env::var("CUBE_TUNNEL_TOKEN") {
            Ok(token) if !token.trim().is_empty() => Ok(Key::Text(token.trim().to_owned())),
            _ => Err(Error::new(ErrorKind::Config, "no key").advice("give --token-file, or set CUBE_TUNNEL_TOKEN")),
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
            Self::File(path) => std::fs::read_to_string(path).map_err(|cause| {
                let words = format!("could not read the key file {}: {cause}", path.display());
                Error::new(ErrorKind::Credentials, words).cause(cause)
            })?,
            Self::Text(text) => text.clone(),
        };
        if text.trim().is_empty() {
            return Err(Error::new(ErrorKind::Credentials, "the key is empty"));
        }
        Ok(SecretString::from(text.trim()))
    }
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
    }
}
