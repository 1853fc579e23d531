//! A form to STS or IAM.

use std::io;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::super::connection::Connection;
use super::super::fault::Effect;
use super::super::persist;
use super::super::query::{self, ApiError, Form};
use super::super::request_log::Tally;
use super::super::state::State;
use super::super::trail::{self, Event};
use super::reply::{Content, Reply};
use super::{befall, dropped, facts, finish, header, log, page, value};

const QUERY_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

pub(super) async fn respond(
    state: &State,
    connection: &Connection,
    tally: &Arc<Tally>,
    request: Request<Incoming>,
) -> io::Result<Response<Reply>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, query::MAX_FORM).collect().await.map_err(io::Error::other)?.to_bytes();
    let form = Form::parse(&body);
    let operation = form.get("Action").unwrap_or("Unknown").to_owned();
    let request_id = state.mint.uuid();
    state.traffic.count(&operation);
    log(state, tally, &operation, None, &parts, &request_id);
    let ordeal = befall(state, &operation, None, None).await;
    if ordeal.drop {
        return Err(dropped());
    }
    let failed = |error: ApiError| {
        let namespace = query::Service::of(&form).namespace();
        (error.status, Some(error.render(namespace, &request_id)))
    };
    let (status, text) = match ordeal.instead {
        Some(Effect::Page { status, content_type, body }) => {
            let mut response = page(status, &content_type, &body, tally)?;
            finish(&mut response, connection, &ordeal.after)?;
            return Ok(response);
        }
        Some(Effect::Bare { status }) => (status, None),
        Some(Effect::SlowDown { .. }) => failed(ApiError::sender(400, "Throttling", "Rate exceeded")),
        Some(Effect::Answer { status: status @ ..500, code, message }) => {
            failed(ApiError::sender(status, &code, &message))
        }
        Some(Effect::Answer { status, code, message }) => failed(ApiError::receiver(status, &code, &message)),
        Some(_) => {
            let message = "The request processing has failed because of an unknown error, exception or failure.";
            failed(ApiError::receiver(500, "InternalFailure", message))
        }
        None => {
            let facts = facts(connection, &parts.headers);
            let facts: Vec<(&str, &str)> = facts.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let answer = query::answer(state, &parts, &form, &body, &request_id, &facts);
            let service = query::Service::of(&form);
            let iam_write = service == query::Service::Iam && answer.error.is_none() && !is_read(&operation);
            if iam_write {
                persist::save_now(state)?;
            }
            if let Some(caller) = answer.caller.as_ref().filter(|_| answer.recorded) {
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
                        answer: None,
                        host_id: None,
                    },
                );
            }
            (answer.status, Some(answer.body))
        }
    };
    let bare = text.is_none();
    let mut response = Response::new(Reply::new(Content::Text(text.map(Into::into)), tally));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let headers = response.headers_mut();
    if !bare {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    }
    headers.insert(QUERY_REQUEST_ID, value(&request_id)?);
    finish(&mut response, connection, &ordeal.after)?;
    Ok(response)
}

fn is_read(operation: &str) -> bool {
    operation.starts_with("Get") || operation.starts_with("List") || operation == "AssumeRole"
}
