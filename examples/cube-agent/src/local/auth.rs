//! Login, logout, status at cube-cloud.

use cube_render::login::{KeyKept, LoggedOut, Status};
use cube_sdk::SecretString;
use cube_sdk::auth::{LoginPage, SystemBrowser};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Call, Done, Effect, NoArguments, Tool};

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("agent_login_browser", Effect::Writes, login_browser).changes_tools().about(
            "Sign in by browser",
            "Signs in to cube-cloud: opens its page in the browser and waits up to two minutes until somebody has allowed \
             it, then keeps the key. Call it when agent_status says that there is no key or that it is refused.",
        ),
        Tool::new("agent_login", Effect::Writes, login).idempotent().changes_tools().about(
            "Keep a key",
            "Keeps an API key of cube-cloud that somebody was given, in place of the one before: for machines without a \
             browser.",
        ),
        Tool::new("agent_logout", Effect::Destroys, logout).idempotent().changes_tools().about(
            "Sign out",
            "Removes the key from this machine. It stays valid at cube-cloud until it is revoked or expires.",
        ),
        Tool::new("agent_status", Effect::Reads, status).about(
            "Key and connection",
            "Tells where the key of cube-cloud comes from, and whether the service answers and takes it.",
        ),
    ]
}

async fn login_browser(call: Call, _: NoArguments) -> Done<KeyKept> {
    let tell = call.tell.clone();
    let show = move |page: &LoginPage| {
        tell.say(format!("Sign in at {} and compare the code that it shows: {}", page.url(), page.code()));
    };
    let done = call.cube.auth()?.login(show).open_with(SystemBrowser).await?;
    Ok(KeyKept::from(&done))
}

#[derive(Deserialize, JsonSchema)]
struct Login {
    /// The API key.
    #[schemars(with = "String")]
    api_key: SecretString,
}

async fn login(call: Call, login: Login) -> Done<KeyKept> {
    let auth = call.cube.auth()?;
    auth.keep(login.api_key).await?;
    Ok(KeyKept::from(&auth.status().await?))
}

async fn logout(call: Call, _: NoArguments) -> Done<LoggedOut> {
    Ok(LoggedOut::from(&call.cube.auth()?.logout().await?))
}

async fn status(call: Call, _: NoArguments) -> Done<Status> {
    Ok(Status::from(&call.cube.auth()?.status().await?))
}
