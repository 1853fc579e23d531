//! A form to STS or IAM.

use std::io;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::super::connection::Connection;
use super::super::persist;
use super::super::query::{self, ApiError, Form};
use super::super::state::State;
use super::super::trail::{self, Event};
use super::reply::Reply;
use super::{befall, dropped, header, log, value};

const QUERY_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

pub(super) async fn respond(
    state: &State,
    connection: &Connection,
    request: Request<Incoming>,
) -> io::Result<Response<Reply>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, query::MAX_FORM).collect().await.map_err(io::Error::other)?.to_bytes();
    let form = Form::parse(&body);
    let operation = form.get("Action").unwrap_or("Unknown").to_owned();
    let request_id = state.mint.uuid();
    state.traffic.count(&operation);
    let ordeal = befall(state, &operation, None).await;
    let log = |status| log(state, &operation, None, &parts, status, &request_id);
    if ordeal.drop {
        log(None);
        return Err(dropped());
    }
    let (status, text) = match ordeal.instead {
        Some(failure) => {
            let code = if failure.code == "SlowDown" { "Throttling" } else { "InternalFailure" };
            let error = match code {
                "Throttling" => ApiError::sender(400, code, "Rate exceeded"),
                _ => ApiError::receiver(500, code, &failure.message),
            };
            (error.status, error.render("https://sts.amazonaws.com/doc/2011-06-15/", &request_id))
        }
        None => {
            let answer = query::answer(state, &parts, &form, &body, &request_id);
            let service = query::Service::of(&form);
            let iam_write = service == query::Service::Iam && answer.error.is_none() && !is_read(&operation);
            if iam_write {
                persist::save_now(state)?;
            }
            if let Some(caller) = &answer.caller {
                state.trail.add(
                    &state.mint,
                    state.clock.now(),
                    Event {
                        source: service.source(),
                        name: operation.clone(),
                        region: state.region.clone(),
                        request_id: request_id.clone(),
                        identity: trail::identity(Some(caller), &state.account_id),
                        user_agent: header(&parts.headers, "user-agent").unwrap_or_default().to_owned(),
                        source_ip: connection.peer.ip().to_string(),
                        error: answer.error,
                        request_parameters: answer.request_parameters,
                        response_elements: answer.response_elements,
                        resources: answer.resources,
                        read_only: is_read(&operation),
                        data: false,
                        bytes_out: None,
                        host_id: None,
                    },
                );
            }
            (answer.status, answer.body)
        }
    };
    log(Some(status));
    let mut response = Response::new(Reply::Text(Some(text.into())));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    headers.insert(QUERY_REQUEST_ID, value(&request_id)?);
    Ok(response)
}

fn is_read(operation: &str) -> bool {
    operation.starts_with("Get") || operation.starts_with("List") || operation == "AssumeRole"
}
