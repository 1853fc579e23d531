//! The credentials that docker and helm keep: `config.json` and the helpers that it names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cube_sdk_core::config::Environment;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Login, RegistryHost};

/// How long a credential helper may take: it may ask its user.
const HELPER_PATIENCE: Duration = Duration::from_secs(60);

/// The user name by which a helper says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConfigFile {
    auths: HashMap<String, Option<Auth>>,
    cred_helpers: HashMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<SecretString>,
    username: Option<String>,
    password: Option<SecretString>,
    identitytoken: Option<SecretString>,
    registrytoken: Option<SecretString>,
}

/// Looks where helm and docker look: helm's file first. None where none of them knows the registry.
pub(super) async fn find(environment: &Environment, host: &RegistryHost) -> Result<Option<Login>> {
    for file in files(environment)? {
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => continue,
            Err(cause) => return Err(Error::io(format!("reading {}", file.display()), cause)),
        };
        let config: ConfigFile = serde_json::from_slice(&bytes).map_err(|cause| {
            // serde's words may quote the file, which holds secrets.
            let place = format!("line {} column {}", cause.line(), cause.column());
            Error::new(ErrorKind::Config, format!("it cannot be read at {place}"))
                .with_target(file.display().to_string())
                .advice("mend the file, or give the credentials in code")
        })?;
        if let Some(login) = config.login(environment, host, &file).await? {
            return Ok(Some(login));
        }
    }
    Ok(None)
}

fn files(environment: &Environment) -> Result<Vec<PathBuf>> {
    let path = |name: &str| -> Result<Option<PathBuf>> {
        Ok(environment.lookup(name)?.map(|value| PathBuf::from(value.expose_secret())))
    };
    let home = path("HOME")?;
    let helm = match (path("HELM_REGISTRY_CONFIG")?, path("HELM_CONFIG_HOME")?, path("XDG_CONFIG_HOME")?) {
        (Some(file), _, _) => Some(file),
        (None, Some(folder), _) => Some(folder.join("registry/config.json")),
        (None, None, Some(folder)) => Some(folder.join("helm/registry/config.json")),
        (None, None, None) => home.as_ref().map(|home| home.join(".config/helm/registry/config.json")),
    };
    let docker = path("DOCKER_CONFIG")?.or_else(|| home.map(|home| home.join(".docker")));
    Ok(helm.into_iter().chain(docker.map(|folder| folder.join("config.json"))).collect())
}

/// `https://host/v1/`, `host` and `host/` mean the same registry.
fn host_of(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

impl ConfigFile {
    async fn login(&self, environment: &Environment, host: &RegistryHost, file: &Path) -> Result<Option<Login>> {
        let same = |key: &str| host_of(key).eq_ignore_ascii_case(host.as_str());
        let helper = self.cred_helpers.iter().find(|(key, _)| same(key)).map(|(_, helper)| helper);
        let exact = self.auths.get(host.as_str()).and_then(Option::as_ref);
        let loose = || self.auths.iter().find(|(key, _)| same(key)).and_then(|(_, auth)| auth.as_ref());
        let auth = exact.or_else(loose);
        let store = Some(&self.creds_store).filter(|store| !store.is_empty());
        if let Some(helper) = helper.or(store)
            && let Some(login) = ask(environment, helper, host).await?
        {
            return Ok(Some(login));
        }
        auth.map_or(Ok(None), |auth| auth.login().map_err(|error| error.with_target(file.display().to_string())))
    }
}

impl Auth {
    fn login(&self) -> Result<Option<Login>> {
        let set = |secret: &Option<SecretString>| secret.clone().filter(|secret| !secret.expose_secret().is_empty());
        if let Some(token) = set(&self.registrytoken) {
            return Ok(Some(Login::Bearer(token)));
        }
        if let Some(token) = set(&self.identitytoken) {
            return Ok(Some(Login::Identity(token)));
        }
        if let Some(auth) = set(&self.auth) {
            let bad = || Error::new(ErrorKind::Config, "an `auth` in it is not base64 of `user:password`");
            let bytes = STANDARD.decode(auth.expose_secret().trim()).map_err(|_| bad())?;
            let text = SecretString::from(String::from_utf8(bytes).map_err(|_| bad())?);
            let (user, password) = text.expose_secret().split_once(':').ok_or_else(bad)?;
            // Some tools pad the password with NULs.
            let password = SecretString::from(password.trim_end_matches('\0'));
            return Ok(Some(Login::Basic { user: user.to_owned(), password }));
        }
        let basic = |user: &String| set(&self.password).map(|password| Login::Basic { user: user.clone(), password });
        Ok(self.username.as_ref().and_then(basic))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: SecretString,
}

/// Asks `docker-credential-NAME get`, with the registry on its standard input.
async fn ask(environment: &Environment, helper: &str, host: &RegistryHost) -> Result<Option<Login>> {
    let program = format!("docker-credential-{helper}");
    let failed = |words: String| Error::new(ErrorKind::Credentials, words).with_target(program.clone());
    if helper.is_empty() || !helper.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err(failed("the name of the credential helper is none".to_owned()));
    }
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    if let Some(path) = environment.lookup("PATH")? {
        command.env("PATH", path.expose_secret());
    }
    let run = async {
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends without reading it tells why by its answer.
            let _ = stdin.write_all(host.as_str().as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(HELPER_PATIENCE, run)
        .await
        .map_err(|_| failed(format!("the credential helper did not answer within {} s", HELPER_PATIENCE.as_secs())))?
        .map_err(|cause| failed("the credential helper cannot be run".to_owned()).cause(cause))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        if said.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(format!("the credential helper failed: {}", output.status)));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("the credential helper's answer cannot be read".to_owned()))?;
    if answer.secret.expose_secret().is_empty() {
        return Ok(None);
    }
    Ok(Some(match answer.username.as_str() {
        TOKEN_USER => Login::Identity(answer.secret),
        _ => Login::Basic { user: answer.username, password: answer.secret },
    }))
}
