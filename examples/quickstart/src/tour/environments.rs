//! What there is to operate: environments and clusters.

use cube_sdk::prelude::*;

use crate::narrator::Narrator;
use crate::shown::{Source, source};

const SOURCE: Source = source!("tour/environments.rs");

pub(crate) async fn tell(cube: &Cube, narrator: &mut Narrator) -> anyhow::Result<()> {
    narrator.step("List environments and clusters");
    narrator.code(SOURCE, "list");
    let mut found = Vec::new();
    // shown: list
    let mut environments = cube.apollo()?.environments().list();
    while let Some(environment) = environments.try_next().await? {
        found.push(environment.name);
    }
    let clusters = cube.kube()?.list().await?;
    // end
    narrator.say(format_args!("environments: {}", found.join(", ")));
    narrator.say(format_args!("clusters: {}", clusters.join(", ")));
    narrator.done(SOURCE);
    Ok(())
}
