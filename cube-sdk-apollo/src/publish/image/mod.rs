//! An image for a chart: built on this machine by docker, or elsewhere from an uploaded context.

mod local;
mod process;
mod remote;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cube_sdk_core::names::refused;
use cube_sdk_core::redact::{is_secret_name, is_secret_value};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, Result, SecretString, text_id};

pub(super) use local::build as build_local;
pub(super) use remote::build as build_remote;
pub use remote::{BuildState, BuildStatus, PreparedBuild, RemoteBuild, RemoteBuilder};

use super::{PublishFault, RegistryHost, Repository, Tag};

text_id! {
    /// What an image is built for: `linux/amd64`, or several with commas between.
    pub struct Platform: check_platform;
}

fn check_platform(text: &str) -> Result<()> {
    let part = |part: &str| {
        (2..=3).contains(&part.split('/').count())
            && part.split('/').all(|word| {
                !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
            })
    };
    if text.split(',').all(part) { Ok(()) } else { Err(refused("platform", text, "it is not like linux/amd64")) }
}

/// How long a build may take, by default.
const PATIENCE: Duration = Duration::from_secs(600);

/// An image to build.
///
/// ```
/// use std::time::Duration;
/// use cube_sdk_apollo::publish::{ImageBuild, Platform};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// std::fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
/// let build = ImageBuild::of_chart(folder)?.expect("there is a Dockerfile");
/// let build = build
///     .platform(Platform::parse("linux/arm64")?)
///     .target("release")
///     .build_arg("VERSION", "1.4.2".to_owned().into())?
///     .build_arg("NPM_TOKEN", "a token".to_owned().into())?
///     .time_limit(Duration::from_secs(1200));
/// assert!(!format!("{build:?}").contains("a token"));
/// assert!(ImageBuild::new(&folder.join("Dockerfile.none")).is_err());
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageBuild {
    context: PathBuf,
    dockerfile: String,
    platform: Platform,
    target: Option<String>,
    arguments: Vec<(String, SecretString)>,
    limit: Duration,
}

impl ImageBuild {
    /// By a Dockerfile, whose folder is the build's context.
    ///
    /// # Errors
    /// `InvalidInput` where there is none.
    pub fn new(dockerfile: &Path) -> Result<Self> {
        let missing = || {
            PublishFault::BadField("dockerfile".to_owned())
                .refuse("there is no such Dockerfile")
                .with_target(dockerfile.display().to_string())
        };
        let file = std::fs::canonicalize(dockerfile).map_err(|cause| missing().cause(cause))?;
        let name = file.file_name().and_then(|name| name.to_str()).filter(|_| file.is_file()).ok_or_else(missing)?;
        Ok(Self {
            context: file.parent().map(Path::to_path_buf).unwrap_or_default(),
            dockerfile: name.to_owned(),
            platform: Platform::parse("linux/amd64")?,
            target: None,
            arguments: Vec::new(),
            limit: PATIENCE,
        })
    }

    /// By the Dockerfile in a chart's folder, or else in the folder that it is in; none where neither has one.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn of_chart(folder: &Path) -> Result<Option<Self>> {
        let folders = [Some(folder), folder.parent()].into_iter().flatten();
        folders
            .map(|folder| folder.join("Dockerfile"))
            .find(|file| file.is_file())
            .map(|file| Self::new(&file))
            .transpose()
    }

    /// For another platform than `linux/amd64`.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// Up to a stage of the Dockerfile.
    #[must_use]
    pub fn target(mut self, stage: impl Into<String>) -> Self {
        self.target = Some(stage.into());
        self
    }

    /// A build argument. One whose name or value looks secret goes to docker by its environment, where no list of processes
    /// shows it; the image's history may still show it, which is docker's doing.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is none; for a secret that is named like a setting of docker itself.
    pub fn build_arg(mut self, name: impl Into<String>, value: SecretString) -> Result<Self> {
        let name = name.into();
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let bad =
            |why: &str| refused("build argument", &name, why).with_fault(PublishFault::BadField("build_args".into()));
        if !first || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(bad("its name may hold letters, digits and `_`, and begins with no digit"));
        }
        if value.expose_secret().contains('\0') {
            return Err(bad("its value holds a NUL"));
        }
        if is_hidden(&name, &value) && steers_docker(&name) {
            return Err(bad("a secret of this name would change what docker itself does").advice("rename it"));
        }
        self.arguments.push((name, value));
        Ok(self)
    }

    /// How long the whole build and push may take. Default 10 min.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What is wrong with it before anything runs.
    pub(super) fn check(&self) -> Result<()> {
        let word = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match &self.target {
            Some(target) if !word(target) => Err(refused("build target", target, "it is no name of a stage")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ImageBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.context.join(&self.dockerfile).display(), self.platform)
    }
}

fn is_hidden(name: &str, value: &SecretString) -> bool {
    is_secret_name(name) || is_secret_value(value.expose_secret())
}

/// Variables that docker, its plugins, or what loads them listen to.
fn steers_docker(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let fronts = ["DOCKER_", "BUILDX_", "BUILDKIT_", "LD_", "DYLD_", "XDG_", "SSH_", "OTEL_", "GODEBUG", "SSL_"];
    fronts.iter().any(|front| name.starts_with(front)) || matches!(name.as_str(), "PATH" | "HOME" | "TMPDIR")
}

/// Where an image goes: registry, repository, tag.
#[derive(Clone, Debug)]
pub(super) struct ImageName {
    pub(super) host: RegistryHost,
    pub(super) repository: Repository,
    pub(super) tag: Tag,
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.host, self.repository, self.tag)
    }
}

/// A build that failed.
fn failed(words: impl Into<String>) -> Error {
    Error::new(cube_sdk_core::ErrorKind::Server, words).with_fault(PublishFault::BuildFailed)
}
