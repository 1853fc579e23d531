//! A chart on disk: found, read, and given another version without touching the rest of its file.

mod editing;
mod metadata;
mod name;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cube_sdk_core::whole_file::sync_folder;
use cube_sdk_core::{Error, Result};

pub(crate) use metadata::{Metadata, requirements};
pub use name::{Bump, ChartName, ChartVersion};

use super::PublishFault;

/// The new Chart.yaml while it is written. It is never packed.
pub(super) const NEW_FILE: &str = ".cube-publish.new";
/// Which release of the chart is under way. It is never packed.
pub(super) const NOTE_FILE: &str = ".cube-publish";

/// The longest Chart.yaml that is read.
const LONGEST: u64 = 4 * 1024 * 1024;

/// A chart in a folder.
///
/// ```
/// use cube_sdk_apollo::publish::{Bump, Chart};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2 # by hand\n").unwrap();
/// let chart = Chart::find(Some(folder))?;
/// assert_eq!((chart.name().as_str(), chart.version().as_str(), chart.app_version()), ("web", "1.4.2", None));
///
/// let chart = chart.with_versions(&chart.version().bumped(Bump::Minor)?, Some("2026.1"))?;
/// let text = std::fs::read_to_string(chart.file()).unwrap();
/// assert_eq!(text, "apiVersion: v2\nname: web\nversion: 1.5.0 # by hand\nappVersion: \"2026.1\"\n");
/// assert_eq!(chart.folder().join("Chart.yaml"), chart.file());
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chart {
    folder: PathBuf,
    metadata: Metadata,
}

impl Chart {
    /// Finds a chart: in a folder, by its `Chart.yaml`, or, without a path, in the working directory or else the one
    /// folder of `./charts` that has one.
    ///
    /// # Errors
    /// `InvalidInput` where there is none, or several; those of reading it. The fault is [`PublishFault`].
    pub fn find(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => Self::at(path),
            None => Self::beside(Path::new(".")),
        }
    }

    fn at(path: &Path) -> Result<Self> {
        let file = if path.file_name().is_some_and(|name| name == "Chart.yaml") && path.is_file() {
            path.to_path_buf()
        } else {
            path.join("Chart.yaml")
        };
        if !file.is_file() {
            return Err(PublishFault::NoChart
                .refuse("there is no Chart.yaml")
                .with_target(file.display().to_string())
                .advice("name the chart's folder, or its Chart.yaml"));
        }
        let file = fs::canonicalize(&file).map_err(|cause| Error::io(format!("finding {}", file.display()), cause))?;
        Self::open(file.parent().unwrap_or(Path::new("/")))
    }

    /// Of a working directory.
    pub(super) fn beside(place: &Path) -> Result<Self> {
        if place.join("Chart.yaml").is_file() {
            return Self::at(place);
        }
        let entries = fs::read_dir(place.join("charts")).into_iter().flatten().flatten();
        let mut found: Vec<_> =
            entries.map(|entry| entry.path()).filter(|folder| folder.join("Chart.yaml").is_file()).collect();
        found.sort();
        match found.as_slice() {
            [one] => Self::at(one),
            [] => Err(PublishFault::NoChart
                .refuse("there is no Chart.yaml here and none in a folder of ./charts")
                .advice("name the chart's folder")),
            several => {
                let names = several.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy());
                let names: Vec<_> = names.collect();
                Err(PublishFault::NoChart
                    .refuse(format!("there are several charts in ./charts: {}", names.join(", ")))
                    .advice("name the folder of one"))
            }
        }
    }

    fn open(folder: &Path) -> Result<Self> {
        let file = folder.join("Chart.yaml");
        let text = read_text(&file)?;
        let body = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let metadata =
            Metadata::read(body, "Chart.yaml").map_err(|error| error.with_target(file.display().to_string()))?;
        Ok(Self { folder: folder.to_path_buf(), metadata })
    }

    /// Its name.
    pub const fn name(&self) -> &ChartName {
        &self.metadata.name
    }

    /// Its version.
    pub const fn version(&self) -> &ChartVersion {
        &self.metadata.version
    }

    /// The version of the application in it.
    pub fn app_version(&self) -> Option<&str> {
        self.metadata.app_version.as_deref()
    }

    /// Its folder, absolute, symbolic links resolved.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its Chart.yaml.
    pub fn file(&self) -> PathBuf {
        self.folder.join("Chart.yaml")
    }

    /// Writes a version, and an `appVersion` where one is given, into its Chart.yaml. Comments, order, quotes and line ends
    /// stay; the file is replaced in one step, so that a process that dies leaves the old one or the new one.
    ///
    /// # Errors
    /// `InvalidInput` where the values cannot be changed without touching the rest (an alias, a block of text); `Io`.
    pub fn with_versions(&self, version: &ChartVersion, app_version: Option<&str>) -> Result<Self> {
        let file = self.file();
        let text = read_text(&file)?;
        let edited = editing::edited(&text, version, app_version)
            .map_err(|error| error.with_target(file.display().to_string()))?;
        if edited != text {
            let failed = |cause| Error::io(format!("writing {}", file.display()), cause);
            replace(&self.folder, &file, edited.as_bytes()).map_err(failed)?;
        }
        Self::open(&self.folder)
    }
}

/// Writes beside and renames over.
fn replace(folder: &Path, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = folder.join(NEW_FILE);
    let mut written = File::create(&new)?;
    written.write_all(bytes)?;
    written.set_permissions(fs::metadata(file)?.permissions())?;
    written.sync_all()?;
    fs::rename(&new, file)?;
    sync_folder(file)
}

fn read_text(file: &Path) -> Result<String> {
    let failed = |cause| Error::io(format!("reading {}", file.display()), cause);
    let length = fs::metadata(file).map_err(failed)?.len();
    if length > LONGEST {
        return Err(PublishFault::TooLarge { limit: LONGEST }
            .refuse(format!("a Chart.yaml of {length} bytes is not read"))
            .with_target(file.display().to_string()));
    }
    String::from_utf8(fs::read(file).map_err(failed)?).map_err(|_| {
        PublishFault::Unreadable { file: "Chart.yaml".to_owned() }
            .refuse("it is not UTF-8")
            .with_target(file.display().to_string())
    })
}

#[cfg(test)]
mod tests;
