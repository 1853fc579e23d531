//! A chart as one archive that holds exactly what `helm package` would put into it, and whose bytes depend on the chart
//! alone.

mod archive;
mod assemble;
mod content;
mod unpack;
mod walk;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cube_sdk_core::{Error, Result};

pub(super) use archive::written;
use content::Content;
pub(super) use content::exactly;

use super::{Chart, ChartName, ChartVersion, Digest, IgnoreRules, PublishFault};

/// The most that a chart may hold, unpacked: what helm reads, 100 MiB.
const LIMIT: u64 = 104_857_600;

/// A file of a chart: where in the chart, and what it holds.
struct Found {
    place: String,
    content: Content,
}

/// What a package of a chart will hold. From [`Chart::contents`].
///
/// ```
/// use cube_sdk_apollo::publish::Chart;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let (folder, out) = (folder.path().join("web"), folder.path());
/// # std::fs::create_dir_all(folder.join("templates")).unwrap();
/// std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
/// std::fs::write(folder.join("templates/web.yaml"), "kind: Service\n").unwrap();
/// std::fs::write(folder.join("notes.txt"), "to do").unwrap();
/// std::fs::write(folder.join(".helmignore"), "notes.txt\n").unwrap();
/// let contents = Chart::find(Some(&folder))?.contents()?;
/// assert_eq!(contents.files(), ["web/Chart.yaml", "web/.helmignore", "web/templates/web.yaml"]);
/// assert!(contents.warnings().is_empty() && contents.links_out().is_empty());
///
/// let package = contents.package(out)?;
/// assert_eq!(package.path(), out.join("web-1.4.2.tgz"));
/// assert_eq!((package.name().as_str(), package.version().as_str()), ("web", "1.4.2"));
/// assert_eq!(package.length(), std::fs::metadata(package.path()).unwrap().len());
/// assert!(package.digest().as_str().starts_with("sha256:")); // the same for the same chart, always
///
/// // Your own chart, whose links out of it are meant:
/// let followed = Chart::find(Some(&folder))?.contents()?.follow_links_out().package(out)?;
/// assert_eq!(followed.digest(), package.digest());
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Contents {
    name: ChartName,
    version: ChartVersion,
    members: Vec<(String, Content)>,
    warnings: Vec<String>,
    links_out: Vec<(String, PathBuf)>,
    follows_links_out: bool,
}

/// A chart that was packed.
#[derive(Clone, Debug)]
pub struct Package {
    path: PathBuf,
    name: ChartName,
    version: ChartVersion,
    digest: Digest,
    length: u64,
}

impl Package {
    /// The archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The chart's name.
    pub const fn name(&self) -> &ChartName {
        &self.name
    }

    /// The chart's version.
    pub const fn version(&self) -> &ChartVersion {
        &self.version
    }

    /// SHA-256 of the archive.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }
}

impl Chart {
    /// What a package of this chart will hold: its files less those that `.helmignore` leaves out, symbolic links followed,
    /// archives under `charts/` unpacked, as `helm package` has it. The whole chart is read and checked; blocking.
    ///
    /// Two things are stricter than helm: a key that stands twice in Chart.yaml, and two subcharts of one name, are refused.
    /// Chart.yaml goes in as it is written, where helm writes one of its own making.
    ///
    /// # Errors
    /// `InvalidInput` with a [`PublishFault`], naming the file: a bad Chart.yaml, `values.yaml`, schema, lock file or ignore
    /// rule, a dependency that is missing, links in a circle or to nowhere, sockets and devices, more than 100 MiB (which
    /// helm 3 packs and helm 4 refuses). `Io` for what cannot be read.
    pub fn contents(&self) -> Result<Contents> {
        let about = |error: Error| match error.target() {
            Some(_) => error,
            None => error.with_target(self.folder().display().to_string()),
        };
        let rules = IgnoreRules::of_chart(self.folder())?;
        let walked = walk::walk(self.folder(), &rules)?;
        let chart = assemble::assemble(walked.files, ".", 0).map_err(about)?;
        let mut warnings: Vec<_> = negation_warning(&rules, walked.left_out).into_iter().collect();
        warnings.extend(walked.links_out.iter().map(|(place, target)| {
            format!("{place} is a link out of the chart: the contents of {} go into the package", target.display())
        }));
        let name = chart.metadata.name;
        let mut files: BTreeMap<_, _> = chart.files;
        let first = files.remove_entry("Chart.yaml");
        let members = first.into_iter().chain(files).map(|(place, content)| (format!("{name}/{place}"), content));
        let members: Vec<_> = members.collect();
        let total = members.iter().fold(0u64, |sum, (_, content)| sum.saturating_add(content.length()));
        if total > LIMIT {
            return Err(about(too_large("with its subcharts unpacked, the chart")));
        }
        Ok(Contents {
            version: chart.metadata.version,
            name,
            members,
            warnings,
            links_out: walked.links_out,
            follows_links_out: false,
        })
    }
}

impl Contents {
    /// The names of the files in the package, in their order.
    pub fn files(&self) -> Vec<&str> {
        self.members.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// What its maker should look at: links out of the chart, rules with `!`.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Symbolic links that lead out of the chart, and to where. helm follows them; here they are refused unless
    /// [`Self::follow_links_out`] was called, since a stranger's chart could carry this machine's files away.
    pub fn links_out(&self) -> &[(String, PathBuf)] {
        &self.links_out
    }

    /// Packs what links out of the chart lead to, as helm does.
    #[must_use]
    pub fn follow_links_out(mut self) -> Self {
        self.follows_links_out = true;
        self
    }

    /// Refuses links out of the chart, unless they are to be followed.
    pub(super) fn check_links(&self) -> Result<()> {
        let Some((place, target)) = self.links_out.first().filter(|_| !self.follows_links_out) else { return Ok(()) };
        Err(PublishFault::Escape
            .refuse(format!("{place} is a symbolic link out of the chart, to {}", target.display()))
            .advice("copy into the chart what belongs there, leave the link out by .helmignore, or follow such links"))
    }

    /// Writes `NAME-VERSION.tgz` into a folder, which is made where it is missing. Blocking. The file appears when it is
    /// whole and on disk; an old one of its name is replaced.
    ///
    /// # Errors
    /// `InvalidInput` where a link leads out of the chart and such are not followed. `Io` where a file cannot be read any
    /// more or the archive not written; nothing is left behind.
    pub fn package(&self, folder: &Path) -> Result<Package> {
        self.check_links()?;
        let making = |cause| Error::io(format!("making {}", folder.display()), cause);
        fs::create_dir_all(folder).map_err(making)?;
        let path = folder.join(format!("{}-{}.tgz", self.name, self.version));
        let (digest, length) = archive::write_whole(&path, |archive| {
            for (name, content) in &self.members {
                let reading = |cause| Error::io(format!("packing {name}"), cause);
                let reader = content.reader().map_err(reading)?;
                archive.add(name, 0o644, content.length(), reader).map_err(reading)?;
            }
            Ok(())
        })?;
        Ok(Package { path, name: self.name.clone(), version: self.version.clone(), digest, length })
    }
}

fn too_large(what: &str) -> Error {
    PublishFault::TooLarge { limit: LIMIT }
        .refuse(format!("{what} goes past the {LIMIT} bytes that a chart may hold"))
        .advice("leave what does not belong to the chart out by .helmignore")
}

/// At most ten files that a chart hardly means to leave out.
fn negation_warning(rules: &IgnoreRules, mut left_out: Vec<String>) -> Option<String> {
    if rules.negations().is_empty() {
        return None;
    }
    let wanted = |file: &String| ["templates/", "crds/", "charts/"].iter().any(|folder| file.starts_with(folder));
    left_out.retain(wanted);
    left_out.sort_unstable();
    let mut words = format!(
        ".helmignore has lines with `!` ({}): Helm leaves out everything that such a line does not match, and brings \
         nothing back",
        rules.negations().join(", ")
    );
    if !left_out.is_empty() {
        let named: Vec<_> = left_out.iter().take(10).map(String::as_str).collect();
        words.push_str(&format!("; {} files are left out: {}", left_out.len(), named.join(", ")));
        if left_out.len() > 10 {
            words.push_str(&format!(" and {} more", left_out.len() - 10));
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests;
