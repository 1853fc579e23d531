//! Probes a grant's role and keeps the verdict.

use cube_sdk_byo::{ByoErrorExt, RoleArn, S3Uri};
use http::StatusCode;

use super::changed_meanwhile;
use crate::edgegate::app::App;
use crate::edgegate::refusal::{Answer, Refusal};
use crate::store::{GrantRow, ProbeOutcome};

impl App {
    /// Probes with a role and stores role and verdict; the grant as it is afterwards.
    ///
    /// A fault that is no verdict (network, throttling, 5xx after retries) changes no status: 503. A change of the
    /// grant meanwhile wins over the verdict: 409.
    pub(crate) async fn probe_grant(&self, grant: &GrantRow, role: &RoleArn) -> Answer<GrantRow> {
        let tried = GrantRow { role_arn: Some(role.to_string()), ..grant.clone() };
        let sample = self.store.newest_in_bucket(grant.workspace_id, grant.bucket.as_str()).await?;
        let sample = sample.and_then(|artifact| S3Uri::from_storage_url(&artifact.storage_url).ok());
        let outcome = match self.probe(&tried, sample.as_ref().map(S3Uri::key)).await {
            Ok(()) => ProbeOutcome::Passed,
            Err(error) => match error.byo() {
                Some(fault) => ProbeOutcome::Failed(format!("{}: {}", fault.code(), error.message())),
                None => {
                    self.store.note_probe(grant.id, self.now()).await?;
                    tracing::warn!(%error, grant = %grant.id, "probe without a verdict");
                    return Err(Refusal::new(
                        StatusCode::SERVICE_UNAVAILABLE,
                        format!("the probe ended without a verdict, the grant is unchanged: {error}"),
                    ));
                }
            },
        };
        if !self.store.store_probe(grant, role, &outcome, self.now()).await? {
            return Err(changed_meanwhile());
        }
        self.store.grant_of(grant.workspace_id).await?.filter(|now| now.id == grant.id).ok_or_else(changed_meanwhile)
    }
}
