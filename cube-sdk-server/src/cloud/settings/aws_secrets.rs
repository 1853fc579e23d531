//! Profiles' Apollo credentials in AWS Secrets Manager.

use std::collections::BTreeMap;

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::Deserialize;

use crate::cloud::profiles::ApolloCredentials;

/// What stands in a secret; there may be more.
#[derive(Deserialize)]
struct Held {
    client_id: String,
    client_secret: SecretString,
}

/// Reads `PREFIX/profiles/PROFILE` of each profile, with AWS's own settings.
pub(super) async fn fetched(prefix: &str, profiles: Vec<String>) -> Result<BTreeMap<String, ApolloCredentials>> {
    if profiles.is_empty() {
        return Ok(BTreeMap::new());
    }
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    if config.region().is_none() {
        return Err(Error::new(ErrorKind::Config, "no AWS region is set").advice("set AWS_REGION"));
    }
    let client = aws_sdk_secretsmanager::Client::new(&config);
    let mut found = BTreeMap::new();
    for profile in profiles {
        let name = format!("{prefix}/profiles/{profile}");
        let asked = client.get_secret_value().secret_id(&name).send().await;
        let secret = asked.map_err(|cause| {
            let code = cause.code().unwrap_or("no answer").to_owned();
            Error::new(ErrorKind::Config, format!("reading the secret {name} failed: AWS says {code}"))
                .with_target(name.clone())
                .with_code(code)
                .cause(cause)
        })?;
        let text = SecretString::from(secret.secret_string.unwrap_or_default());
        use cube_sdk_core::secret::ExposeSecret as _;
        // What serde says may quote the text.
        let held: Held = serde_json::from_str(text.expose_secret()).map_err(|_| {
            let message = format!("the secret {name} is no JSON with client_id and client_secret");
            Error::new(ErrorKind::Config, message).with_target(name.clone())
        })?;
        found.insert(profile, ApolloCredentials { client_id: held.client_id, client_secret: held.client_secret });
    }
    Ok(found)
}
