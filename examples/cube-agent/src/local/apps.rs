//! Tunnels to apps in clusters.

use cube_render::apps::{Opened, Stopped, Tunnels};
use cube_sdk::ErrorKind;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Call, Done, Effect, NoArguments, Tool};

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("app_proxy", Effect::Writes, open).idempotent().about(
            "Open a tunnel",
            "Opens a port on this machine that leads to an app in a cluster, through cube-cloud. It stays open until \
             app_proxy_stop is called or the agent ends. Where a tunnel to the app runs already, that one is told.",
        ),
        Tool::new("app_proxy_stop", Effect::Destroys, stop).idempotent().about(
            "Stop tunnels",
            "Stops the tunnel to an app, or all of them when no app is named. What goes through them ends.",
        ),
        Tool::new("app_proxy_status", Effect::Reads, status)
            .about("Running tunnels", "Lists the tunnels that run, with port, state, streams and bytes."),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Open {
    /// The app: a name of app_list.
    app: String,
    /// The local TCP port; absent or 0 means any free one.
    #[serde(default)]
    #[schemars(extend("minimum" = 0, "maximum" = 65535))]
    port: Option<u16>,
}

async fn open(call: Call, Open { app, port }: Open) -> Done<Opened> {
    let (apps, port) = (call.cube.apps()?, port.unwrap_or(0));
    let runs = apps.running().await.iter().any(|tunnel| tunnel.app().as_str() == app);
    call.tell.say(format!("connecting to cube-cloud for a tunnel to {app}"));
    let tunnel = apps.open(app).bind(format!("127.0.0.1:{port}")).await?;
    call.tell.say(format!("listening on {}", tunnel.local_addr()));
    Ok(Opened::new(&tunnel, runs, port))
}

#[derive(Deserialize, JsonSchema)]
struct Stop {
    /// The app; absent means every tunnel.
    #[serde(default)]
    app: Option<String>,
}

async fn stop(call: Call, Stop { app }: Stop) -> Done<Stopped> {
    let apps = call.cube.apps()?;
    let Some(app) = app else {
        let all = apps.stop_all().await;
        let cut = all.iter().map(|(_, report)| report.cut).sum();
        return Ok(Stopped { stopped: all.into_iter().map(|(app, _)| app.to_string()).collect(), cut });
    };
    match apps.stop(&app).await {
        Ok(report) => Ok(Stopped { stopped: vec![app], cut: report.cut }),
        Err(error) if error.kind() == ErrorKind::NotFound && apps.running().await.is_empty() => {
            Ok(Stopped { stopped: Vec::new(), cut: 0 })
        }
        Err(error) => Err(error.into()),
    }
}

async fn status(call: Call, _: NoArguments) -> Done<Tunnels> {
    Ok(call.cube.apps()?.running().await.into_iter().collect())
}
