//! The files that a remote builder gets, as one archive on disk.

mod wildcard;

use std::fs;
use std::path::{Path, PathBuf};

use cube_sdk_core::{Error, Result};

use super::package::{exactly, written};
use super::{Digest, PublishFault};

/// The most that a context holds, uncompressed: 512 MiB.
const LIMIT: u64 = 536_870_912;

/// The rules of a `.dockerignore`, as the builder has them: the last that matches holds, `!` brings back.
#[derive(Clone, Debug, Default)]
struct Rules(Vec<(bool, String)>);

impl Rules {
    fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(
            lines
                .map(|line| {
                    let bare = line.strip_prefix('!');
                    let pattern = bare.unwrap_or(line).trim_start_matches('/').replace("**", "*");
                    (bare.is_some(), pattern)
                })
                .collect(),
        )
    }

    fn ignores(&self, path: &str) -> bool {
        if path == ".git" || path.starts_with(".git/") {
            return true;
        }
        let mut ignored = false;
        for (brings_back, pattern) in &self.0 {
            let below = format!("{}/*", pattern.trim_end_matches('/'));
            if wildcard::matches(pattern, path) || wildcard::matches(&below, path) {
                ignored = !brings_back;
            }
        }
        ignored
    }
}

/// A packed build context: a temporary file, gone when this is dropped.
///
/// ```
/// use cube_sdk_apollo::publish::BuildContext;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// std::fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
/// std::fs::write(folder.join("notes.txt"), "to do").unwrap();
/// std::fs::write(folder.join(".dockerignore"), "*.txt\n").unwrap();
/// let context = BuildContext::pack(folder, "Dockerfile")?;
/// assert_eq!(context.files(), [".dockerignore", "Dockerfile"]);
/// assert_eq!(context.length(), std::fs::metadata(context.path()).unwrap().len());
/// assert!(context.digest().as_str().starts_with("sha256:"));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Debug)]
pub struct BuildContext {
    file: tempfile::TempPath,
    files: Vec<String>,
    digest: Digest,
    length: u64,
}

struct Packing<'r> {
    rules: &'r Rules,
    dockerfile: &'r str,
    files: Vec<(String, PathBuf, u64, u32)>,
    bytes: u64,
}

impl BuildContext {
    /// Packs a folder: regular files only, less those that `.dockerignore` names and `.git`; links, devices and sockets are
    /// left out, empty folders vanish. The Dockerfile, named by its place in the folder, goes in whatever the rules say.
    /// Blocking.
    ///
    /// # Errors
    /// `InvalidInput` for what is no folder, for one without that Dockerfile, and for more than 512 MiB, naming the file at
    /// which it was too much; `Io`.
    pub fn pack(folder: &Path, dockerfile: &str) -> Result<Self> {
        let about = || folder.display().to_string();
        if !folder.is_dir() {
            let fault = PublishFault::BadField("context".to_owned());
            return Err(fault.refuse("the build context is no folder").with_target(about()));
        }
        if !folder.join(dockerfile).is_file() || dockerfile.split('/').any(|part| part == "..") {
            let fault = PublishFault::BadField("dockerfile".to_owned());
            return Err(fault.refuse(format!("there is no `{dockerfile}` in the build context")).with_target(about()));
        }
        let ignore = match fs::read(folder.join(".dockerignore")) {
            Ok(bytes) => Rules::parse(&String::from_utf8_lossy(&bytes)),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Rules::default(),
            Err(cause) => return Err(Error::io(format!("reading .dockerignore of {}", about()), cause)),
        };
        let mut packing = Packing { rules: &ignore, dockerfile, files: Vec::new(), bytes: 0 };
        packing.folder(folder, "")?;
        let failed = |cause| Error::io("making the archive of the build context", cause);
        let new = tempfile::Builder::new().prefix("cube-ctx-").suffix(".tar.gz").tempfile().map_err(failed)?;
        let (digest, length) = written(new.as_file(), |archive| {
            for (place, path, length, mode) in &packing.files {
                let packed = exactly(path, 0, *length).and_then(|file| archive.add(place, *mode, *length, file));
                packed.map_err(|cause| Error::io(format!("packing {}", path.display()), cause))?;
            }
            Ok(())
        })?;
        let files = packing.files.into_iter().map(|(place, ..)| place).collect();
        Ok(Self { file: new.into_temp_path(), files, digest, length })
    }

    /// The archive.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// The files in it.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// SHA-256 of the archive.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Bytes of the archive.
    pub const fn length(&self) -> u64 {
        self.length
    }
}

impl Packing<'_> {
    fn folder(&mut self, folder: &Path, place: &str) -> Result<()> {
        let failed = |cause| Error::io(format!("reading {}", folder.display()), cause);
        let mut entries = fs::read_dir(folder).map_err(failed)?.collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().into_string().map_err(|_| {
                PublishFault::BadField("file name".to_owned())
                    .refuse("a file name is not UTF-8")
                    .with_target(entry.path().display().to_string())
            })?;
            let place = if place.is_empty() { name } else { format!("{place}/{name}") };
            let meta = entry.metadata().map_err(failed)?;
            let needed = place == self.dockerfile || self.dockerfile.starts_with(&format!("{place}/"));
            if self.rules.ignores(&place) && !needed {
                continue;
            }
            if meta.is_dir() {
                self.folder(&entry.path(), &place)?;
            } else if meta.is_file() {
                self.bytes = self.bytes.saturating_add(meta.len());
                if self.bytes > LIMIT {
                    return Err(PublishFault::TooLarge { limit: LIMIT }
                        .refuse(format!("the build context goes past {LIMIT} bytes at {place}"))
                        .with_target(entry.path().display().to_string())
                        .advice("leave what the build does not need out by a .dockerignore"));
                }
                self.files.push((place, entry.path(), meta.len(), mode(&meta)));
            }
        }
        Ok(())
    }
}

/// What may be run stays so; who owns a file does not matter.
fn mode(meta: &fs::Metadata) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if meta.permissions().mode() & 0o111 != 0 {
            return 0o755;
        }
    }
    let _ = meta;
    0o644
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::publish::PublishErrorExt;

    #[test]
    fn vectors() {
        for (rules, path, ignored) in [
            ("node_modules", "node_modules", true),
            ("node_modules", "node_modules/a/b", true),
            ("node_modules", "x/node_modules", false),
            ("node_modules/", "node_modules", false),
            ("node_modules/", "node_modules/a", true),
            ("**/node_modules", "x/node_modules", true),
            ("**/node_modules", "node_modules", false),
            ("*.log", "a.log", true),
            ("*.log", "x/a.log", true),
            ("/a", "a", true),
            ("./a", "a", false),
            ("a/*\n!a/keep", "a/keep", false),
            ("a\n!a/keep", "a", true),
            ("", ".git", true),
            ("", ".git/x", true),
            ("", "sub/.git", false),
            ("", ".gitignore", false),
            ("!.git", ".git", true),
            ("[!a]", "b", true),
            ("[!a]", "a", false),
            ("a?b", "a/b", true),
            ("*\n!Dockerfile", "Dockerfile", false),
            (".", "x", false),
            ("# x\n\n  *.md  ", "a.md", true),
            ("[a", "[a", true),
            ("[]]", "]", true),
            ("[a-c]x", "bx", true),
            ("a\\*", "a*", false),
        ] {
            assert_eq!(Rules::parse(rules).ignores(path), ignored, "{rules:?} {path}");
        }
    }

    #[test]
    fn a_context_past_512_mib_is_refused_before_it_is_packed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Dockerfile"), "FROM scratch").unwrap();
        let big = fs::File::create(dir.path().join("big.bin")).unwrap();
        big.set_len(600 * 1024 * 1024).unwrap();
        let error = BuildContext::pack(dir.path(), "Dockerfile").unwrap_err();
        assert_eq!(error.publish_fault(), Some(&PublishFault::TooLarge { limit: LIMIT }));
        assert!(error.message().contains("big.bin"), "{error}");
        fs::write(dir.path().join(".dockerignore"), "*\n").unwrap();
        assert_eq!(BuildContext::pack(dir.path(), "Dockerfile").unwrap().files(), ["Dockerfile"]);
        assert!(BuildContext::pack(&dir.path().join("Dockerfile"), "Dockerfile").is_err());
        assert!(BuildContext::pack(dir.path(), "None").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_left_out_and_the_archive_goes_with_its_value() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Dockerfile"), "FROM scratch").unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/run.sh"), "#!/bin/sh").unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("Dockerfile", dir.path().join("link")).unwrap();
        let (first, second) =
            (BuildContext::pack(dir.path(), "Dockerfile"), BuildContext::pack(dir.path(), "Dockerfile"));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.files(), ["Dockerfile", "d/run.sh"]);
        assert_eq!(first.digest(), second.digest());
        let path = first.path().to_path_buf();
        drop(first);
        assert!(!path.exists());
    }
}
