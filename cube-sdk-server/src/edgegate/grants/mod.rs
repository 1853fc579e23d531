//! The grant of a workspace over HTTP. What may happen in which state: [`state`].

mod probe;
mod reprobe;
mod state;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use cube_sdk_byo::{Bucket, ExternalId, KmsKeyArn, Region, RoleArn};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::call::{Access, Call};
use crate::refusal::{Answer, Refusal};
use crate::store::{GrantRow, GrantStatus, Id, Role, Time};

pub(crate) use reprobe::reprobe_forever;
use state::Action;
pub(crate) use state::{Event, decide};

/// How often a request that lost a race with another is tried.
const TRIES: usize = 8;

#[derive(Debug, Serialize)]
pub(crate) struct Grant {
    id: Id,
    workspace_id: Id,
    role_arn: Option<String>,
    external_id: ExternalId,
    bucket: Bucket,
    region: Region,
    kms_key_id: Option<String>,
    status: &'static str,
    last_verified_at: Option<Time>,
    last_verify_error: Option<String>,
    created_at: Time,
    updated_at: Time,
}

impl From<GrantRow> for Grant {
    fn from(row: GrantRow) -> Self {
        Self {
            id: row.id,
            workspace_id: row.workspace_id,
            role_arn: row.role_arn,
            external_id: row.external_id,
            bucket: row.bucket,
            region: row.region,
            kms_key_id: row.kms_key_id,
            status: row.status.as_str(),
            last_verified_at: row.last_verified_at,
            last_verify_error: row.last_verify_error,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

#[derive(Deserialize)]
struct NewGrant {
    role_arn: Option<String>,
    bucket: String,
    region: String,
    kms_key_id: Option<String>,
}

#[derive(Deserialize)]
struct AttachRole {
    role_arn: String,
}

fn role(text: &str) -> Answer<RoleArn> {
    text.parse().map_err(Refusal::field("role_arn"))
}

fn bucket(text: &str) -> Answer<Bucket> {
    let bucket: Bucket = text.parse().map_err(Refusal::field("bucket"))?;
    if bucket.fits_aws() { Ok(bucket) } else { Err(Refusal::invalid("bucket: AWS allows 3 to 63 characters")) }
}

pub(crate) async fn create(State(app): State<Arc<App>>, call: Call) -> Answer<(StatusCode, Json<Grant>)> {
    let access = owner(&app, &call).await?;
    let new: NewGrant = call.json().await?;
    let role = new.role_arn.as_deref().map(role).transpose()?;
    let bucket = bucket(&new.bucket)?;
    let region: Region = new.region.parse().map_err(Refusal::field("region"))?;
    let kms: Option<KmsKeyArn> =
        new.kms_key_id.as_deref().map(str::parse).transpose().map_err(Refusal::field("kms_key_id"))?;
    let event = if role.is_some() { Event::CreateWithRole } else { Event::CreatePending };
    let action = decide(app.status_of(&access).await?, event)?;
    let grant = GrantRow::new(access.workspace.id, role.as_ref(), bucket, region, kms.as_ref(), app.now());
    if !app.store.insert_grant(&grant).await? {
        // Another request was faster: the table is asked again, with the state that it left.
        decide(app.status_of(&access).await?, event)?;
        return Err(Refusal::conflict("this workspace's grant is being made by another request"));
    }
    let grant = match (action, role) {
        (Action::CreateAndProbe, Some(role)) => {
            // Without a verdict the grant stands as it is: its reply is the only place where the customer learns the
            // External ID, and verify asks again.
            match app.probe_grant(&grant, &role).await {
                Ok(probed) => probed,
                Err(no_verdict) => {
                    tracing::warn!(detail = %no_verdict.detail, grant = %grant.id, "first probe without a verdict");
                    grant
                }
            }
        }
        _ => grant,
    };
    Ok((StatusCode::CREATED, Json(grant.into())))
}

pub(crate) async fn show(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Grant>> {
    let access = admin(&app, &call).await?;
    let (grant, _) = app.decided(&access, Event::Show).await?;
    Ok(Json(grant.into()))
}

pub(crate) async fn attach_role(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Grant>> {
    let access = owner(&app, &call).await?;
    let role = role(&call.json::<AttachRole>().await?.role_arn)?;
    Ok(Json(while_it_changes(|| attach(&app, &access, &role)).await?.into()))
}

async fn attach(app: &Arc<App>, access: &Access, role: &RoleArn) -> Answer<GrantRow> {
    let (grant, _) = app.decided(access, Event::AttachRole).await?;
    app.probe_grant(&grant, role).await
}

pub(crate) async fn verify(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Grant>> {
    let access = admin(&app, &call).await?;
    Ok(Json(while_it_changes(|| probe_again(&app, &access)).await?.into()))
}

async fn probe_again(app: &Arc<App>, access: &Access) -> Answer<GrantRow> {
    let (grant, action) = app.decided(access, Event::Verify).await?;
    match (action, grant.role()?) {
        (Action::Probe, Some(role)) => app.probe_grant(&grant, &role).await,
        _ => Ok(grant),
    }
}

pub(crate) async fn rotate_external_id(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Grant>> {
    let access = owner(&app, &call).await?;
    let id = call.id("grant", "grant")?;
    // A caller that hangs up leaves no External ID behind that no probe has tried.
    let rotation = tokio::spawn(rotate(app, access, id));
    rotation.await.unwrap_or_else(|died| {
        tracing::error!(%died, "a rotation died");
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the rotation died: look at the grant before trying again"))
    })
}

async fn rotate(app: Arc<App>, access: Access, id: Id) -> Answer<Json<Grant>> {
    let (grant, action) = while_it_changes(|| new_external_id(&app, &access, id)).await?;
    if let (Action::RotateAndProbe, Some(role)) = (action, grant.role()?)
        && let Err(no_verdict) = app.probe_grant(&grant, &role).await
    {
        // The new External ID holds whatever the probe says; without a verdict the old status stands.
        tracing::debug!(detail = %no_verdict.detail, grant = %grant.id, "rotated without a verdict");
    }
    // Another rotation may have come in between: told is the External ID that holds now.
    let (grant, _) = app.decided(&access, Event::Show).await?;
    Ok(Json(grant.into()))
}

async fn new_external_id(app: &App, access: &Access, id: Id) -> Answer<(GrantRow, Action)> {
    let (grant, action) = app.decided(access, Event::Rotate).await?;
    if grant.id != id {
        return Err(Refusal::not_found("no such grant"));
    }
    if !app.store.rotate_external_id(&grant, &ExternalId::mint(), app.now()).await? {
        return Err(changed_meanwhile());
    }
    let (grant, _) = app.decided(access, Event::Show).await?;
    Ok((grant, action))
}

pub(crate) async fn disconnect(State(app): State<Arc<App>>, call: Call) -> Answer<StatusCode> {
    let access = owner(&app, &call).await?;
    let (grant, _) = app.decided(&access, Event::Disconnect).await?;
    match app.store.revoke_grant(&grant, app.now()).await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(live) => Err(Refusal::conflict(format!(
            "{live} artifact{} still point{} to byo-s3://{}: delete them first",
            if live == 1 { "" } else { "s" },
            if live == 1 { "s" } else { "" },
            grant.bucket
        ))),
    }
}

async fn owner(app: &App, call: &Call) -> Answer<Access> {
    app.access(call).await?.byo()?.at_least(Role::Owner)
}

async fn admin(app: &App, call: &Call) -> Answer<Access> {
    app.access(call).await?.byo()?.at_least(Role::Admin)
}

/// Asks again while other requests change the grant in between: what they left decides anew.
async fn while_it_changes<T, F>(ask: impl Fn() -> F) -> Answer<T>
where
    F: Future<Output = Answer<T>>,
{
    for _ in 1..TRIES {
        match ask().await {
            Err(refusal) if refusal == changed_meanwhile() => {}
            answer => return answer,
        }
    }
    ask().await
}

fn changed_meanwhile() -> Refusal {
    Refusal::conflict("the grant changed while this request was under way: look at it and try again")
}

impl App {
    async fn status_of(&self, access: &Access) -> Answer<Option<GrantStatus>> {
        Ok(self.store.grant_of(access.workspace.id).await?.map(|grant| grant.status))
    }

    /// The workspace's grant and what the table says about the event.
    pub(crate) async fn decided(&self, access: &Access, event: Event) -> Answer<(GrantRow, Action)> {
        let grant = self.store.grant_of(access.workspace.id).await?;
        let action = decide(grant.as_ref().map(|grant| grant.status), event)?;
        let grant = grant.ok_or_else(|| Refusal::not_found("this workspace has no BYO storage grant"))?;
        Ok((grant, action))
    }
}
