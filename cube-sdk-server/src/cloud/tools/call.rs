//! One call: who makes it, and what a tool has to work with.

use std::sync::Arc;

use cube_sdk_apollo::change_requests::ChangeRequest;
use cube_sdk_apollo::{Apollo, DryRun};
use cube_sdk_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::paging::Found;
use crate::cloud::app::App;
use crate::cloud::kubectl::Cluster;
use crate::cloud::profiles::{Caller, Denied};

/// Told how far a call has come.
pub(crate) type Progress = Arc<dyn Fn(f64, Option<f64>, String) + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Caller,
    pub(crate) progress: Progress,
    /// Only show what would be sent.
    pub(crate) dry_run: bool,
}

/// What a tool answers: for people, and for programs.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) data: Value,
}

/// A permission that only shows within a call, as the fault of its error.
#[derive(Clone, Debug)]
pub(crate) struct NotPermitted;

impl Call {
    /// Apollo with the credentials of the caller's profile.
    pub(super) fn apollo(&self) -> Result<Apollo> {
        let profile = self.caller.profile();
        self.app
            .apollo(profile)
            .cloned()
            .ok_or_else(|| denied(format!("the profile `{}` has no Apollo credentials of its own", profile.name)))
    }

    /// A cluster that both tbot's directory and the profile name.
    pub(super) async fn cluster(&self, name: &str) -> Result<Cluster> {
        self.caller.may_reach_cluster(name).map_err(|why: Denied| denied(why.to_string()))?;
        self.app.clusters.find(name).await?.ok_or_else(|| {
            let message = format!("no cluster `{}`", name.escape_debug());
            Error::new(ErrorKind::NotFound, message).advice("cube_list names those that there are")
        })
    }

    pub(super) fn tell(&self, done: usize, of: Option<usize>, what: impl Into<String>) {
        (self.progress)(done as f64, of.map(|of| of as f64), what.into());
    }
}

fn denied(why: String) -> Error {
    Error::new(ErrorKind::PermissionDenied, why)
        .advice("ask the one who runs the service for a profile that may")
        .with_fault(NotPermitted)
}

impl Reply {
    pub(super) fn new(text: impl Into<String>, data: Value) -> Self {
        Self { text: text.into(), data }
    }

    /// A list, a line for each item, and where to go on.
    pub(super) fn list<T: Serialize>(found: &Found<T>, field: &str, none: &str, line: impl Fn(&T) -> String) -> Self {
        let mut text: String = found.items.iter().map(|item| line(item) + "\n").collect();
        if found.items.is_empty() {
            text = format!("{none}\n");
        }
        let mut data = json!({ field: found.items, "more": found.more });
        match &found.cursor {
            Some(cursor) => {
                text.push_str(&format!(
                    "… there are more: narrow the search, or call again with the cursor {cursor}\n"
                ));
                data["cursor"] = cursor.as_str().into();
            }
            None if found.more => text.push_str("… there are more: narrow the search\n"),
            None => {}
        }
        Self { text, data }
    }

    /// What would have been sent.
    pub(super) fn dry(shown: &DryRun) -> Self {
        Self::new(format!("Nothing was sent. This would be:\n{shown}\n"), json!({ "dry_run": shown }))
    }

    /// A change request that was opened.
    pub(super) fn opened(request: &ChangeRequest) -> Self {
        let status = request.status().map_or_else(|| "status unknown".to_owned(), ToString::to_string);
        let title = request.title().unwrap_or("change request");
        let text = format!("{title}\nchange request: {}\nstatus: {status}\n", request.rid());
        Self { text, data: json!({ "change_request": request }) }
    }
}

/// What a mutation gave; in a dry run the tool answers with what it would send instead.
macro_rules! sent {
    ($call:expr, $mutation:expr) => {{
        let mutation = $mutation;
        if $call.dry_run {
            return Ok($crate::cloud::tools::call::Reply::dry(&mutation.dry_run().await?));
        }
        mutation.await?
    }};
}
pub(super) use sent;

/// Is the wanted text part of this one, whatever the case?
pub(super) fn contains(text: &str, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| text.to_lowercase().contains(&wanted.trim().to_lowercase()))
}
