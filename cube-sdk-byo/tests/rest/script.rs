//! A transport without sockets: answers in order, requests kept. For paused clocks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use cube_sdk_byo::EdgeGate;
use cube_sdk_core::transport::{Answer, Body, Transport};
use cube_sdk_core::{Error, Result};
use serde_json::Value;

use crate::fixtures::KEY;

#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Result<(u16, Bytes)>>>,
    seen: Mutex<Vec<String>>,
}

impl Script {
    /// These answers in this order; the last one again and again.
    pub(crate) fn of(answers: impl IntoIterator<Item = (u16, Value)>) -> Arc<Self> {
        let answers = answers.into_iter().map(|(status, body)| Ok((status, Bytes::from(body.to_string()))));
        Arc::new(Self { answers: Mutex::new(answers.collect()), seen: Mutex::default() })
    }

    /// A failure of the network, then these answers.
    pub(crate) fn failing(error: Error, answers: impl IntoIterator<Item = (u16, Value)>) -> Arc<Self> {
        let script = Self::of(answers);
        script.answers.lock().unwrap().push_front(Err(error));
        script
    }

    pub(crate) fn client(self: &Arc<Self>) -> EdgeGate {
        let builder = EdgeGate::builder().base_url("https://edgegate.test").api_key(KEY.into());
        builder.transport(self.clone()).build().unwrap()
    }

    /// `METHOD /path` of each request.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer> {
        self.seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
        let mut answers = self.answers.lock().unwrap();
        let more = answers.len() > 1;
        let (status, body) = match answers.pop_front().expect("an answer") {
            Ok(answer) => answer,
            Err(error) => return Err(error),
        };
        if !more {
            answers.push_back(Ok((status, body.clone())));
        }
        Ok(http::Response::builder().status(status).body(Body::from(body)).unwrap())
    }
}
