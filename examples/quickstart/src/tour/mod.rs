//! The Cube half of the story, on the embedded world: sign in, environments, a plan, a tunnel, a chart.

mod environments;
mod install;
mod person;
mod publish;
mod sign_in;
mod tunnel;

use cube_sdk::core::config::Environment;
use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk::prelude::*;
use cube_sdk_server::local::World;

use crate::narrator::Narrator;

/// Plays the five steps.
pub(crate) async fn tell(world: &World, narrator: &mut Narrator) -> anyhow::Result<()> {
    let cube = Cube::builder().environment(signed_out(world)).build();
    narrator.part("Cube: from the login to a released chart");
    sign_in::tell(&cube, world, narrator).await?;
    environments::tell(&cube, narrator).await?;
    install::tell(&cube, world, narrator).await?;
    tunnel::tell(&cube, narrator).await?;
    publish::tell(&cube, narrator).await
}

/// The world's settings but its API key, which is what the login brings.
fn signed_out(world: &World) -> Environment {
    let settings = world.env().into_iter().filter(|(name, _)| name != "CUBE_API_KEY");
    Environment::from_pairs(settings.map(|(name, value)| (name, value.expose_secret().to_owned())))
}
