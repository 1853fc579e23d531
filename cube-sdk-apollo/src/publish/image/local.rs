//! Built on this machine, by docker's own buildx.

use cube_sdk_core::redact::Hidden;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Result, SecretString};
use tokio::process::Command;

use super::{ImageBuild, ImageName, is_hidden, process};
use crate::publish::progress::Listener;

/// Logs docker in, where there is something to log in with, then builds and pushes. No secret stands in an argument.
pub(in crate::publish) async fn build(
    build: &ImageBuild,
    image: &ImageName,
    login: Option<(&str, &SecretString)>,
    listener: &Listener,
) -> Result<()> {
    build.check()?;
    let secrets = build.arguments.iter().filter(|(name, value)| is_hidden(name, value)).map(|(_, value)| value);
    let secrets = secrets.chain(login.map(|(_, password)| password)).cloned();
    let hidden = Hidden::new(secrets);
    if let Some((user, password)) = login {
        let mut command = Command::new("docker");
        command.args(["login", image.host.as_str(), "--username", user, "--password-stdin"]);
        process::run(command, Some(password), build.limit, &hidden, listener).await?;
    }
    let mut command = Command::new("docker");
    command.args(["buildx", "build", "--platform", build.platform.as_str(), "--tag", &image.to_string()]);
    command.args(["--output", "type=image,push=true", "--progress", "plain"]);
    for (name, value) in &build.arguments {
        if is_hidden(name, value) {
            // Without a value docker takes it from its environment.
            command.arg("--build-arg").arg(name).env(name, value.expose_secret());
        } else {
            command.arg("--build-arg").arg(format!("{name}={}", value.expose_secret()));
        }
    }
    command.arg("--file").arg(build.context.join(&build.dockerfile));
    if let Some(target) = &build.target {
        command.args(["--target", target]);
    }
    command.arg(&build.context);
    process::run(command, None, build.limit, &hidden, listener).await
}
