//! The steps of a release.

use std::path::Path;

use cube_sdk_core::{Error, ErrorKind, Result};

use super::image_place::{DockerLogin, Image, Place};
use super::note::{Claim, Note};
use super::plan::Step;
use super::{ReleaseReport, RunRelease};
use crate::publish::image::{build_local, build_remote};
use crate::publish::progress::Progress;
use crate::publish::{Chart, Package, PublishFault, PushedChart, ReleaseManifest, Tag};

impl RunRelease {
    pub(super) async fn send(self) -> Result<ReleaseReport> {
        let plan = &self.plan;
        let mut claim = Claim::take(plan.chart.folder())?;
        let before = Chart::find(Some(plan.chart.folder()))?;
        if before.version() != plan.chart.version() {
            return Err(Error::new(ErrorKind::Conflict, format!("the chart is at {} now", before.version()))
                .with_target(plan.chart.file().display().to_string())
                .advice("plan anew"));
        }
        let tag = Tag::parse(&plan.version.tag())?;

        self.begins(Step::Look);
        self.tag_is_free(&before, &tag).await?;

        let image = match &plan.image {
            Some((image, name)) => {
                self.begins(Step::Image);
                let built = self.image(image, name).await;
                let how_far = "no image, so nothing was published and the chart is unchanged";
                Some(built.map_err(|error| retold(error, how_far))?)
            }
            None => None,
        };

        self.begins(Step::Write);
        claim.note(&Note { from: plan.chart.version().clone(), to: plan.version.clone() })?;
        let chart = before.with_versions(&plan.version, plan.app_version.as_deref())?;

        self.begins(Step::Pack);
        let folder = scratch()?;
        let (package, warnings) = packed(&chart, folder.path()).await?;

        self.begins(Step::Push);
        let listener = self.listener.clone();
        let push = plan.registry.push_chart(&plan.repository, &package);
        let pushed: PushedChart = push.progress(move |sent| listener.tell(Progress::Sent(sent))).await?;

        self.begins(Step::Release);
        let existed = self.released(image.as_deref()).await?;
        let release = format!("{}:{}", plan.product, plan.version);
        if !plan.channels.is_empty() {
            self.begins(Step::Promote);
            let added = plan.publisher.promote(&plan.product, &plan.version, &plan.channels).await;
            added.map_err(|error| retold(error, &format!("{release} is released, but in no further channel")))?;
        }
        claim.done()?;
        let (digest, length) = (package.digest().clone(), package.length());
        let channels = plan.channels.clone();
        Ok(ReleaseReport { release, chart: pushed, image, package: digest, length, existed, channels, warnings })
    }

    fn begins(&self, step: Step) {
        let steps = self.plan.steps();
        let number = steps.iter().position(|other| *other == step).map_or(0, |at| at + 1);
        self.listener.tell(Progress::Step { number, of: steps.len(), doing: self.plan.says(step) });
    }

    /// A tag that is there must name what would be pushed: an earlier run got so far.
    async fn tag_is_free(&self, chart: &Chart, tag: &Tag) -> Result<()> {
        let plan = &self.plan;
        let Some(found) = plan.registry.tagged(&plan.repository, tag).await? else { return Ok(()) };
        if *chart.version() == plan.version {
            let folder = scratch()?;
            let (package, _) = packed(chart, folder.path()).await?;
            if plan.registry.manifest_of(&package)? == found {
                return Ok(());
            }
        }
        let place = format!("{}/{}:{tag}", plan.registry.host(), plan.repository);
        Err(Error::new(ErrorKind::Conflict, format!("this version is published already, as {found}"))
            .with_target(place)
            .with_fault(PublishFault::Taken)
            .advice("release another version"))
    }

    async fn image(&self, image: &Image, name: &crate::publish::image::ImageName) -> Result<String> {
        match &image.place {
            Place::Local => {
                let login = match &self.plan.login {
                    DockerLogin::Done => None,
                    DockerLogin::With(user, password) => Some((user.clone(), password.clone())),
                    DockerLogin::Publisher => Some(self.plan.publisher.docker_login().await?),
                };
                let login = login.as_ref().map(|(user, password)| (user.as_str(), password));
                build_local(&image.build, name, login, &self.listener).await?;
                Ok(name.to_string())
            }
            Place::Remote(builder) => {
                let engine = self.plan.registry.bare_engine();
                build_remote(builder.as_ref(), &engine, &image.build, name, &self.listener).await
            }
        }
    }

    /// Makes the release; true when it was there.
    async fn released(&self, image: Option<&str>) -> Result<bool> {
        let plan = &self.plan;
        if plan.publisher.has_release(&plan.product, &plan.version).await? {
            return Ok(true);
        }
        let (name, host) = (plan.chart.name(), plan.registry.host());
        let mut manifest = ReleaseManifest::new(plan.group.clone(), name, &plan.version, host, &plan.repository);
        if let Some(image) = image {
            manifest = manifest.image(image);
        }
        plan.publisher.release(&plan.product, manifest.to_yaml()?).await?;
        Ok(false)
    }
}

/// The same error, after words on how far the release got.
fn retold(error: Error, how_far: &str) -> Error {
    let words = format!("{how_far}: {}", error.message());
    let mut told = Error::new(error.kind(), words).with_transient(error.is_transient());
    if let Some(fault) = error.fault::<PublishFault>() {
        told = told.with_fault(fault.clone());
    }
    if let Some(target) = error.target() {
        told = told.with_target(target);
    }
    if let Some(advice) = error.next_step() {
        told = told.advice(advice);
    }
    told.cause(error)
}

/// Outside of the chart, so that nothing of a run is ever packed by the next one.
fn scratch() -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("cube-publish-")
        .tempdir()
        .map_err(|cause| Error::io("making a temporary folder", cause))
}

async fn packed(chart: &Chart, folder: &Path) -> Result<(Package, Vec<String>)> {
    let (chart, folder) = (chart.clone(), folder.to_path_buf());
    let packing = tokio::task::spawn_blocking(move || {
        let contents = chart.contents()?;
        Ok((contents.package(&folder)?, contents.warnings().to_vec()))
    });
    packing.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Cancelled, "packing was stopped")))
}
