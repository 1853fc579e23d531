//! Probes a grant's role and keeps the verdict. Whoever asks for a probe that runs already gets its outcome.

use std::sync::Arc;

use cube_sdk_byo::{RoleArn, S3Uri};
use futures_util::FutureExt as _;
use http::StatusCode;

use super::changed_meanwhile;
use crate::edgegate::app::App;
use crate::refusal::{Answer, Refusal};
use crate::store::GrantRow;

impl App {
    /// Probes with a role and stores role and verdict; the grant as it is afterwards. Callers that come while the same
    /// probe runs share its outcome.
    ///
    /// # Errors
    /// As [`Self::probe_now`].
    pub(crate) async fn probe_grant(self: &Arc<Self>, grant: &GrantRow, role: &RoleArn) -> Answer<GrantRow> {
        let begin = || {
            let (app, grant, role) = (Arc::clone(self), grant.clone(), role.clone());
            async move { app.probe_now(&grant, &role).await }.boxed()
        };
        self.probes.join(grant, role, begin).await
    }

    /// Probes and stores role and verdict.
    ///
    /// A fault that is no verdict (network, throttling, 5xx after retries) changes no status: 503. A change of the
    /// grant meanwhile wins over the verdict: 409.
    async fn probe_now(&self, grant: &GrantRow, role: &RoleArn) -> Answer<GrantRow> {
        let tried = GrantRow { role_arn: Some(role.to_string()), ..grant.clone() };
        let sample = self.store.newest_in_bucket(grant.workspace_id, grant.bucket.as_str()).await?;
        let sample = sample.and_then(|artifact| S3Uri::from_storage_url(&artifact.storage_url).ok());
        let outcome = match self.probe(&tried, sample.as_ref().map(S3Uri::key)).await {
            Ok(outcome) => outcome.ok_or_else(changed_meanwhile)?,
            Err(error) => {
                self.store.note_probe(grant.id, self.now()).await?;
                tracing::warn!(%error, grant = %grant.id, "probe without a verdict");
                return Err(Refusal::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("the probe ended without a verdict, the grant is unchanged: {error}"),
                ));
            }
        };
        if !self.store.store_probe(grant, role, &outcome, self.now()).await? {
            return Err(changed_meanwhile());
        }
        self.store.grant_of(grant.workspace_id).await?.filter(|now| now.id == grant.id).ok_or_else(changed_meanwhile)
    }
}
