#![allow(clippy::unwrap_used)]

use std::error::Error as _;
use std::sync::Mutex;

use http::StatusCode;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::clock::Timestamp;
use crate::transport::{Answer, Body, Transport};

const SECRET: &str = "s3cr3t/+ key";

/// Answers every request alike, and keeps the last one.
#[derive(Debug)]
struct Answers {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
    asked: Mutex<Option<http::Request<Bytes>>>,
}

#[async_trait]
impl Transport for Answers {
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer> {
        *self.asked.lock().unwrap() = Some(request);
        let mut answer = http::Response::builder().status(self.status);
        for (name, value) in &self.headers {
            answer = answer.header(*name, *value);
        }
        Ok(answer.body(Body::from(Bytes::from(self.body.clone()))).unwrap())
    }
}

fn clock() -> Clock {
    Clock::following_tokio("2026-07-01T08:00:00Z".parse().unwrap())
}

async fn asked(status: u16, headers: &[(&'static str, &'static str)], body: impl ToString) -> Result<Grant> {
    let answers = Answers { status, headers: headers.to_vec(), body: body.to_string(), asked: Mutex::default() };
    let url = "https://idp.example/token?tenant=7".parse().unwrap();
    let settings = ClientCredentials::builder(url, "id", SecretString::from(SECRET)).clock(clock());
    ClientCredentials { settings, transport: Arc::new(answers) }.grant().await
}

#[tokio::test(start_paused = true)]
async fn lifetimes_of_every_form_are_taken() {
    let in_seconds = |seconds: u64| Some(clock().now().saturating_add(Duration::from_secs(seconds)));
    for (told, expires) in [
        (json!(3600), in_seconds(3600)),
        (json!("3600"), in_seconds(3600)),
        (json!(" 3600 "), in_seconds(3600)),
        (json!(3600.0), in_seconds(3600)),
        (json!("3600.0"), in_seconds(3600)),
        (json!(3.6e3), in_seconds(3600)),
        (json!(null), None),
        (json!(0), None),
        (json!(-1), None),
        (json!("-1"), None),
        (json!("soon"), None),
        (json!("NaN"), None),
        (json!("inf"), None),
        (json!(true), None),
        (json!({"seconds": 1}), None),
        (json!(1e300), Some(Timestamp::now().saturating_add(Duration::MAX))),
        (json!(u64::MAX), Some(Timestamp::now().saturating_add(Duration::MAX))),
    ] {
        let grant = asked(200, &[], json!({"access_token": "t", "expires_in": told})).await.unwrap();
        assert_eq!(grant.expires_at, expires, "{told}");
    }
    assert_eq!(asked(200, &[], json!({"access_token": "t"})).await.unwrap().expires_at, None);
}

#[tokio::test]
async fn tokens_of_every_kind_of_spelling_are_taken_and_no_others() {
    for kind in [json!(null), json!("bearer"), json!("BEARER"), json!(" Bearer "), json!(7)] {
        let grant = asked(200, &[], json!({"access_token": " t0k3n\n", "token_type": kind})).await.unwrap();
        assert_eq!(grant.authorization, "Bearer t0k3n");
    }
    for (body, words) in [
        (json!({}), "the token reply holds no access token"),
        (json!({"access_token": ""}), "the token reply holds no access token"),
        (json!({"access_token": " \n"}), "the token reply holds no access token"),
        (json!({"access_token": null, "expires_in": 3600}), "the token reply holds no access token"),
        (json!({"access_token": 7}), "the token reply cannot be read (line 1)"),
        (json!(["t0k3n"]), "the token reply cannot be read (line 1)"),
        (json!({"access_token": "t0k3n\nx: y"}), "the access token holds characters that an HTTP header cannot carry"),
        (json!({"access_token": "t0k3n", "token_type": "mac"}), "the token is not a bearer token"),
        (json!({"error": "invalid_scope", "error_description": "no"}), "the token endpoint refused: no"),
    ] {
        let error = asked(200, &[("x-request-id", "r7")], &body).await.unwrap_err();
        assert_eq!((error.kind(), error.sent()), (ErrorKind::Credentials, Sent::No), "{body}");
        assert_eq!((error.message(), error.request_id()), (format!("no token: {words}").as_str(), Some("r7")));
        assert!(!format!("{error:?}").contains("t0k3n"), "{error:?}");
    }
    let error = asked(200, &[], "<html>t0k3n</html>").await.unwrap_err();
    assert!(!format!("{error:?}").contains("t0k3n"), "{error:?}");
}

#[tokio::test]
async fn a_refusal_names_the_tokens_call_as_its_cause_and_the_call_itself_is_not_sent() {
    let body = json!({"error": "invalid_client", "error_description": "unknown client"});
    let error = asked(401, &[("x-request-id", "r1")], body).await.unwrap_err();
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Credentials, Sent::No));
    assert_eq!((error.code(), error.status()), (Some("invalid_client"), Some(StatusCode::UNAUTHORIZED)));
    assert_eq!(error.target(), Some("https://idp.example/token?tenant=…"));
    assert_eq!(error.next_step(), Some("check client id, client secret and scope"));
    assert!(!error.is_transient());
    let cause: &Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!((cause.operation(), cause.target()), (Some(TOKEN), error.target()));
    assert_eq!((cause.kind(), cause.sent(), cause.retry().attempts), (ErrorKind::Unauthenticated, Sent::Yes, 1));
}

#[tokio::test]
async fn an_endpoint_that_is_busy_says_when_to_come_back() {
    for (status, kind) in [(429, ErrorKind::Throttled), (503, ErrorKind::Unavailable), (500, ErrorKind::Server)] {
        let error = asked(status, &[("retry-after", "17")], "busy").await.unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Credentials, true));
        assert_eq!((error.retry_after(), error.next_step()), (Some(Duration::from_secs(17)), None));
        let cause: &Error = error.source().unwrap().downcast_ref().unwrap();
        assert_eq!((cause.kind(), cause.retry_after()), (kind, Some(Duration::from_secs(17))));
    }
}

#[tokio::test]
async fn whatever_an_endpoint_repeats_is_hidden_and_kept_to_one_line() {
    let plain = format!("id:{SECRET}");
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("id:{}", encoded(SECRET)));
    let forms = [SECRET.to_owned(), encoded(SECRET), basic, plain];
    for form in &forms {
        let long = format!("bad\r\n\u{1b}[31m {form} {}", "x".repeat(5_000));
        for body in [
            json!({"error": long, "error_description": long}).to_string(),
            // Escapes say the same in other letters.
            json!({"error": long, "error_description": long}).to_string().replace('3', "\\u0033"),
            json!({"error": {"message": long}, "error_description": [long]}).to_string(),
            long.clone(),
        ] {
            for status in [400, 503] {
                let error = asked(status, &[], &body).await.unwrap_err();
                let shown = format!("{error} {error:?} {:?}", error.source().unwrap());
                assert!(forms.iter().all(|form| !shown.contains(form.as_str())), "{shown}");
                assert!(!shown.contains(['\n', '\u{1b}']) && error.to_string().len() < 900, "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn id_and_secret_go_where_they_are_told_to() {
    let transport = Arc::new(Answers {
        status: 200,
        headers: Vec::new(),
        body: json!({"access_token": "t"}).to_string(),
        asked: Mutex::default(),
    });
    let url: Url = "https://idp.example/token".parse().unwrap();
    let builder = || ClientCredentials::builder(url.clone(), "id", SecretString::from(SECRET)).scope("a b");
    builder().build(transport.clone()).grant().await.unwrap();
    let request = transport.asked.lock().unwrap().take().unwrap();
    assert_eq!(request.body(), "grant_type=client_credentials&scope=a+b");
    assert!(request.headers()[header::AUTHORIZATION].is_sensitive());
    builder().secret_in_body().build(transport.clone()).grant().await.unwrap();
    let request = transport.asked.lock().unwrap().take().unwrap();
    assert!(request.body().ends_with(b"&client_id=id&client_secret=s3cr3t%2F%2B+key"));
    assert!(!request.headers().contains_key(header::AUTHORIZATION));
}

proptest! {
    #[test]
    fn no_lifetime_breaks_a_token(number: f64, text: String, whole: i64) {
        for told in [json!(number), json!(text), json!(whole), json!(number.to_string()), Value::Null] {
            let read = lifetime(&told);
            prop_assert!(read.is_none_or(|life| life > Duration::ZERO), "{told}");
            if let Some(whole) = told.as_u64().filter(|whole| (1..1 << 50).contains(whole)) {
                prop_assert_eq!(read, Some(Duration::from_secs(whole)));
            }
        }
    }
}
