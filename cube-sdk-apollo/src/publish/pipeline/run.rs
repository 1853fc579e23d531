//! The steps of a release.

use std::path::Path;

use cube_sdk_core::{Error, ErrorKind, Result};

use super::note::{Claim, Note};
use super::{Image, Place, ReleaseReport, RunRelease, Step};
use crate::fault::SaysGone as _;
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
                Some(self.image(image, name).await.map_err(|error| self.nothing_published(error))?)
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
        claim.done()?;
        let release = format!("{}:{}:{}", plan.group, plan.chart.name(), plan.version);
        let (digest, length) = (package.digest().clone(), package.length());
        Ok(ReleaseReport { release, chart: pushed, image, package: digest, length, existed, warnings })
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
            Place::Local { user, password } => {
                let login = password.as_ref().map(|password| (user.as_str(), password));
                build_local(&image.build, name, login, &self.listener).await?;
                Ok(name.to_string())
            }
            Place::Remote(builder) => {
                let engine = self.plan.apollo.bare_engine();
                build_remote(builder.as_ref(), &engine, &image.build, name, &self.listener).await
            }
        }
    }

    fn nothing_published(&self, error: Error) -> Error {
        let words = format!("no image, so nothing was published and the chart is unchanged: {}", error.message());
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

    /// Makes the release in Apollo; true when it was there.
    async fn released(&self, image: Option<&str>) -> Result<bool> {
        let plan = &self.plan;
        let name = plan.chart.name();
        let product = format!("{}:{name}", plan.group);
        match plan.apollo.releases(product.as_str()).get(plan.version.as_str()).await {
            Ok(_) => return Ok(true),
            // A gateway that finds nothing proves nothing.
            Err(error) if error.says_not_listed() => {}
            Err(error) => return Err(error),
        }
        let manifests = plan.apollo.manifests();
        manifests.create_product(product.as_str()).await?;
        let host = plan.registry.host();
        let mut manifest = ReleaseManifest::new(plan.group.clone(), name, &plan.version, host, &plan.repository);
        if let Some(image) = image {
            manifest = manifest.image(image);
        }
        manifests.create_release(manifest.to_yaml()?).await?;
        Ok(false)
    }
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
