//! The user's home, by the environment that a client was given.

use std::path::{Path, PathBuf};

use cube_sdk_core::Result;
use cube_sdk_core::config::Environment;
use cube_sdk_core::secret::ExposeSecret as _;

/// The home folder; none where the environment names none. One that was made by a program is asked alone: what it does not
/// name is not there.
pub(crate) fn home(environment: &Environment) -> Result<Option<PathBuf>> {
    for name in ["HOME", "USERPROFILE"] {
        if let Some(value) = environment.lookup(name)? {
            return Ok(Some(PathBuf::from(value.expose_secret())));
        }
    }
    Ok(if environment.is_process() { std::env::home_dir() } else { None })
}

/// A path whose leading `~` is the home folder.
pub(crate) fn expanded(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with(['/', std::path::MAIN_SEPARATOR]) => {
            home.join(rest.trim_start_matches(['/', std::path::MAIN_SEPARATOR]))
        }
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leading_tilde_is_home() {
        let home = Some(Path::new("/home/ann"));
        for (path, wanted) in [
            ("~", "/home/ann"),
            ("~/.cube-agent", "/home/ann/.cube-agent"),
            ("~bob/x", "~bob/x"),
            ("/a/~/b", "/a/~/b"),
            ("relative", "relative"),
        ] {
            assert_eq!(expanded(path, home), Path::new(wanted), "{path}");
        }
        assert_eq!(expanded("~/x", None), Path::new("~/x"));
    }
}
