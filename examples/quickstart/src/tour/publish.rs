//! Publish a chart: plan, package, push, release.

use anyhow::Context as _;
use cube_sdk::apollo::publish::{Bump, Chart, Registry, RegistryHost};
use cube_sdk::prelude::*;
use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};

use crate::narrator::Narrator;
use crate::shown::{Source, source};

const SOURCE: Source = source!("tour/publish.rs");

pub(crate) async fn tell(cube: &Cube, narrator: &mut Narrator) -> anyhow::Result<()> {
    narrator.step("Publish a chart");
    narrator.code(SOURCE, "publish");
    let scratch = tempfile::tempdir().context("making a scratch directory")?;
    let folder = scratch.path().join("web");
    std::fs::create_dir_all(folder.join("templates")).context("making a chart")?;
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2 # ours\n")?;
    std::fs::write(folder.join("templates/service.yaml"), "apiVersion: v1\nkind: Service\n")?;
    let double = Double::start(Guard::Open).await.context("starting a registry")?;
    let registry = Registry::builder(RegistryHost::parse(&double.host())?).plain_http().anonymous().build()?;
    // shown: publish
    let chart = Chart::find(Some(&folder))?;
    let release = cube.apollo()?.publish().release(&chart).group("com.example").registry(registry);
    let plan = release.bump(Bump::Minor).app_version("2026.1").plan()?; // nothing is done yet
    let report = plan.run().await?;
    // end
    narrator.say(format_args!(
        "{} is released, its chart tagged {}",
        report.release.as_str(),
        report.chart.tag.as_str()
    ));
    narrator.done(SOURCE);
    Ok(())
}
