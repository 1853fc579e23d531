//! Grants: one usable row per workspace; revoked rows stay for the audit and are shown nowhere.

use std::fmt;

use cube_sdk_byo::{Bucket, ExternalId, KmsKeyArn, Region, RoleArn};
use cube_sdk_core::{Error, ErrorKind, Result};

use super::engine::{reading, transaction, writing};
use super::{EdgeGateStore, Id, Time, failing, is_taken};

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum GrantStatus {
    PendingRole,
    Active,
    Failed,
    Revoked,
}

impl GrantStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PendingRole => "pending_role",
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
        }
    }
}

impl TryFrom<String> for GrantStatus {
    type Error = Error;

    fn try_from(word: String) -> Result<Self> {
        match word.as_str() {
            "pending_role" => Ok(Self::PendingRole),
            "active" => Ok(Self::Active),
            "failed" => Ok(Self::Failed),
            "revoked" => Ok(Self::Revoked),
            _ => Err(Error::new(ErrorKind::Decode, format!("a stored grant has the status `{word}`"))),
        }
    }
}

impl fmt::Display for GrantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct GrantRow {
    pub(crate) id: Id,
    pub(crate) workspace_id: Id,
    pub(crate) role_arn: Option<String>,
    #[sqlx(try_from = "String")]
    pub(crate) external_id: ExternalId,
    #[sqlx(try_from = "String")]
    pub(crate) bucket: Bucket,
    #[sqlx(try_from = "String")]
    pub(crate) region: Region,
    pub(crate) kms_key_id: Option<String>,
    #[sqlx(try_from = "String")]
    pub(crate) status: GrantStatus,
    pub(crate) last_verified_at: Option<Time>,
    pub(crate) last_verify_error: Option<String>,
    pub(crate) version: i64,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

impl GrantRow {
    /// A grant that does not exist yet. With a role it starts `failed` without an error, which clients show
    /// as "outcome pending", until the probe inside the same request has spoken.
    pub(crate) fn new(
        workspace_id: Id,
        role_arn: Option<&RoleArn>,
        bucket: Bucket,
        region: Region,
        kms_key_id: Option<&KmsKeyArn>,
        now: Time,
    ) -> Self {
        Self {
            id: Id::random(),
            workspace_id,
            role_arn: role_arn.map(ToString::to_string),
            external_id: ExternalId::mint(),
            bucket,
            region,
            kms_key_id: kms_key_id.map(ToString::to_string),
            status: if role_arn.is_some() { GrantStatus::Failed } else { GrantStatus::PendingRole },
            last_verified_at: None,
            last_verify_error: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The role, parsed; none while it is not attached.
    pub(crate) fn role(&self) -> Result<Option<RoleArn>> {
        self.role_arn.as_deref().map(str::parse).transpose()
    }

    /// The customer's KMS key, parsed.
    pub(crate) fn kms_key(&self) -> Result<Option<KmsKeyArn>> {
        self.kms_key_id.as_deref().map(str::parse).transpose()
    }
}

/// What a probe said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ProbeOutcome {
    /// The role can be assumed and the bucket read.
    Passed,
    /// A typed refusal: `CODE: text`.
    Failed(String),
}

impl EdgeGateStore {
    /// Stores a new grant; false when the workspace has a usable one already.
    pub(crate) async fn insert_grant(&self, grant: &GrantRow) -> Result<bool> {
        let done = writing!(self, pool => sqlx::query(
            "INSERT INTO grants (id, workspace_id, role_arn, external_id, bucket, region, kms_key_id, status,
             created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(grant.id)
        .bind(grant.workspace_id)
        .bind(&grant.role_arn)
        .bind(grant.external_id.as_str())
        .bind(grant.bucket.as_str())
        .bind(grant.region.as_str())
        .bind(&grant.kms_key_id)
        .bind(grant.status.as_str())
        .bind(grant.created_at)
        .bind(grant.updated_at)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()));
        match done {
            Ok(_) => Ok(true),
            Err(cause) if is_taken(&cause) => Ok(false),
            Err(cause) => Err(failing("storing a grant")(cause)),
        }
    }

    /// The workspace's usable grant; a revoked one counts as none.
    pub(crate) async fn grant_of(&self, workspace: Id) -> Result<Option<GrantRow>> {
        reading!(self, pool => sqlx::query_as("SELECT * FROM grants WHERE workspace_id = $1 AND status <> 'revoked'")
            .bind(workspace)
            .fetch_optional(pool)
            .await)
        .map_err(failing("reading a grant"))
    }

    /// Stores the outcome of a probe, and the role it was made with; false when the grant changed meanwhile.
    pub(crate) async fn store_probe(
        &self,
        grant: &GrantRow,
        role: &RoleArn,
        fence: i64,
        outcome: &ProbeOutcome,
        now: Time,
    ) -> Result<bool> {
        let (status, error) = match outcome {
            ProbeOutcome::Passed => (GrantStatus::Active, None),
            ProbeOutcome::Failed(error) => (GrantStatus::Failed, Some(error)),
        };
        let done = writing!(self, pool => sqlx::query(
            "UPDATE grants SET role_arn = $1, status = $2, last_verify_error = $3,
             last_verified_at = CASE $2 WHEN 'active' THEN $4 ELSE last_verified_at END,
             last_probed_at = $4, updated_at = $4, version = version + 1, probe_until = NULL
             WHERE id = $5 AND version = $6 AND probe_fence = $7 AND status <> 'revoked'",
        )
        .bind(role.as_str())
        .bind(status.as_str())
        .bind(error)
        .bind(now)
        .bind(grant.id)
        .bind(grant.version)
        .bind(fence)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))
        .map_err(failing("storing a probe's outcome"))?;
        Ok(done == 1)
    }

    /// Notes that a probe ended without a verdict, and why, so that the next one waits its turn.
    pub(crate) async fn note_probe(&self, grant: Id, fence: i64, fault: &str, now: Time) -> Result<()> {
        writing!(self, pool => sqlx::query(
            "UPDATE grants SET last_probed_at = $1, probe_until = NULL, probe_fault = $2
             WHERE id = $3 AND probe_fence = $4",
        )
        .bind(now)
        .bind(fault)
        .bind(grant)
        .bind(fence)
        .execute(pool)
        .await
        .map(drop))
        .map_err(failing("noting a probe"))
    }

    /// Takes a new External ID; the old one is invalid at once. False when another rotation was faster: a probe's verdict
    /// in between is none of a rotation's business.
    pub(crate) async fn rotate_external_id(&self, grant: &GrantRow, new: &ExternalId, now: Time) -> Result<bool> {
        let done = writing!(self, pool => sqlx::query(
            "UPDATE grants SET external_id = $1, updated_at = $2, version = version + 1
             WHERE id = $3 AND external_id = $4 AND status <> 'revoked'",
        )
        .bind(new.as_str())
        .bind(now)
        .bind(grant.id)
        .bind(grant.external_id.as_str())
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))
        .map_err(failing("rotating an External ID"))?;
        Ok(done == 1)
    }

    /// Revokes a grant unless artifacts that are not deleted point into its bucket: then their number.
    pub(crate) async fn revoke_grant(&self, grant: &GrantRow, now: Time) -> Result<std::result::Result<(), u64>> {
        let doing = failing("revoking a grant");
        transaction!(self, grant.workspace_id, &doing, tx => {
            let live: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM artifacts
                 WHERE workspace_id = $1 AND deleted_at IS NULL AND substr(storage_url, 1, length($2)) = $2",
            )
            .bind(grant.workspace_id)
            .bind(format!("byo-s3://{}/", grant.bucket))
            .fetch_one(&mut *tx)
            .await
            .map_err(&doing)?;
            if live > 0 {
                return Ok(Err(live.unsigned_abs()));
            }
            sqlx::query("UPDATE grants SET status = 'revoked', updated_at = $1, version = version + 1 WHERE id = $2")
                .bind(now)
                .bind(grant.id)
                .execute(&mut *tx)
                .await
                .map_err(&doing)?;
            tx.commit().await.map_err(&doing)?;
            Ok(Ok(()))
        })
    }

    /// The grants of Enterprise workspaces with a role whose last probe is older than `before`.
    pub(crate) async fn grants_to_probe(&self, before: Time) -> Result<Vec<GrantRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT g.* FROM grants g JOIN workspaces w ON w.id = g.workspace_id
             WHERE g.status IN ('active', 'failed') AND w.plan = 'enterprise'
             AND coalesce(g.last_probed_at, g.created_at) <= $1 ORDER BY g.last_probed_at",
        )
        .bind(before)
        .fetch_all(pool)
        .await)
        .map_err(failing("listing the grants to probe"))
    }
}
