//! The user's own kubeconfig.

use cube_render::clusters::LoggedIn;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Call, Done, Effect, Tool, refused};

pub(super) fn tools() -> Vec<Tool> {
    vec![Tool::new("cube_cluster_login", Effect::Writes, login).about(
        "Sign in to a cluster",
        "Fetches short-lived credentials of a cluster and merges them into the user's kubeconfig, so that kubectl on this \
         machine reaches it. Other entries stay as they are. Call it again when the credentials have ended.",
    )]
}

#[derive(Deserialize, JsonSchema)]
struct Login {
    /// The cluster: a name of cube_list.
    cluster: String,
}

async fn login(call: Call, Login { cluster }: Login) -> Done<LoggedIn> {
    if cluster.trim().is_empty() {
        return Err(refused("cube_cluster_login", "the cluster has no name").next("call cube_list for the names"));
    }
    call.tell.say(format!("fetching the credentials of {cluster}"));
    let done = call.cube.kube()?.login(cluster.trim()).await?;
    Ok(LoggedIn::from(&done))
}
