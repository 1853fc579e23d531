//! `PUT /builds/{job}?proof=…`: the context of a build, once and without a key; the proof is one.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::routing::put;
use cube_sdk_core::private_file;
use futures_util::StreamExt;
use http::StatusCode;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use super::Jobs;
use crate::refusal::Refusal;

/// The longest context.
const LONGEST: u64 = 512 * 1024 * 1024;

#[derive(Deserialize)]
struct Proof {
    #[serde(default)]
    proof: String,
}

pub(crate) fn routes(jobs: Option<Arc<Jobs>>) -> Router {
    Router::new().route("/builds/{job}", put(upload)).with_state(jobs)
}

async fn upload(
    State(jobs): State<Option<Arc<Jobs>>>,
    Path(job): Path<String>,
    Query(Proof { proof }): Query<Proof>,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let jobs = jobs.ok_or_else(|| Refusal::not_found("building images is off on this server"))?;
    let path = jobs.begin_upload(&job, &proof);
    let path = path.ok_or_else(|| Refusal::forbidden("the URL is unknown, was used, or is too old"))?;
    // An upload that is given up leaves the future dropped here.
    let mut ends = Ends { jobs: &jobs, job: &job, failure: Some("the upload broke off") };
    match stored(&path, body).await {
        Ok(()) => {
            ends.failure = None;
            Ok(StatusCode::OK)
        }
        Err(Failed::TooLong) => {
            ends.failure = Some("the context has more than 512 MiB");
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the context has more than 512 MiB"))
        }
        Err(Failed::Broken) => Err(Refusal::bad_request("the upload broke off")),
        Err(Failed::Io(error)) => {
            tracing::error!(%error, "a context could not be stored");
            Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "the context could not be stored"))
        }
    }
}

struct Ends<'a> {
    jobs: &'a Jobs,
    job: &'a str,
    failure: Option<&'static str>,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.jobs.end_upload(self.job, self.failure);
    }
}

enum Failed {
    TooLong,
    Broken,
    Io(std::io::Error),
}

async fn stored(path: &std::path::Path, body: Body) -> Result<(), Failed> {
    let mut options = std::fs::OpenOptions::new();
    let options = private_file::options(options.write(true).create_new(true)).clone();
    let mut file = tokio::fs::OpenOptions::from(options).open(path).await.map_err(Failed::Io)?;
    let (mut body, mut count) = (body.into_data_stream(), 0);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Failed::Broken)?;
        count += piece.len() as u64;
        if count > LONGEST {
            return Err(Failed::TooLong);
        }
        file.write_all(&piece).await.map_err(Failed::Io)?;
    }
    file.flush().await.map_err(Failed::Io)
}
