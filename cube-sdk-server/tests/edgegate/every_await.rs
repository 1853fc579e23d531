//! A caller that hangs up at any await point: each call on a grant is dropped after one poll, after two, … until it
//! answers. What it leaves is a state of the table, the rows of the calls that AWS served, and a service that goes on.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use cube_sdk_byo::Storage;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::edgegate::{EdgeGateService, OperatorSettings};
use cube_sdk_server::local::LocalEdgeGate;
use cube_sdk_server::store::Store;
use cube_sdk_testkit::aws::{AwsWorld, Object};
use http::{Method, Request};
use serde_json::{Value, json};
use tower_service::Service;

use crate::support::{ARTIFACTS, GRANTS, Reply};

const VERIFY: &str = "/byo-storage/grants/verify";
const ATTACH: &str = "/byo-storage/grants/attach-role";
/// Every poll up to here, then every fourth: what follows are the same awaits of further calls to AWS.
const DENSE: u32 = 40;

/// A service without a listener: its requests are futures that can be dropped.
struct Inside {
    aws: AwsWorld,
    service: EdgeGateService,
    workspace: String,
    key: String,
    _dir: tempfile::TempDir,
}

/// A future that is dropped after so many polls.
struct Doomed<F> {
    call: Pin<Box<F>>,
    polls: u32,
}

impl<F: Future> Future for Doomed<F> {
    /// None when the polls were not enough.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.polls = self.polls.saturating_sub(1);
        match self.call.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Inside {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let aws = AwsWorld::builder().request_log().start().await.unwrap();
        let card = aws.card().clone();
        let storage = || {
            let keys = &card.worker;
            let storage = Storage::builder().keys(&keys.access_key_id, keys.secret_access_key.clone(), None);
            storage.endpoint_url(aws.endpoint_url().parse().unwrap()).build().unwrap()
        };
        // Workspace, owner and key.
        let worker = card.principal_arn.parse().unwrap();
        let local = LocalEdgeGate::builder(storage(), worker).seed(1).data_dir(dir.path()).start().await.unwrap();
        let (workspace, key) = (local.card().workspace.clone(), local.card().api_key.expose_secret().to_owned());
        local.shutdown(Duration::from_secs(60)).await;
        let store = Store::open(&dir.path().join("edgegate.sqlite")).await.unwrap();
        let settings = OperatorSettings::for_principal(&card.principal_arn.parse().unwrap());
        let service = EdgeGateService::builder(store, storage()).settings(settings).start().await.unwrap();
        Self { aws, service, workspace, key, _dir: dir }
    }

    fn call(&self, method: Method, path: &str, body: &Value) -> impl Future<Output = Response> + use<> {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/workspaces/{}{path}", self.workspace))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let mut router: Router = self.service.router();
        async move { router.call(request).await.unwrap() }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Reply {
        read(self.call(method, path, &body).await).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask(Method::POST, path, body).await
    }

    fn bucket(&self) -> Value {
        json!({ "bucket": self.aws.card().bucket, "region": self.aws.card().region })
    }

    fn with_role(&self) -> Value {
        let mut body = self.bucket();
        body["role_arn"] = json!(self.aws.card().role_arn);
        body
    }

    /// Ends the grant, if there is one.
    async fn clear(&self) {
        let (status, body) = self.ask(Method::DELETE, GRANTS, Value::Null).await;
        assert!(matches!(status, 204 | 404), "{status} {body}");
        assert_eq!(self.get(GRANTS).await.0, 404);
    }

    /// Waits until every call that AWS served has its one row, and no row stands without a call.
    async fn books_agree(&self, when: &str) {
        let mut odd = BTreeMap::new();
        for _ in 0..1_200 {
            odd.clear();
            for request in self.aws.requests().into_iter().filter(|request| request.was_served()) {
                *odd.entry(request.request_id).or_insert(0) += 1;
            }
            let mut cursor = String::new();
            loop {
                let (status, page) = self.get(&format!("/byo-storage/audit?limit=500{cursor}")).await;
                assert_eq!(status, 200, "{when}: {page}");
                for row in page["entries"].as_array().unwrap() {
                    *odd.entry(row["aws_request_id"].as_str().unwrap().to_owned()).or_insert(0) -= 1;
                }
                match page["next_cursor"].as_i64() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            odd.retain(|_, count| *count != 0);
            if odd.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{when}: served more (or less) often than there are rows: {odd:#?}");
    }

    /// Drops a call after one poll, two, … with a fresh state before each and a look at what is left after it.
    async fn dropped_everywhere(
        &self,
        name: &str,
        before: impl AsyncFn(&Self) -> (Method, String, Value),
        after: impl AsyncFn(&Self, &str),
    ) {
        let mut polls = 1;
        let answered = loop {
            let (method, path, body) = before(self).await;
            let call = Doomed { call: Box::pin(self.call(method, &path, &body)), polls };
            let answer = call.await;
            let when = format!("{name}, dropped after {polls} polls");
            self.books_agree(&when).await;
            after(self, &when).await;
            if let Some(answer) = answer {
                break read(answer).await;
            }
            polls += if polls < DENSE { 1 } else { 4 };
        };
        assert!(answered.0 < 300, "{name}: {answered:?}");
        assert!(polls > 1, "{name} awaits something");
        self.books_agree(name).await;
    }
}

async fn read(response: Response) -> Reply {
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test]
async fn creating_a_grant() {
    let inside = Inside::start().await;
    let before = async |inside: &Inside| (Method::POST, GRANTS.to_owned(), inside.with_role());
    let after = async |inside: &Inside, when: &str| {
        let (status, now) = inside.get(GRANTS).await;
        let (status, now) = match status {
            404 => match inside.post(GRANTS, inside.with_role()).await {
                // What was on its way to the database when the caller went came to be after the look.
                (409, _) => inside.post(VERIFY, Value::Null).await,
                made => made,
            },
            200 => inside.post(VERIFY, Value::Null).await,
            _ => panic!("{when}: {status} {now}"),
        };
        assert!(status < 300 && now["status"] == "active", "{when}: {status} {now}");
        inside.clear().await;
    };
    inside.dropped_everywhere("create", before, after).await;
}

#[tokio::test]
async fn verifying() {
    let inside = Inside::start().await;
    let (status, grant) = inside.post(GRANTS, inside.with_role()).await;
    assert_eq!((status, &grant["status"]), (201, &json!("active")), "{grant}");
    let before = async |_: &Inside| (Method::POST, VERIFY.to_owned(), Value::Null);
    let after = async |inside: &Inside, when: &str| {
        assert_eq!(inside.get(GRANTS).await.1["status"], "active", "{when}");
        let (status, now) = inside.post(VERIFY, Value::Null).await;
        assert_eq!((status, &now["status"]), (200, &json!("active")), "{when}: {now}");
        assert_eq!(now["external_id"], grant["external_id"], "{when}");
    };
    inside.dropped_everywhere("verify", before, after).await;
}

#[tokio::test]
async fn attaching_a_role() {
    let inside = Inside::start().await;
    let role = json!({ "role_arn": inside.aws.card().role_arn });
    let before = async |inside: &Inside| {
        let (status, grant) = inside.post(GRANTS, inside.bucket()).await;
        assert_eq!((status, &grant["status"]), (201, &json!("pending_role")), "{grant}");
        (Method::POST, ATTACH.to_owned(), role.clone())
    };
    let after = async |inside: &Inside, when: &str| {
        let (_, now) = inside.get(GRANTS).await;
        // Role and verdict are stored together.
        match now["status"].as_str() {
            Some("pending_role") => {
                assert_eq!(now["role_arn"], Value::Null, "{when}: {now}");
                let (status, now) = match inside.post(ATTACH, role.clone()).await {
                    // The same: the commit came after the look.
                    (409, _) => inside.get(GRANTS).await,
                    attached => attached,
                };
                assert_eq!((status, &now["status"]), (200, &json!("active")), "{when}: {now}");
                assert_eq!(now["role_arn"], role["role_arn"], "{when}: {now}");
            }
            Some("active") => assert_eq!(now["role_arn"], role["role_arn"], "{when}: {now}"),
            _ => panic!("{when}: {now}"),
        }
        inside.clear().await;
    };
    inside.dropped_everywhere("attach", before, after).await;
}

#[tokio::test]
async fn rotating_the_external_id() {
    let inside = Inside::start().await;
    let (_, grant) = inside.post(GRANTS, inside.with_role()).await;
    let path = format!("{GRANTS}/{}/rotate-external-id", grant["id"].as_str().unwrap());
    let before = async |_: &Inside| (Method::POST, path.clone(), Value::Null);
    let after = async |inside: &Inside, when: &str| {
        // A rotation that has begun goes on without its caller, beside this one.
        let (status, rotated) = inside.post(&path, Value::Null).await;
        assert_eq!((status, &rotated["status"]), (200, &json!("active")), "{when}: {rotated}");
        let (status, now) = inside.post(VERIFY, Value::Null).await;
        assert_eq!((status, &now["status"]), (200, &json!("active")), "{when}: {now}");
    };
    inside.dropped_everywhere("rotate", before, after).await;
}

#[tokio::test]
async fn registering_an_artifact() {
    let inside = Inside::start().await;
    inside.post(GRANTS, inside.with_role()).await;
    let bucket = inside.aws.card().bucket.clone();
    let number = std::cell::Cell::new(0);
    let named = || json!({ "s3_uri": format!("s3://{bucket}/models/{}.bin", number.get()) });
    let before = async |inside: &Inside| {
        number.set(number.get() + 1);
        inside.aws.put_object(&bucket, &format!("models/{}.bin", number.get()), Object::bytes("weights")).unwrap();
        (Method::POST, ARTIFACTS.to_owned(), named())
    };
    let after = async |inside: &Inside, when: &str| {
        // Made anew, or found as it was made: once in either case.
        let (status, first) = inside.post(ARTIFACTS, named()).await;
        assert!(matches!(status, 200 | 201), "{when}: {status} {first}");
        let (status, second) = inside.post(ARTIFACTS, named()).await;
        assert_eq!((status, &second["id"]), (200, &first["id"]), "{when}: {second}");
        let path = format!("/artifacts/{}", first["id"].as_str().unwrap());
        assert_eq!(inside.ask(Method::DELETE, &path, Value::Null).await.0, 204, "{when}");
        // No other one of it is left, else the grant could not be ended.
        inside.clear().await;
        assert_eq!(inside.post(GRANTS, inside.with_role()).await.0, 201, "{when}");
    };
    inside.dropped_everywhere("register", before, after).await;
}

#[tokio::test]
async fn disconnecting() {
    let inside = Inside::start().await;
    let before = async |inside: &Inside| {
        let (status, grant) = inside.post(GRANTS, inside.with_role()).await;
        assert_eq!((status, &grant["status"]), (201, &json!("active")), "{grant}");
        (Method::DELETE, GRANTS.to_owned(), Value::Null)
    };
    let after = async |inside: &Inside, when: &str| {
        let (status, now) = inside.get(GRANTS).await;
        match status {
            404 => {}
            200 => assert_eq!(now["status"], "active", "{when}: {now}"),
            _ => panic!("{when}: {status} {now}"),
        }
        inside.clear().await;
    };
    inside.dropped_everywhere("disconnect", before, after).await;
}
