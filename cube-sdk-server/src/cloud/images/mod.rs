//! Images that are built here for who has no Docker: announced, uploaded once, built, looked after.
//!
//! Jobs live in the process that announced them: behind a balancer, send a client's requests to one machine.

mod buildx;
mod jobs;
mod upload;

use std::path::PathBuf;

use async_trait::async_trait;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};

pub(crate) use self::buildx::Buildx;
pub(crate) use self::jobs::Jobs;
pub(crate) use self::upload::routes;

/// What is to be built, of words that were checked.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    /// Repository and tag.
    pub(crate) image: String,
    /// The context, a tar that may be compressed.
    pub(crate) context: PathBuf,
    pub(crate) dockerfile: String,
    pub(crate) target: Option<String>,
    pub(crate) platform: String,
    pub(crate) arguments: Vec<(String, SecretString)>,
}

/// What came of a build.
#[derive(Clone, Debug, Default)]
pub(crate) struct Built {
    pub(crate) exit_code: Option<i32>,
    /// Why there is no image.
    pub(crate) reason: Option<String>,
    /// The end of what it said, without secrets.
    pub(crate) log: String,
}

/// Builds an image and pushes it.
#[async_trait]
pub(crate) trait ImageBuilder: Send + Sync {
    /// Dropping the future ends the build.
    async fn build(&self, build: &Build) -> Built;
}

/// Checks a word that goes to another program.
fn checked(what: &str, word: &str, more: &str, longest: usize) -> Result<()> {
    let mut chars = word.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let fits = word.len() <= longest && chars.all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    if begins && fits && !word.split('/').any(|part| part == "..") {
        return Ok(());
    }
    let message = format!("{what}: `{}` cannot be used", word.escape_debug());
    Err(Error::new(ErrorKind::InvalidInput, message).advice("see the tool's input schema"))
}

impl Build {
    /// # Errors
    /// `InvalidInput`, naming the word.
    pub(crate) fn check(&self) -> Result<()> {
        checked("dockerfile", &self.dockerfile, "._-/", 255)?;
        checked("platform", &self.platform, "/._-", 64)?;
        if let Some(target) = &self.target {
            checked("target", target, "._-", 128)?;
        }
        self.arguments.iter().try_for_each(|(name, _)| checked("build_args", name, "_", 128))
    }
}

/// Names of an image and its tag.
///
/// # Errors
/// `InvalidInput`, naming the word.
pub(crate) fn check_name(image: &str, tag: &str) -> Result<()> {
    checked("image_name", image, "._-", 128)?;
    if image.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(Error::new(ErrorKind::InvalidInput, "image_name: only lower case is allowed"));
    }
    checked("tag", tag, "._-", 128)
}
