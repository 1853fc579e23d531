//! A kubeconfig merged into the user's own: looked at first, then written.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use cube_sdk_core::config::Environment;
use cube_sdk_core::whole_file::{self, Readers};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString, Timestamp, awaitable};

use super::edit::edited;
use super::incoming::Incoming;
use super::lock::Lock;
use super::place::{files, shared};
use crate::own_file;

/// How often a file that somebody else writes without a lock is read anew.
const TRIES: u32 = 10;

/// A merge about to be made: [`plan`](Self::plan) it, or await it.
///
/// Entries of the same names are replaced where they stand, others are added behind the last; everything else stays as it
/// is, byte for byte. What cannot be kept is told by the plan, and refused unless
/// [`accept_losses`](Self::accept_losses) is called: comments and unknown fields of the entries that are replaced, doubles
/// of them, and the layout of a file that cannot be edited in place, such as one with anchors in those entries.
///
/// ```
/// use cube_sdk::kube::Merge;
/// use cube_sdk::prelude::*;
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("config");
/// let text = "clusters: [{name: c, cluster: {server: 'https://c'}}]
/// users: [{name: u, user: {client-key-data: a2V5}}]
/// contexts: [{name: cube-7, context: {cluster: c, user: u}}]";
/// let merge = Merge::into_files(text.into(), [&file]);
/// assert!(merge.plan().await?.losses.is_empty()); // nothing is written yet
/// assert_eq!(merge.await?.context, "cube-7");
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is written until the merge is awaited"]
pub struct Merge {
    kubeconfig: SecretString,
    files: Vec<PathBuf>,
    backup: bool,
    keep_context: bool,
    accept_losses: bool,
}

/// Without the kubeconfig, which holds keys.
impl fmt::Debug for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge").field("files", &self.files).finish_non_exhaustive()
    }
}

/// What a merge would do.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MergePlan {
    /// The files that would be changed.
    pub files: Vec<PathBuf>,
    /// What of them would not be kept, each with its file; empty where everything is.
    pub losses: Vec<String>,
}

/// What a merge did.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Merged {
    /// The files that were changed; none where everything was there already.
    pub files: Vec<PathBuf>,
    /// Where their old text is, if that was asked for.
    pub backups: Vec<PathBuf>,
    /// The context of the new entries.
    pub context: String,
    /// What was not kept.
    pub losses: Vec<String>,
}

impl Merge {
    /// A merge of a kubeconfig into these files, in kubectl's order.
    pub fn into_files(kubeconfig: SecretString, files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let files = files.into_iter().map(Into::into).collect();
        Self { kubeconfig, files, backup: false, keep_context: false, accept_losses: false }
    }

    pub(crate) fn by(environment: &Environment, kubeconfig: SecretString) -> Result<Self> {
        Ok(Self::into_files(kubeconfig, files(environment)?))
    }

    /// Keeps the old text of each file that is changed beside it, as `config.backup-TIME`, of its owner alone.
    pub fn backup(mut self) -> Self {
        self.backup = true;
        self
    }

    /// Leaves the current context as it is.
    pub fn keep_context(mut self) -> Self {
        self.keep_context = true;
        self
    }

    /// Writes although something is not kept.
    pub fn accept_losses(mut self) -> Self {
        self.accept_losses = true;
        self
    }

    /// Tells what the merge would do. Reads only.
    ///
    /// # Errors
    /// As the merge itself, but for what only writing brings.
    pub async fn plan(&self) -> Result<MergePlan> {
        let (kubeconfig, files, keep) = (self.kubeconfig.clone(), self.files.clone(), self.keep_context);
        blocking(move || {
            let looked = look(&Incoming::read(&kubeconfig)?, &targets(&files)?, keep)?;
            let files = looked.changes.into_iter().map(|change| change.file).collect();
            Ok(MergePlan { files, losses: looked.losses })
        })
        .await
    }

    async fn send(self) -> Result<Merged> {
        blocking(move || self.write()).await
    }

    fn write(self) -> Result<Merged> {
        let incoming = Incoming::read(&self.kubeconfig)?;
        let targets = targets(&self.files)?;
        for file in self.files.iter().chain(&targets) {
            own_file::make_folder(file)
                .map_err(|cause| Error::io(format!("making the folder of {}", file.display()), cause))?;
        }
        // kubectl locks the name that it was given. Sorted, so that two who want several never wait for each other.
        let names: BTreeSet<_> = self.files.iter().chain(&targets).collect();
        let _locks = names.into_iter().map(|file| Lock::of(file)).collect::<Result<Vec<_>>>()?;
        for _ in 0..TRIES {
            let looked = look(&incoming, &targets, self.keep_context)?;
            if !looked.losses.is_empty() && !self.accept_losses {
                let words = format!("not everything can be kept: {}", looked.losses.join("; "));
                return Err(Error::new(ErrorKind::Conflict, words)
                    .advice("accept that with accept_losses(), with backup() if need be; or edit the file by hand"));
            }
            let unchanged = |change: &Change| read(&change.file).is_ok_and(|now| now == change.before);
            if !looked.changes.iter().all(unchanged) {
                continue;
            }
            let (mut files, mut backups) = (Vec::new(), Vec::new());
            for change in looked.changes {
                if let Some(before) = change.before.as_deref().filter(|_| self.backup) {
                    backups.push(kept(&change.file, before)?);
                }
                whole_file::write(&change.file, change.after.as_bytes(), Readers::Owner)
                    .map_err(|cause| Error::io(format!("writing {}", change.file.display()), cause))?;
                files.push(change.file);
            }
            return Ok(Merged { files, backups, context: incoming.context, losses: looked.losses });
        }
        Err(Error::new(ErrorKind::Conflict, "the kubeconfig is written all the time by another program")
            .advice("stop that program, then try again"))
    }
}

awaitable! {
    /// Merges: under kubectl's own lock, each file replaced at once, mode 0600. Symbolic links are followed and stay.
    ///
    /// # Errors
    /// `Decode` and `Unsupported` for a kubeconfig that does not stand by itself: one that needs a program (the service is
    /// to set `disable_exec_plugin`) or files; `Config` for a file that is no kubeconfig; `Conflict` when something would
    /// be lost, or kubectl holds the lock for 30 s; `Io` when a file cannot be read or written. After an error of
    /// one file those before it are written.
    ///
    /// # Cancel safety
    /// What has begun goes on to its end: dropping it only stops waiting.
    Merge => Merged
}

struct Change {
    file: PathBuf,
    before: Option<String>,
    after: String,
}

struct Looked {
    changes: Vec<Change>,
    losses: Vec<String>,
}

/// What would be written, by what the files say now.
fn look(incoming: &Incoming, targets: &[PathBuf], keep_context: bool) -> Result<Looked> {
    let texts = targets.iter().map(|file| read(file)).collect::<Result<Vec<_>>>()?;
    let shares = shared(&texts, &incoming.entries);
    let mut looked = Looked { changes: Vec::new(), losses: Vec::new() };
    for ((file, before), share) in targets.iter().zip(texts).zip(shares) {
        let context = (share.sets_context && !keep_context).then_some(incoming.context.as_str());
        if share.entries.is_empty() && context.is_none() {
            continue;
        }
        let at = |error: Error| error.with_target(file.display().to_string());
        let edited = edited(before.as_deref().unwrap_or_default(), &share.entries, context).map_err(at)?;
        looked.losses.extend(edited.losses.iter().map(|loss| format!("{}: {loss}", file.display())));
        if before.as_deref() != Some(&edited.text) {
            looked.changes.push(Change { file: file.clone(), before, after: edited.text });
        }
    }
    Ok(looked)
}

fn read(file: &Path) -> Result<Option<String>> {
    match std::fs::read(file) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
            Error::new(ErrorKind::Config, "the kubeconfig is no UTF-8 text").with_target(file.display().to_string())
        }),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::io(format!("reading {}", file.display()), cause)),
    }
}

fn targets(files: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if files.is_empty() {
        return Err(Error::new(ErrorKind::Config, "no kubeconfig is named"));
    }
    let target = |file: &PathBuf| {
        own_file::target_of(file).map_err(|cause| Error::io(format!("following {}", file.display()), cause))
    };
    files.iter().map(target).collect()
}

/// Keeps an old text under a name that is not there yet.
fn kept(file: &Path, text: &str) -> Result<PathBuf> {
    let now: String = Timestamp::now().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".backup-{now}"));
    let path = PathBuf::from(name);
    whole_file::write(&path, text.as_bytes(), Readers::Owner)
        .map_err(|cause| Error::io(format!("keeping the old text in {}", path.display()), cause))?;
    Ok(path)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|cause| Err(Error::new(ErrorKind::Io, "work on the kubeconfig was stopped").cause(cause)))
}
