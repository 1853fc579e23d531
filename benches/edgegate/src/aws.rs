//! The least that stands in for STS and S3, so that the service and its database are what is measured: every role is given,
//! one object is there, nothing is checked. The account double checks all of it, and costs more than the service.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use cube_sdk_core::Timestamp;

use crate::process::listening;

pub(crate) const KEY: &str = "model.bin";
const SIZE: usize = 1024;

static NUMBER: AtomicU64 = AtomicU64::new(1);

pub(crate) async fn serve() -> Result<()> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::select! {
        served = async { axum::serve(listener, Router::new().fallback(answer)).await } => Ok(served?),
        told = listening(address) => told,
    }
}

async fn answer(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Of a form, so that the connection can be used again.
    drop(axum::body::to_bytes(body, 1 << 20).await);
    let id = format!("{:016X}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let of_bucket = parts.uri.path().trim_matches('/').split('/').count() == 1;
    let mut response = match parts.method {
        Method::POST => assumed(&id).into_response(),
        Method::HEAD if of_bucket => [("x-amz-bucket-region", "us-east-1")].into_response(),
        _ if !parts.uri.path().ends_with(KEY) => missing().into_response(),
        Method::HEAD => object(StatusCode::OK, &[]),
        _ => object(StatusCode::PARTIAL_CONTENT, &[(header::CONTENT_RANGE, format!("bytes 0-{}/{SIZE}", SIZE - 1))]),
    };
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert("x-amz-request-id", id.clone());
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn object(status: StatusCode, more: &[(header::HeaderName, String)]) -> Response {
    let head = [(header::ETAG, "\"0123456789abcdef0123456789abcdef\""), (header::CONTENT_TYPE, "binary/octet-stream")];
    let mut response = (status, head, vec![0_u8; SIZE]).into_response();
    for (name, value) in more {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn missing() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")
}

fn assumed(id: &str) -> String {
    let ends = Timestamp::from(SystemTime::now() + Duration::from_secs(3600));
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>\
         <AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/read/s</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
         <SessionToken>token</SessionToken><Expiration>{ends}</Expiration></Credentials></AssumeRoleResult>\
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></AssumeRoleResponse>"
    )
}
