//! The key stays out of everything that can be shown.

use std::io::Write;
use std::sync::{Arc, Mutex};

use cube_sdk_byo::EdgeGate;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fixtures::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn the_key_is_in_no_debug_error_or_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    // For the whole process: beside other tests, a subscriber of one thread can miss call sites.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shown = runtime.block_on(async {
        let server = MockServer::start().await;
        let echo = json!({"detail": {"api_key": KEY, "authorization": "x", "token": KEY}});
        Mock::given(any()).respond_with(ResponseTemplate::new(400).set_body_json(echo)).mount(&server).await;
        let edgegate = EdgeGate::builder().base_url(server.uri()).api_key(KEY.into()).build().unwrap();
        let storage = byo(&edgegate);
        let refused = storage.register_artifact("s3://abc/k").await.unwrap_err();
        let dead = EdgeGate::builder().base_url("http://127.0.0.1:1").api_key(KEY.into()).build().unwrap();
        let mut never = Vec::new();
        for error in [refused, byo(&dead).disconnect().await.unwrap_err()] {
            never.push(format!("{error} {error:?} {:?}", std::error::Error::source(&error)));
        }
        format!("{never:?} {edgegate:?} {storage:?} {:?}", EdgeGate::builder().api_key(KEY.into()))
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("register_artifact"), "the log is there to be looked at");
    for text in [&shown, &log] {
        assert!(!text.contains("canary"), "{text}");
    }
}
