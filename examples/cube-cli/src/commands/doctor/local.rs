//! What this machine has: settings, keys, programs.

use std::process::Stdio;
use std::time::Duration;

use cube_sdk::Cube;
use cube_sdk::core::settings::Described;
use tokio::process::Command;

use super::{Finding, State};

/// A daemon that hangs must not hold up the rest.
const PATIENCE: Duration = Duration::from_secs(10);

/// Settings that can be in the way.
const WORTH: [&str; 3] = ["proxy", "CA", "clear text"];

fn told(setting: &Described) -> Finding {
    Finding::new(setting.name, State::Good, format!("{} ({})", setting.value, setting.origin))
}

/// What the environment sets, proxies and own certificates above all.
pub(super) fn settings(cube: &Cube) -> Vec<Finding> {
    match cube.describe() {
        Ok(settings) => {
            settings.iter().filter(|setting| WORTH.iter().any(|it| setting.name.contains(it))).map(told).collect()
        }
        Err(error) => vec![Finding::bad("settings", &error)],
    }
}

/// Whether there is a key of cube-cloud, and where from.
pub(super) async fn keys(cube: &Cube) -> Vec<Finding> {
    let check = "key of cube-cloud";
    let status = match cube.auth() {
        Ok(auth) => auth.status_offline().await,
        Err(error) => Err(error),
    };
    let finding = match status {
        Ok(status) => match &status.key {
            Some(origin) => Finding::new(check, State::Good, origin.to_string()),
            None => Finding::new(check, State::Bad, "there is none").fix("cube login, or set CUBE_API_KEY"),
        },
        Err(error) => Finding::bad(check, &error),
    };
    vec![finding]
}

/// Programs that some commands start, or that people use beside them.
pub(super) async fn programs() -> Vec<Finding> {
    let docker =
        program("docker", &["version", "--format", "{{.Server.Version}}"], |said| format!("daemon {}", said.trim()));
    let kubectl = program("kubectl", &["version", "--client", "--output", "yaml"], |said| {
        let version = said.lines().find_map(|line| line.trim().strip_prefix("gitVersion:"));
        format!("client{}", version.unwrap_or(" of an unknown version"))
    });
    let (docker, kubectl) = tokio::join!(docker, kubectl);
    vec![
        docker.unwrap_or_else(|missing| missing.fix("needed to build images with cube publish, else not")),
        kubectl.unwrap_or_else(|missing| missing.fix("needed after cube cluster login; cube kubectl needs none")),
    ]
}

/// What a program says of itself; the error is that it is not there.
async fn program(name: &str, arguments: &[&str], read: fn(&str) -> String) -> Result<Finding, Finding> {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(_)) => return Err(Finding::new(name, State::Skipped, "not installed")),
        Err(_) => {
            let found = Finding::new(name, State::Warning, format!("no answer within {} s", PATIENCE.as_secs()));
            return Ok(found.fix(format!("see what hangs: {name} {}", arguments.join(" "))));
        }
    };
    if output.status.success() {
        return Ok(Finding::new(name, State::Good, read(&String::from_utf8_lossy(&output.stdout))));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word");
    Ok(Finding::new(name, State::Warning, line.trim()).fix(format!("start what {name} needs, or do without it")))
}
