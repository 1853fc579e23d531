//! Artifacts by reference: one HeadObject through the customer's role, and a pointer is kept. No byte is copied.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use cube_sdk_byo::{ByoErrorExt, S3Uri, Sha256};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::call::Call;
use super::grants::Event;
use crate::refusal::{Answer, Refusal};
use crate::store::{ArtifactRow, Id, NewByoArtifact, Role, Time};

#[derive(Serialize)]
pub(crate) struct Artifact {
    id: Id,
    kind: String,
    sha256: String,
    size_bytes: i64,
    original_filename: Option<String>,
    storage_url: String,
    created_at: Time,
    expires_at: Option<Time>,
}

impl From<ArtifactRow> for Artifact {
    fn from(row: ArtifactRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            original_filename: row.original_filename,
            storage_url: row.storage_url,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

#[derive(Deserialize)]
struct NewArtifact {
    s3_uri: String,
    expected_sha256: Option<String>,
    expected_size: Option<i64>,
    kind: Option<String>,
    original_filename: Option<String>,
}

pub(crate) async fn register(State(app): State<Arc<App>>, call: Call) -> Answer<(StatusCode, Json<Artifact>)> {
    let access = app.access(&call).await?.byo()?.at_least(Role::Admin)?;
    let new: NewArtifact = call.json().await?;
    let uri: S3Uri = new.s3_uri.parse().map_err(Refusal::field("s3_uri"))?;
    let expected: Option<Sha256> =
        new.expected_sha256.as_deref().map(str::parse).transpose().map_err(Refusal::field("expected_sha256"))?;
    if new.expected_size.is_some_and(|size| size < 1) {
        return Err(Refusal::invalid("expected_size: a whole number above 0 is allowed"));
    }
    let kind = new.kind.unwrap_or_else(|| "model".to_owned());
    if !(1..=64).contains(&kind.chars().count()) || kind == "bundle" {
        return Err(Refusal::invalid("kind: 1 to 64 characters are allowed, and bundles are made by runs only"));
    }
    if new.original_filename.as_ref().is_some_and(|name| !(1..=1024).contains(&name.chars().count())) {
        return Err(Refusal::invalid("original_filename: 1 to 1024 characters are allowed"));
    }

    let (grant, _) = app.decided(&access, Event::Register).await.map_err(|refusal| match refusal.status {
        StatusCode::NOT_FOUND => Refusal::bad_request("BYO_NO_GRANT: no active grant"),
        _ => refusal,
    })?;
    if uri.bucket() != &grant.bucket {
        return Err(Refusal::bad_request(format!(
            "BYO_BUCKET_MISMATCH: bucket mismatch: the object is in `{}`, the grant is for `{}`",
            uri.bucket(),
            grant.bucket
        )));
    }
    let place = app.limits.register(access.workspace.id).await?;
    let found = app.inspect(&grant, &uri).await.map_err(|error| match error.byo() {
        Some(fault) => Refusal::bad_request(format!("{}: {}", fault.code(), error.message())),
        None => {
            tracing::warn!(%error, "HeadObject without a verdict");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("the object could not be looked at: {error}"))
        }
    })?;
    drop(place);
    let found = found.ok_or_else(|| Refusal::bad_request("BYO_NO_GRANT: no active grant: no role is attached"))?;
    let size_bytes = i64::try_from(found.size).unwrap_or(i64::MAX);
    if let Some(expected) = new.expected_size.filter(|expected| *expected != size_bytes) {
        return Err(Refusal::bad_request(format!(
            "BYO_SIZE_MISMATCH: size mismatch: {expected} bytes were expected, the object has {size_bytes}"
        )));
    }
    let new = NewByoArtifact {
        kind,
        storage_url: uri.storage_url(),
        // The object was not read: the caller's digest, S3's own, or nothing; never the ETag.
        sha256: expected.or(found.sha256).map(|digest| digest.to_string()).unwrap_or_default(),
        size_bytes,
        original_filename: new.original_filename,
        expected_sha256: expected.map(|digest| digest.to_string()),
        etag: Some(found.etag),
    };
    let (row, made) = app
        .store
        .insert_byo_artifact(&grant, &new, app.now())
        .await?
        .ok_or_else(|| Refusal::bad_request("BYO_NO_GRANT: no active grant: it ended during the registration"))?;
    Ok((if made { StatusCode::CREATED } else { StatusCode::OK }, Json(row.into())))
}

pub(crate) async fn delete(State(app): State<Arc<App>>, call: Call) -> Answer<StatusCode> {
    let access = app.access(&call).await?.at_least(Role::Admin)?;
    let id = call.id("artifact", "artifact")?;
    if app.store.delete_artifact(access.workspace.id, id, app.now()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Refusal::not_found("no such artifact"))
}

/// Serves what this server keeps itself. Bytes in the customer's bucket stay there.
pub(crate) async fn download(State(app): State<Arc<App>>, call: Call) -> Answer {
    let access = app.access(&call).await?;
    let id = call.id("artifact", "artifact")?;
    if let Some(content) = app.store.artifact_content(access.workspace.id, id).await? {
        let json = HeaderValue::from_static("application/json");
        return Ok(([(header::CONTENT_TYPE, json)], content).into_response());
    }
    match app.store.artifact(access.workspace.id, id).await? {
        Some(artifact) if artifact.storage_url.starts_with("byo-s3://") => {
            Err(Refusal::bad_request("the bytes of a BYO artifact stay in the customer's bucket: read them there"))
        }
        _ => Err(Refusal::not_found("no such artifact")),
    }
}
