//! Jobs: announced, uploaded once, built, and known for an hour after.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Clock, Error, ErrorKind, Result, SecretString, Timestamp};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Build, Built, ImageBuilder};
use crate::cloud::api_keys::hash;
use crate::random;
use crate::store::Id;
use crate::store::cloud::Hash;

/// How long an upload may be begun.
const UPLOAD: Duration = Duration::from_secs(15 * 60);
/// How long a job is known after its last change.
const KNOWN: Duration = Duration::from_secs(60 * 60);
/// How many an owner may have that are not over.
const OF_ONE: usize = 4;
/// How many are built at once.
const AT_ONCE: usize = 2;

#[derive(Clone, Debug)]
enum State {
    Prepared { proof: Hash },
    Uploading,
    Uploaded,
    Running,
    Ended(Built),
}

struct Job {
    owner: String,
    image: String,
    context: PathBuf,
    state: State,
    changed: Timestamp,
}

impl Drop for Job {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_file(&self.context);
    }
}

/// A job that was announced.
pub(crate) struct Prepared {
    pub(crate) job: String,
    /// What an upload proves itself with, once.
    pub(crate) proof: SecretString,
}

/// What is known of a job.
pub(crate) struct Status {
    pub(crate) state: &'static str,
    pub(crate) image: Option<String>,
    pub(crate) built: Option<Built>,
}

/// Every job of this process.
pub(crate) struct Jobs {
    clock: Clock,
    folder: PathBuf,
    repository: String,
    builder: Arc<dyn ImageBuilder>,
    places: Arc<Semaphore>,
    jobs: Arc<Mutex<HashMap<String, Job>>>,
    running: Mutex<JoinSet<()>>,
}

fn unknown() -> Error {
    Error::new(ErrorKind::NotFound, "no such build of yours").advice("begin with build_image_prepare")
}

fn conflict(why: &str, advice: &str) -> Error {
    Error::new(ErrorKind::Conflict, why.to_owned()).advice(advice.to_owned())
}

impl Jobs {
    pub(crate) fn new(clock: Clock, folder: PathBuf, repository: String, builder: Arc<dyn ImageBuilder>) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { clock, folder, repository, builder, places, jobs: Arc::default(), running: Mutex::default() }
    }

    /// The jobs that are still known.
    fn known(&self) -> MutexGuard<'_, HashMap<String, Job>> {
        let now = self.clock.now();
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|_, job| {
            let life = match job.state {
                State::Prepared { .. } => UPLOAD,
                State::Running | State::Uploading => return true,
                State::Uploaded | State::Ended(_) => KNOWN,
            };
            now.since(job.changed) < life
        });
        jobs
    }

    /// Announces a build.
    ///
    /// # Errors
    /// `Conflict` when the owner has too many that are not over.
    pub(crate) fn prepare(&self, owner: &str, image: &str, tag: &str) -> Result<Prepared> {
        let (job, proof) = (Id::random().to_string(), random::url_safe()?);
        let mut jobs = self.known();
        let open = jobs.values().filter(|job| job.owner == owner && !matches!(job.state, State::Ended(_))).count();
        if open >= OF_ONE {
            return Err(conflict("you have as many builds under way as one may have", "wait for one to end"));
        }
        let new = Job {
            owner: owner.to_owned(),
            image: format!("{}/{image}:{tag}", self.repository),
            context: self.folder.join(format!("{job}.tar")),
            state: State::Prepared { proof: hash(proof.expose_secret()) },
            changed: self.clock.now(),
        };
        jobs.insert(job.clone(), new);
        Ok(Prepared { job, proof })
    }

    /// Where an upload with this proof goes; it is good once.
    pub(super) fn begin_upload(&self, job: &str, proof: &str) -> Option<PathBuf> {
        let mut jobs = self.known();
        let job = jobs.get_mut(job)?;
        let fits = matches!(&job.state, State::Prepared { proof: kept } if *kept == hash(proof));
        (job.state, job.changed) = if fits { (State::Uploading, self.clock.now()) } else { return None };
        Some(job.context.clone())
    }

    /// What came of an upload; one that failed ends the job.
    pub(super) fn end_upload(&self, job: &str, failure: Option<&str>) {
        let now = self.clock.now();
        if let Some(job) = self.known().get_mut(job) {
            let reason = failure.map(str::to_owned);
            let ended = || State::Ended(Built { reason: reason.clone(), ..Built::default() });
            (job.state, job.changed) = (if failure.is_some() { ended() } else { State::Uploaded }, now);
        }
    }

    /// Starts a build whose context is uploaded.
    ///
    /// # Errors
    /// `NotFound` for another's or none; `Conflict` without the context, or when it was started before; `InvalidInput` for
    /// words that cannot be used.
    pub(crate) fn start(&self, owner: &str, id: &str, describe: impl FnOnce(String, PathBuf) -> Build) -> Result<()> {
        let mut jobs = self.known();
        let job = jobs.get_mut(id).filter(|job| job.owner == owner).ok_or_else(unknown)?;
        match job.state {
            State::Uploaded => {}
            State::Prepared { .. } | State::Uploading => {
                return Err(conflict("its context is not uploaded yet", "PUT it to the upload URL first"));
            }
            State::Running | State::Ended(_) => {
                return Err(conflict("it was started already", "ask for its state, or prepare another"));
            }
        }
        let build = describe(job.image.clone(), job.context.clone());
        build.check()?;
        (job.state, job.changed) = (State::Running, self.clock.now());
        drop(jobs);
        let (builder, places, known, clock) =
            (Arc::clone(&self.builder), Arc::clone(&self.places), Arc::clone(&self.jobs), self.clock);
        let id = id.to_owned();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn(async move {
            let built = match places.acquire_owned().await {
                // A builder's own fault ends its build, and is told.
                Ok(_place) => AssertUnwindSafe(builder.build(&build)).catch_unwind().await.unwrap_or_else(|_| {
                    tracing::error!(image = build.image, "a builder panicked");
                    Built {
                        reason: Some("the server's builder failed by a fault of its own".to_owned()),
                        ..Built::default()
                    }
                }),
                Err(_) => Built { reason: Some("the server is stopping".to_owned()), ..Built::default() },
            };
            let _ = tokio::fs::remove_file(&build.context).await;
            let mut jobs = known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(job) = jobs.get_mut(&id) {
                (job.state, job.changed) = (State::Ended(built), clock.now());
            }
        });
        Ok(())
    }

    /// # Errors
    /// `NotFound` for another's or none.
    pub(crate) fn status(&self, owner: &str, id: &str) -> Result<Status> {
        let jobs = self.known();
        let job = jobs.get(id).filter(|job| job.owner == owner).ok_or_else(unknown)?;
        Ok(match &job.state {
            State::Prepared { .. } | State::Uploading | State::Uploaded => {
                Status { state: "PENDING", image: None, built: None }
            }
            State::Running => Status { state: "RUNNING", image: None, built: None },
            State::Ended(built) if built.reason.is_none() => {
                Status { state: "SUCCEEDED", image: Some(job.image.clone()), built: Some(built.clone()) }
            }
            State::Ended(built) => Status { state: "FAILED", image: None, built: Some(built.clone()) },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    struct Panics;

    #[async_trait]
    impl ImageBuilder for Panics {
        async fn build(&self, _: &Build) -> Built {
            panic!("a fault of the builder")
        }
    }

    #[tokio::test]
    async fn a_builder_that_panics_leaves_no_build_running_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let jobs = Jobs::new(Clock::system(), dir.path().to_owned(), "r.example".to_owned(), Arc::new(Panics));
        let Prepared { job, proof } = jobs.prepare("ann", "web", "1").unwrap();
        assert!(jobs.begin_upload(&job, proof.expose_secret()).is_some());
        jobs.end_upload(&job, None);
        let describe = |image, context| Build {
            image,
            context,
            dockerfile: "Dockerfile".to_owned(),
            target: None,
            platform: "linux/amd64".to_owned(),
            arguments: Vec::new(),
        };
        jobs.start("ann", &job, describe).unwrap();
        while jobs.status("ann", &job).unwrap().state == "RUNNING" {
            tokio::task::yield_now().await;
        }
        let status = jobs.status("ann", &job).unwrap();
        assert_eq!(status.state, "FAILED");
        assert!(status.built.unwrap().reason.unwrap().contains("fault of its own"));
    }
}
