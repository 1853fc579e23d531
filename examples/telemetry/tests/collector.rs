//! What a collector gets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use telemetry::{Export, read_a_model};

type Taken = Arc<Mutex<Vec<Value>>>;

async fn take(State(taken): State<Taken>, Json(body): Json<Value>) -> Json<Value> {
    taken.lock().unwrap().push(body);
    Json(json!({}))
}

/// Every value of an array of that name, at any depth.
fn all<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::Array(items) if key == name => found.extend(items),
                    field => all(field, name, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| all(item, name, found)),
        _ => {}
    }
}

fn attribute<'v>(of: &'v Value, key: &str) -> Option<&'v str> {
    let attributes = of["attributes"].as_array()?;
    attributes.iter().find(|attribute| attribute["key"] == key)?["value"]["stringValue"].as_str()
}

/// One test, since both the subscriber and the meter provider are the process's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn spans_and_figures_arrive() {
    let (traces, metrics) = (Taken::default(), Taken::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .merge(Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&traces)))
        .merge(Router::new().route("/v1/metrics", post(take)).with_state(Arc::clone(&metrics)));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let export = Export::to(&address).unwrap();
    let bytes = read_a_model().await.unwrap();
    export.finish().await.unwrap();

    let traces = Value::Array(traces.lock().unwrap().clone());
    let mut spans = Vec::new();
    all(&traces, "spans", &mut spans);
    let calls: Vec<_> = spans.iter().filter(|span| span["name"] == "cube.call").collect();
    for method in ["get_setup_info", "assume_role", "get_object"] {
        assert!(
            calls.iter().any(|call| attribute(call, "rpc.method") == Some(method)),
            "no span of {method}: {:?}",
            calls.iter().map(|call| attribute(call, "rpc.method")).collect::<Vec<_>>()
        );
    }
    assert!(calls.iter().any(|call| attribute(call, "error.type") == Some("NotFound")), "the failed call's kind");
    let attempts = spans.iter().filter(|span| span["name"] == "cube.attempt");
    for attempt in attempts {
        assert!(calls.iter().any(|call| call["spanId"] == attempt["parentSpanId"]), "an attempt without its call");
    }

    let metrics = Value::Array(metrics.lock().unwrap().clone());
    let mut found = Vec::new();
    all(&metrics, "metrics", &mut found);
    let points = |name: &str| {
        let mut points = Vec::new();
        found.iter().filter(|metric| metric["name"] == name).for_each(|metric| all(metric, "dataPoints", &mut points));
        assert!(!points.is_empty(), "no {name}: {found:?}");
        points
    };
    let calls = points("cube.client.calls");
    assert!(calls.iter().any(|point| attribute(point, "error.type") == Some("NotFound")));
    assert!(calls.iter().any(|point| attribute(point, "error.type").is_none()));
    points("cube.client.call.duration");
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let read = points("cube.reader.bytes").iter().filter_map(|point| number(&point["asInt"])).max();
    assert_eq!(read, Some(bytes));
    points("cube.reader.throughput");
}
