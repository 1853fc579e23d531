//! What callers on this machine show to a program of the same user: a key that is made here and kept in a file of its own.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use cube_sdk_core::secret::{ExposeSecret as _, bearer};
use cube_sdk_core::{Error, ErrorKind, Result};
use http::HeaderValue;

use super::session::random_word;
use crate::keys::{KeyFile, KeyStore as _};

/// A token is at least so long: a shorter one could be guessed.
const SHORTEST: usize = 16;

/// The token that a program on this machine wants from its callers, as `Authorization: Bearer …`. It is kept in a file that
/// only its user can read, so that other users of the machine are kept out.
///
/// ```
/// use cube_sdk::auth::LocalToken;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let file = dir.path().join("http_token");
/// let token = LocalToken::at(&file).await?; // made: 256 random bits
/// let again = LocalToken::at(&file).await?; // the same
/// let sent = format!("Bearer {}", std::fs::read_to_string(again.file()).unwrap());
/// assert!(token.admits(http::HeaderValue::from_str(&sent).ok().as_ref()));
/// assert!(!token.admits(None) && !token.admits(Some(&http::HeaderValue::from_static("Bearer other"))));
/// // Beside the key of a login, where no file is named:
/// # let environment = cube_sdk::core::config::Environment::from_pairs([("HOME", dir.path().to_str().unwrap())]);
/// # let cube = cube_sdk::Cube::builder().environment(environment).build();
/// let usual = cube.auth()?.local_token(None).await?;
/// assert!(usual.file().ends_with(".cube-agent/http_token"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LocalToken {
    wanted: HeaderValue,
    file: PathBuf,
}

impl fmt::Debug for LocalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalToken").field("file", &self.file).finish_non_exhaustive()
    }
}

impl LocalToken {
    /// The token in this file; where there is none a random one is made and kept there, readable by its owner alone.
    ///
    /// # Errors
    /// `Config` where others can read the file or its token is shorter than 16 characters; `Credentials` or `Io` where it cannot
    /// be read or written.
    pub async fn at(file: &Path) -> Result<Self> {
        let store = KeyFile::new(file);
        let token = match store.load().await? {
            Some(token) => token,
            None => {
                store.save(&random_word()?).await?;
                // Of two programs that begin at once the later one's stays.
                let kept = store.load().await?;
                kept.ok_or_else(|| unusable(file, "it is gone again").advice("start again"))?
            }
        };
        if token.expose_secret().len() < SHORTEST {
            let words = format!("its token has fewer than {SHORTEST} characters");
            return Err(unusable(file, &words).advice("remove the file, and a random one is made"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let failed = |cause| Error::io(format!("looking at {}", file.display()), cause);
            let mode = std::fs::metadata(file).map_err(failed)?.permissions().mode();
            if mode & 0o077 != 0 {
                let advice = format!("chmod 600 {}", file.display());
                return Err(unusable(file, "other users can read it").advice(advice));
            }
        }
        Ok(Self { wanted: bearer(&token)?, file: file.to_owned() })
    }

    /// Where it is kept.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Is this the token? It takes as long for a wrong one as for the right one.
    pub fn admits(&self, authorization: Option<&HeaderValue>) -> bool {
        authorization.is_some_and(|sent| verify_slices_are_equal(sent.as_bytes(), self.wanted.as_bytes()).is_ok())
    }
}

fn unusable(file: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the token file cannot be used: {why}"))
        .with_target(file.display().to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_token_that_others_can_read_or_guess_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sub/token");
        let made = LocalToken::at(&file).await.unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.len(), 43);
        assert!(!format!("{made:?}").contains(&text));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
            let error = LocalToken::at(&file).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.next_step().unwrap().contains("chmod"), "{error}");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        std::fs::write(&file, "short").unwrap();
        assert_eq!(LocalToken::at(&file).await.unwrap_err().kind(), ErrorKind::Config);
        std::fs::write(&file, "x".repeat(20) + "\n").unwrap();
        let own = LocalToken::at(&file).await.unwrap();
        assert!(own.admits(HeaderValue::from_str(&format!("Bearer {}", "x".repeat(20))).ok().as_ref()));
        assert!(LocalToken::at(Path::new("/dev/null/token")).await.is_err());
    }
}
