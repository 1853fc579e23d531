//! The trace of the story: a span for every REST, STS and S3 call, with operation, attempt, status and request id.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use cube_sdk::core::secret::ExposeSecret as _;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::narrator::Narrator;
use crate::stage::Stage;
use crate::{Arguments, drift, story};

type Fields = BTreeMap<String, String>;

/// A closed span: its name, its parent's, and what was recorded.
#[derive(Clone, Debug)]
struct Closed {
    name: &'static str,
    parent: Option<&'static str>,
    fields: Fields,
}

impl Closed {
    fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Closed>>>);

struct Visitor<'a>(&'a mut Fields);

impl tracing::field::Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &tracing::span::Attributes<'_>, id: &tracing::Id, context: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Visitor(&mut fields));
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &tracing::Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut extensions = span.extensions_mut();
        values.record(&mut Visitor(extensions.get_mut::<Fields>().unwrap()));
    }

    fn on_close(&self, id: tracing::Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let fields = span.extensions().get::<Fields>().unwrap().clone();
        let parent = span.parent().map(|parent| parent.name());
        self.0.lock().unwrap().push(Closed { name: span.name(), parent, fields });
    }
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `METHOD path -> status  request id X` of each REST call that the story shows.
fn shown(text: &str) -> Vec<(String, String)> {
    let call = regex_lite::Regex::new(r"(?m)^   [A-Z]+ /v1/\S+\n     (\d+) in .*, request id (\S+)$").unwrap();
    call.captures_iter(text).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_a_span_with_operation_attempt_status_and_request_id() {
    let collector = Collector::default();
    let subscriber = tracing_subscriber::registry().with(collector.clone());
    tracing::subscriber::set_global_default(subscriber).expect("this binary has no other subscriber");

    let told = Told::default();
    let mut narrator = Narrator::new(told.clone());
    let stage = Stage::set(Arguments::parse_from(["quickstart"]), &mut narrator).await.unwrap();
    let grant = story::tell(&stage, &mut narrator).await.unwrap();
    drift::tell(&stage, grant, &mut narrator).await.unwrap();
    let trail = stage.world().unwrap().aws().cloudtrail();
    let secrets = {
        let card = stage.world().unwrap().card();
        [card.aws.secret_access_key.clone(), card.edgegate.api_key.clone()]
    };
    stage.strike().await;
    let told = String::from_utf8(told.0.lock().unwrap().clone()).unwrap();
    let spans = collector.0.lock().unwrap().clone();

    let attempts: Vec<_> = spans.iter().filter(|span| span.name == "cube.attempt").collect();
    for attempt in &attempts {
        assert_eq!(attempt.parent, Some("cube.call"), "{attempt:?}");
        for field in ["rpc.service", "rpc.method", "http.request.resend_count", "http.response.status_code"] {
            assert_ne!(attempt.get(field), "", "{field} is missing: {attempt:?}");
        }
        assert_ne!(attempt.get("cube.request_id"), "", "{attempt:?}");
    }
    let services: BTreeSet<_> = attempts.iter().map(|attempt| attempt.get("rpc.service")).collect();
    assert!(["edgegate", "s3", "sts"].iter().all(|service| services.contains(service)), "{services:?}");

    // Each call that the story shows, and each one that AWS keeps a record of, has its attempt.
    let known: BTreeMap<_, _> = attempts
        .iter()
        .map(|attempt| (attempt.get("cube.request_id"), attempt.get("http.response.status_code")))
        .collect();
    let rest = shown(&told);
    assert!(rest.len() > 8, "{told}");
    for (status, id) in &rest {
        assert_eq!(known.get(id.as_str()), Some(&status.as_str()), "REST call {id}");
    }
    let made = trail.iter().filter(|record| record["eventSource"] != "iam.amazonaws.com");
    let made: Vec<_> = made.map(|record| record["requestID"].as_str().unwrap().to_owned()).collect();
    assert!(made.len() > 8, "{made:?}");
    for id in &made {
        assert!(known.contains_key(id.as_str()), "AWS served {id}, of which there is no span");
    }

    let everything = format!("{spans:?}");
    for secret in secrets {
        let secret = secret.expose_secret();
        assert!(!secret.is_empty() && !everything.contains(secret), "a secret is in the trace");
    }
}
