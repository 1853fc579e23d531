//! The image of a release: which, and where it is built.

use cube_sdk::apollo::publish::{Chart, ImageBuild, Platform, ReleaseOf};
use cube_sdk::{Cube, Result};

use super::publish::Asked;
use crate::tool::{Done, refused};

/// Adds the image where one is to be built.
pub(super) async fn with_image(cube: &Cube, release: ReleaseOf, chart: &Chart, asked: &Asked) -> Done<ReleaseOf> {
    let Some(build) = image(chart, asked)? else { return Ok(release) };
    let cloud = cube.cloud()?;
    let here = match asked.build_mode.as_str() {
        "local" => true,
        "remote" => false,
        "auto" => cloud.has_docker()?,
        other => {
            return Err(refused(
                "build_and_publish_to_apollo",
                &format!("build_mode is {other:?}; it is auto, local or remote"),
            ));
        }
    };
    if !here {
        return Ok(release.remote_image(build, cloud.image_builder()));
    }
    // A dry run asks nobody for a token.
    if asked.dry_run {
        return Ok(release.local_image(build, "", None));
    }
    let token = cloud.acr_get_token().await?.into_data()?;
    Ok(release.local_image(build, token.username.unwrap_or_default(), Some(token.token)))
}

fn image(chart: &Chart, asked: &Asked) -> Result<Option<ImageBuild>> {
    if asked.skip_docker {
        return Ok(None);
    }
    let build = match &asked.dockerfile {
        Some(file) => Some(ImageBuild::new(&chart.folder().join(file))?),
        None => ImageBuild::of_chart(chart.folder())?,
    };
    let Some(mut build) = build else { return Ok(None) };
    build = build.platform(Platform::parse(&asked.platform)?);
    if let Some(target) = &asked.target {
        build = build.target(target);
    }
    for (name, value) in &asked.build_args {
        build = build.build_arg(name, value.clone())?;
    }
    Ok(Some(build))
}
