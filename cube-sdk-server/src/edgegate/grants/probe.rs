//! Probes a grant's role and keeps the verdict. Whoever asks for a probe that runs already gets its outcome, whichever
//! process runs it.

use std::sync::Arc;
use std::time::Duration;

use cube_sdk_byo::{RoleArn, S3Uri};
use futures_util::FutureExt as _;
use http::StatusCode;

use super::changed_meanwhile;
use crate::edgegate::app::App;
use crate::edgegate::news::News;
use crate::refusal::{Answer, Refusal};
use crate::store::{GrantRow, Id, Probing, Time};

/// How often another process's probe is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl App {
    /// Probes with a role and stores role and verdict; the grant as it is afterwards. Callers that come while the same
    /// probe runs share its outcome.
    ///
    /// # Errors
    /// As [`Self::probe_now`]; 429 when too many probes of the workspace wait.
    pub(crate) async fn probe_grant(self: &Arc<Self>, grant: &GrantRow, role: &RoleArn) -> Answer<GrantRow> {
        let begin = || {
            let (app, grant, role) = (Arc::clone(self), grant.clone(), role.clone());
            async move {
                let _place = app.limits.verify(grant.workspace_id).await?;
                app.probe_once(&grant, &role).await
            }
            .boxed()
        };
        self.probes.join(grant, role, begin).await
    }

    /// The probe of every six hours: once in all processes, and only if it is still due.
    pub(super) async fn probe_if_due(self: &Arc<Self>, grant: &GrantRow, role: &RoleArn, due: Time) -> Answer<()> {
        match self.store.begin_probe(grant.id, &named(grant, role), Some(due)).await? {
            Some(fence) => self.probe_now(grant, role, fence).await.map(drop),
            None => Ok(()),
        }
    }

    /// Probes, or waits for the same probe of another process.
    async fn probe_once(self: &Arc<Self>, grant: &GrantRow, role: &RoleArn) -> Answer<GrantRow> {
        let with = named(grant, role);
        loop {
            if let Some(fence) = self.store.begin_probe(grant.id, &with, None).await? {
                return self.probe_now(grant, role, fence).await;
            }
            let first = self.store.probing(grant.id).await?.ok_or_else(changed_meanwhile)?;
            let last = self.probe_ended(grant.id, first.clone()).await?;
            // It was superseded, or its process was lost: then this caller's own turn has come.
            if last.runs || last.probe_fence != first.probe_fence || last.lapsed {
                continue;
            }
            if let Some(fault) = last.probe_fault {
                return Err(no_verdict(&fault));
            }
            return self.same_grant(grant).await;
        }
    }

    /// Waits until a probe is over, or another has taken its place.
    async fn probe_ended(&self, grant: Id, first: Probing) -> Answer<Probing> {
        let mut now = first.clone();
        while now.runs && now.probe_fence == first.probe_fence {
            let _ = tokio::time::timeout(LOOK_EVERY, self.probed.notified()).await;
            now = self.store.probing(grant).await?.ok_or_else(changed_meanwhile)?;
        }
        Ok(now)
    }

    /// Probes and stores role and verdict.
    ///
    /// A fault that is no verdict (network, throttling, 5xx after retries) changes no status: 503. A change of the
    /// grant meanwhile wins over the verdict: 409.
    async fn probe_now(self: &Arc<Self>, grant: &GrantRow, role: &RoleArn, fence: i64) -> Answer<GrantRow> {
        // Whoever hangs up leaves nobody waiting for a probe that does not run.
        let begun = Begun { app: Arc::clone(self), grant: grant.id, fence, over: false };
        let tried = GrantRow { role_arn: Some(role.to_string()), ..grant.clone() };
        let sample = self.store.newest_in_bucket(grant.workspace_id, grant.bucket.as_str()).await?;
        let sample = sample.and_then(|artifact| S3Uri::from_storage_url(&artifact.storage_url).ok());
        let outcome = match self.probe(&tried, sample.as_ref().map(S3Uri::key)).await {
            Ok(outcome) => outcome.ok_or_else(changed_meanwhile)?,
            Err(error) => {
                let fault = error.to_string();
                self.store.note_probe(grant.id, fence, &fault, self.now()).await?;
                begun.told().await;
                tracing::warn!(%error, grant = %grant.id, "probe without a verdict");
                return Err(no_verdict(&fault));
            }
        };
        if !self.store.store_probe(grant, role, fence, &outcome, self.now()).await? {
            return Err(changed_meanwhile());
        }
        begun.told().await;
        self.same_grant(grant).await
    }

    async fn same_grant(&self, grant: &GrantRow) -> Answer<GrantRow> {
        self.store.grant_of(grant.workspace_id).await?.filter(|now| now.id == grant.id).ok_or_else(changed_meanwhile)
    }
}

fn no_verdict(fault: &str) -> Refusal {
    let detail = format!("the probe ended without a verdict, the grant is unchanged: {fault}");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}

/// What a probe is begun with: two of the same words are the same probe.
fn named(grant: &GrantRow, role: &RoleArn) -> String {
    format!("{role} {}", grant.external_id.as_str())
}

/// A probe that was begun; given up when it is dropped before it is over.
struct Begun {
    app: Arc<App>,
    grant: Id,
    fence: i64,
    over: bool,
}

impl Begun {
    async fn told(mut self) {
        self.over = true;
        self.app.tell(&News::Probed).await;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let (false, Ok(runtime)) = (self.over, tokio::runtime::Handle::try_current()) else { return };
        let (app, grant, fence) = (Arc::clone(&self.app), self.grant, self.fence);
        runtime.spawn(async move {
            if let Err(error) = app.store.give_up_probe(grant, fence).await {
                tracing::warn!(%grant, %error, "a probe that was given up keeps others waiting until its time is over");
            }
        });
    }
}
