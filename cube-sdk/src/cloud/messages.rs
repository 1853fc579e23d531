//! The messages in an answer: one JSON body, or the events of a stream.

use std::pin::Pin;

use bytes::Bytes;
use cube_sdk_core::engine::{Opened, Reply};
use cube_sdk_core::{Error, ErrorKind, Result};
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, header};
use serde_json::Value;
use sse_stream::SseStream;

use super::fault::rpc_error;

/// The longest answer that is read, in bytes.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

pub(super) type Messages = Pin<Box<dyn Stream<Item = Result<Value>> + Send>>;

/// The messages of an answer that arrives.
pub(super) fn arriving(opened: Opened) -> Messages {
    if is_stream(&opened.headers) {
        return events(bounded(opened));
    }
    Box::pin(stream::once(async move {
        let body = opened.bytes(LONGEST).await?;
        json(&body)
    }))
}

/// The outcome of an answer that was read whole: its `result`. `tool` is named in errors.
pub(super) async fn answer_of(reply: &Reply, id: u64, tool: Option<&str>) -> Result<Value> {
    let mut messages: Messages = if is_stream(&reply.headers) {
        let body = reply.body.clone();
        events(stream::once(async move { Ok(body) }))
    } else {
        let message = json(&reply.body);
        Box::pin(stream::once(async move { message }))
    };
    let mut answer = None;
    while let Some(message) = messages.next().await {
        let message = message?;
        if is_answer(&message) {
            answer = Some(message);
        }
    }
    let scrubbed = |text: &str| reply.hidden().scrub(text);
    outcome(answer, id, tool, &scrubbed).map_err(|error| error.with_request_id(reply.request_id()))
}

/// An answer, and no notification or request of the server's.
pub(super) fn is_answer(message: &Value) -> bool {
    message.get("result").is_some() || message.get("error").is_some()
}

/// What an answer says: its `result`, or the error that it is.
pub(super) fn outcome(
    answer: Option<Value>,
    id: u64,
    tool: Option<&str>,
    scrubbed: &dyn Fn(&str) -> String,
) -> Result<Value> {
    let Some(mut answer) = answer else {
        return Err(Error::new(ErrorKind::Protocol, "the answer ended without a result")
            .advice("look at the state before calling again"));
    };
    // An error about a message that could not be read has no id.
    let other = answer.get("id").filter(|given| !given.is_null() && given.as_u64() != Some(id));
    if other.is_some() {
        return Err(Error::new(ErrorKind::Protocol, "the answer is that of another call"));
    }
    match answer.get_mut("error").map(Value::take).filter(|error| !error.is_null()) {
        Some(error) => Err(rpc_error(&error, tool, scrubbed)),
        None => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().contains("text/event-stream")
}

fn json(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|cause| {
        // serde's words may quote the text.
        let words = format!("the answer is no JSON at line {} column {}", cause.line(), cause.column());
        Error::new(ErrorKind::Decode, words).advice("check CUBE_CLOUD_URL: this may be no cube-cloud")
    })
}

fn bounded(opened: Opened) -> impl Stream<Item = Result<Bytes>> + Send {
    let mut left = LONGEST;
    opened.map(move |chunk| {
        let chunk = chunk?;
        left = left.checked_sub(chunk.len()).ok_or_else(|| {
            Error::new(ErrorKind::Protocol, format!("the answer is longer than {LONGEST} bytes")).advice("ask for less")
        })?;
        Ok(chunk)
    })
}

/// The events' data. The last event counts also where no blank line follows it, as with every published client.
fn events(bytes: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Messages {
    let bytes = bytes.chain(stream::once(async { Ok(Bytes::from_static(b"\n\n")) }));
    let events = SseStream::from_bytes_stream(Box::pin(bytes));
    Box::pin(events.filter_map(|event| async move {
        match event {
            // Comments and events without data keep a connection alive.
            Ok(event) => event.data.filter(|data| !data.trim().is_empty()).map(|data| json(data.as_bytes())),
            Err(sse_stream::Error::Body(cause)) => Some(Err(match cause.downcast::<Error>() {
                Ok(error) => *error,
                Err(cause) => Error::new(ErrorKind::Transport, "the answer broke off").cause(cause),
            })),
            Err(cause) => Some(Err(Error::new(ErrorKind::Decode, format!("the event stream cannot be read: {cause}")))),
        }
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    async fn read(text: &'static [u8], chunk: usize) -> Vec<Result<Value>> {
        let chunks: Vec<_> = text.chunks(chunk).map(|bytes| Ok(Bytes::from_static(bytes))).collect();
        events(stream::iter(chunks)).collect().await
    }

    #[tokio::test]
    async fn every_form_of_an_event_is_read_however_it_is_cut() {
        for text in [
            "data: {\"a\":1}\n\n",
            "data:{\"a\":1}\n\n",
            "data: {\"a\":1}",
            "data: {\"a\":1}\r\n\r\n",
            "data: {\"a\":1}\r\r",
            "\u{feff}data: {\"a\":1}\n\n",
            "event: message\nid: 7\nretry: 9\ndata: {\"a\":1}\n\n",
            "data: {\ndata:   \"a\":\ndata: 1}\n\n",
            ": alive\n\ndata:\n\ndata: {\"a\":1}\n\n: alive\n\n",
        ] {
            for chunk in [1, 2, 3, 7, 4096] {
                let found = read(Box::leak(text.to_owned().into_boxed_str()).as_bytes(), chunk).await;
                assert_eq!(found.len(), 1, "{text:?} by {chunk}: {found:?}");
                assert_eq!(found[0].as_ref().unwrap()["a"], 1, "{text:?} by {chunk}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_event_is_an_error_that_does_not_repeat_it() {
        for text in ["data: canary\n\n", "data: {\"canary\":\n\n"] {
            let found = read(text.as_bytes(), 4096).await;
            let error = found[0].as_ref().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "{text:?}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}
