//! The files of a chart's folder, as helm walks it: links followed, ignore rules asked, in the order of their names.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cube_sdk_core::whole_file::is_part;
use cube_sdk_core::{Error, Result};

use super::content::{Content, MARK};
use super::{Found, LIMIT};
use crate::publish::chart::NOTE_FILE;
use crate::publish::{IgnoreRules, PublishFault};

/// Links that multiply without a circle end here.
const MOST_FILES: usize = 200_000;

/// What a walk found.
pub(super) struct Walked {
    pub(super) files: Vec<Found>,
    /// Links that lead out of the chart, and where to.
    pub(super) links_out: Vec<(String, PathBuf)>,
    /// Files that rules leave out.
    pub(super) left_out: Vec<String>,
}

struct Walk<'r> {
    root: PathBuf,
    rules: &'r IgnoreRules,
    /// The folders that it is in, resolved.
    inside: Vec<PathBuf>,
    bytes: u64,
    out: Walked,
}

/// Walks a folder.
pub(super) fn walk(folder: &Path, rules: &IgnoreRules) -> Result<Walked> {
    let root = fs::canonicalize(folder).map_err(|cause| failed("finding", folder, cause))?;
    let out = Walked { files: Vec::new(), links_out: Vec::new(), left_out: Vec::new() };
    let mut walk = Walk { root: root.clone(), rules, inside: vec![root.clone()], bytes: 0, out };
    walk.folder(&root, "")?;
    Ok(walk.out)
}

fn failed(doing: &str, path: &Path, cause: std::io::Error) -> Error {
    Error::io(format!("{doing} {}", path.display()), cause)
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, place: &str) -> Result<()> {
        let entries = fs::read_dir(folder).map_err(|cause| failed("reading the folder", folder, cause))?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|cause| failed("reading the folder", folder, cause))?.file_name();
            let name = name.into_string().map_err(|name| {
                PublishFault::BadField("file name".to_owned())
                    .refuse("a file name is not UTF-8")
                    .with_target(folder.join(name).display().to_string())
            })?;
            names.push(name);
        }
        names.sort_unstable();
        for name in names {
            // What a run of ours left when it was killed.
            if place.is_empty() && (name.starts_with(NOTE_FILE) || is_part(&name)) {
                continue;
            }
            let path = folder.join(&name);
            let place = if place.is_empty() { name } else { format!("{place}/{name}") };
            self.entry(&path, place)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, place: String) -> Result<()> {
        let linked = fs::symlink_metadata(path).map_err(|cause| failed("reading", path, cause))?;
        let is_link = linked.is_symlink();
        let meta = if is_link {
            match fs::metadata(path) {
                Ok(meta) => meta,
                Err(_) if self.rules.ignores(&place, false) => return Ok(()),
                Err(cause) => return Err(broken_link(path, cause)),
            }
        } else {
            linked
        };
        if self.rules.ignores(&place, meta.is_dir()) {
            self.note_left_out(path, &place, meta.is_dir());
            return Ok(());
        }
        let resolved = if is_link { self.resolved(path, &place)? } else { path.to_path_buf() };
        if meta.is_dir() {
            if is_link && self.inside.contains(&resolved) {
                return Err(PublishFault::LinkLoop
                    .refuse("a symbolic link leads back to a folder that it is in")
                    .with_target(path.display().to_string())
                    .advice("remove the link, or leave it out by .helmignore"));
            }
            self.inside.push(resolved.clone());
            self.folder(&resolved, &place)?;
            self.inside.pop();
            return Ok(());
        }
        if !meta.is_file() {
            return Err(PublishFault::Irregular
                .refuse("it is no regular file and no folder")
                .with_target(path.display().to_string())
                .advice("leave it out by .helmignore"));
        }
        self.file(resolved, place, meta.len())
    }

    fn file(&mut self, path: PathBuf, place: String, length: u64) -> Result<()> {
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > LIMIT || self.out.files.len() >= MOST_FILES {
            return Err(super::too_large(&place));
        }
        let mut head = Vec::new();
        let read = fs::File::open(&path).and_then(|file| file.take(MARK.len() as u64).read_to_end(&mut head));
        read.map_err(|cause| failed("reading", &path, cause))?;
        let skipped = if head == MARK { MARK.len() as u64 } else { 0 };
        self.out.files.push(Found { place, content: Content::Disk { path, skipped, length: length - skipped } });
        Ok(())
    }

    fn resolved(&mut self, path: &Path, place: &str) -> Result<PathBuf> {
        let resolved = fs::canonicalize(path).map_err(|cause| broken_link(path, cause))?;
        if !resolved.starts_with(&self.root) {
            self.out.links_out.push((place.to_owned(), resolved.clone()));
        }
        Ok(resolved)
    }

    /// Files below what is left out, for the warning about rules with `!`. Links are not followed for that.
    fn note_left_out(&mut self, path: &Path, place: &str, is_folder: bool) {
        if self.rules.negations().is_empty() || self.out.left_out.len() >= MOST_FILES {
            return;
        }
        if !is_folder {
            self.out.left_out.push(place.to_owned());
            return;
        }
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let place = format!("{place}/{}", entry.file_name().to_string_lossy());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            self.note_left_out(&entry.path(), &place, is_folder);
        }
    }
}

fn broken_link(path: &Path, cause: std::io::Error) -> Error {
    let circle = is_circle(&cause);
    let (fault, words) = if circle {
        (PublishFault::LinkLoop, "a symbolic link leads in a circle")
    } else {
        (PublishFault::BrokenLink, "a symbolic link leads nowhere that can be read")
    };
    let error = fault.refuse(words).with_target(path.display().to_string());
    error.advice("remove the link, or leave it out by .helmignore").cause(cause)
}

/// The error kind of a circle of links is not stable yet; its number is 40 on Linux and 62 on macOS.
fn is_circle(cause: &std::io::Error) -> bool {
    cause.raw_os_error().is_some_and(|code| code == if cfg!(target_os = "linux") { 40 } else { 62 })
}
