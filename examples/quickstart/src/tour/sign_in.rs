//! Sign in through the browser.

use cube_sdk::auth::LoginPage;
use cube_sdk::prelude::*;
use cube_sdk_server::local::World;
use tokio::sync::oneshot;

use super::person::Person;
use crate::narrator::Narrator;
use crate::shown::{Source, source};

const SOURCE: Source = source!("tour/sign_in.rs");

pub(crate) async fn tell(cube: &Cube, world: &World, narrator: &mut Narrator) -> anyhow::Result<()> {
    narrator.step("Sign in through the browser");
    narrator.code(SOURCE, "login");
    let (shown, page) = oneshot::channel();
    let show = move |page: &LoginPage| {
        let _ = shown.send(page.clone());
    };
    let login = async {
        // shown: login
        let auth = cube.auth()?;
        let signed_in = auth.login(show).await?; // prints the page's address, waits for the key
        let status = auth.status().await?;
        // end
        anyhow::Ok((signed_in, status))
    };
    // The embedded login user, where a person sits in life.
    let sitting = async {
        let page = page.await?;
        Person::new(&world.card().cloud)?.sign_in(&page).await?;
        anyhow::Ok(page.code().to_owned())
    };
    let ((signed_in, status), letters) = tokio::try_join!(login, sitting)?;
    narrator.say(format_args!("{} compared {letters} on the page, and allowed it", world.card().cloud.user));
    narrator.say(format_args!("the key is kept, its owner's alone; connected: {}", status.is_connected()));
    debug_assert!(signed_in.shadowed_by.is_none());
    narrator.done(SOURCE);
    Ok(())
}
