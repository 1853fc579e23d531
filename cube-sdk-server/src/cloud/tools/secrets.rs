//! Secrets of entities. Values go in and never come out.

use cube_sdk_core::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::arguments::{Hidden, ObjectText};
use super::call::{Call, Reply, sent};
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct Create {
    /// Apollo environment (cube), by exact name or RID.
    environment: String,
    /// The entity's exact name or its RID.
    entity_name: String,
    /// Name of the secret.
    secret_name: String,
    /// A single value, kept under the secret's own name. Not together with `secret_keys`.
    secret_value: Option<Hidden>,
    /// Values by key: a JSON object, as text.
    secret_keys: Option<ObjectText>,
    /// What it is for.
    description: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Update {
    /// Apollo environment (cube), by exact name or RID.
    environment: String,
    /// The entity's exact name or its RID.
    entity_name: String,
    /// Name of the secret.
    secret_name: String,
    /// A value for the key that is called like the secret.
    secret_value: Option<Hidden>,
    /// A key to set, with `secret_key_value`.
    secret_key: Option<String>,
    /// The value for `secret_key`.
    secret_key_value: Option<Hidden>,
    /// What it is for.
    description: Option<String>,
}

pub(super) fn tools() -> Vec<Tool> {
    let gives = [("secret", "string"), ("keys", "array")];
    vec![
        Tool::new("create_secret", Effect::Write, Needs::Apollo, create)
            .about("Create a secret", "Makes a secret for an entity. Values are never shown again.")
            .gives(&gives)
            .dry_run(),
        Tool::new("update_secret", Effect::Destroy, Needs::Apollo, update)
            .about("Update a secret", "Overwrites keys of a secret. Values are never shown again.")
            .gives(&gives)
            .dry_run()
            .idempotent(),
    ]
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, why.to_owned()).advice("see the tool's input schema")
}

fn told(verb: &str, name: &str, keys: &[String]) -> Reply {
    let text = format!("The secret {name} was {verb}, with the keys {}.\n", keys.join(", "));
    Reply::new(text, json!({ "secret": name, "keys": keys }))
}

async fn create(call: Call, args: Create) -> Result<Reply> {
    let mut secret = call.apollo()?.secrets(args.environment).create(args.entity_name, &args.secret_name);
    let mut keys = Vec::new();
    match (args.secret_value, args.secret_keys) {
        (Some(value), None) => {
            secret = secret.key(&args.secret_name, value.into());
            keys.push(args.secret_name.clone());
        }
        (None, Some(values)) => {
            for (key, value) in values.texts() {
                secret = secret.key(&key, value);
                keys.push(key);
            }
        }
        _ => return Err(refused("give either secret_value or secret_keys")),
    }
    if let Some(text) = args.description {
        secret = secret.description(text);
    }
    sent!(call, secret);
    Ok(told("made", &args.secret_name, &keys))
}

async fn update(call: Call, args: Update) -> Result<Reply> {
    let mut secret = call.apollo()?.secrets(args.environment).update(args.entity_name, &args.secret_name);
    let mut keys = Vec::new();
    if let Some(value) = args.secret_value {
        secret = secret.key(&args.secret_name, value.into());
        keys.push(args.secret_name.clone());
    }
    match (args.secret_key, args.secret_key_value) {
        (Some(key), Some(value)) => {
            secret = secret.key(&key, value.into());
            keys.push(key);
        }
        (None, None) => {}
        _ => return Err(refused("secret_key and secret_key_value belong together")),
    }
    if keys.is_empty() && args.description.is_none() {
        return Err(refused("give secret_value, or secret_key with secret_key_value, or description"));
    }
    if let Some(text) = args.description {
        secret = secret.description(text);
    }
    sent!(call, secret);
    Ok(told("changed", &args.secret_name, &keys))
}
