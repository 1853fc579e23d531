//! API keys of a workspace: listed by owners, minted from the Pro plan on, shown in the clear once.
//!
//! A key acts as the user who made it, in every workspace where that user is a member.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use cube_sdk_core::Timestamp;
use cube_sdk_core::secret::ExposeSecret;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::call::Call;
use crate::refusal::{Answer, Refusal};
use crate::store::{Id, KeyRow, Plan, Role, Time};

#[derive(Serialize)]
pub(crate) struct Key {
    id: Id,
    name: String,
    prefix: String,
    suffix: String,
    last_used_at: Option<Time>,
    expires_at: Option<Time>,
    revoked_at: Option<Time>,
    created_at: Time,
}

#[derive(Serialize)]
pub(crate) struct KeyCreated {
    id: Id,
    plaintext: String,
    name: String,
    prefix: String,
    suffix: String,
    created_at: Time,
    expires_at: Option<Time>,
}

#[derive(Deserialize)]
struct NewKey {
    name: String,
    expires_at: Option<String>,
}

impl From<KeyRow> for Key {
    fn from(row: KeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            suffix: row.suffix,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            created_at: row.created_at,
        }
    }
}

pub(crate) async fn list(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Vec<Key>>> {
    let access = app.access(&call).await?.at_least(Role::Owner)?;
    Ok(Json(app.store.keys_of(access.workspace.id).await?.into_iter().map(Key::from).collect()))
}

pub(crate) async fn create(State(app): State<Arc<App>>, call: Call) -> Answer<(StatusCode, Json<KeyCreated>)> {
    let access = app.access(&call).await?.plan(Plan::Pro, "creating API keys")?.at_least(Role::Owner)?;
    let new: NewKey = call.json().await?;
    if !(1..=255).contains(&new.name.chars().count()) {
        return Err(Refusal::invalid("name: 1 to 255 characters are allowed"));
    }
    let expires_at = new.expires_at.map(|text| text.parse::<Timestamp>()).transpose();
    let expires_at = expires_at.map_err(Refusal::field("expires_at"))?.map(Time::from);
    let now = Time::from(app.clock.now());
    if expires_at.is_some_and(|end| end <= now) {
        return Err(Refusal::invalid("expires_at: this time is past"));
    }
    let minted = app.store.mint_key(access.workspace.id, access.user.id, &new.name, expires_at, now).await?;
    let created = KeyCreated {
        id: minted.row.id,
        plaintext: minted.plaintext.expose_secret().to_owned(),
        name: minted.row.name,
        prefix: minted.row.prefix,
        suffix: minted.row.suffix,
        created_at: minted.row.created_at,
        expires_at: minted.row.expires_at,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

pub(crate) async fn revoke(State(app): State<Arc<App>>, call: Call) -> Answer<StatusCode> {
    let access = app.access(&call).await?.at_least(Role::Owner)?;
    let key = call.id("key", "API key")?;
    if app.store.revoke_key(access.workspace.id, key, Time::from(app.clock.now())).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Refusal::not_found("no such API key, or it is revoked already"))
}
