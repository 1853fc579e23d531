//! A canary secret goes through every kind of credentials and failure; nothing shown may hold it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use cube_sdk_core::config::{Environment, Key};
use cube_sdk_core::credentials::{ClientCredentials, Credentials, FileKey, FixedKey};
use cube_sdk_core::engine::{Call, Engine};
use cube_sdk_core::retry::Retrier;
use cube_sdk_core::transport::HttpClient;
use cube_sdk_core::{Error, Idempotency, Operation, SecretString};
use http::Method;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const CANARY: &str = "CANARY-4f1d9c";
const READ: Operation = Operation::new("test", "read", Idempotency::Read);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn show(seen: &mut String, error: &Error) {
    writeln!(seen, "{error} {error:?} {error:#?}").unwrap();
    let mut cause = error.source();
    while let Some(inner) = cause {
        writeln!(seen, "{inner} {inner:?}").unwrap();
        cause = inner.source();
    }
}

#[tokio::test]
async fn a_canary_is_seen_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let mut seen = String::new();

    let server = MockServer::start().await;
    // Servers that give a secret back, in a refusal, in a reply and in a token reply of the wrong shape.
    Mock::given(path("/echo"))
        .respond_with(ResponseTemplate::new(400).set_body_json(json!({"detail": "bad", "api_key": CANARY})))
        .mount(&server)
        .await;
    Mock::given(path("/reply"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"token": CANARY})))
        .mount(&server)
        .await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": CANARY, "token_type": CANARY})))
        .mount(&server)
        .await;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, CANARY).unwrap();
    let transport = Arc::new(HttpClient::builder().no_proxy().build());
    let secret = SecretString::from(CANARY);
    let token_url = format!("{}/token", server.uri()).parse().unwrap();
    let sources: [Arc<dyn Credentials>; 4] = [
        Arc::new(FixedKey::new(&secret).unwrap()),
        Arc::new(FileKey::new(&file)),
        Arc::new(ClientCredentials::builder(token_url, "id", secret.clone()).build(transport.clone())),
        Arc::new(
            ClientCredentials::builder(format!("{}/echo", server.uri()).parse().unwrap(), "id", secret.clone())
                .secret_in_body()
                .build(transport.clone()),
        ),
    ];
    for credentials in sources {
        let engine =
            Engine::builder(transport.clone()).credentials(credentials.clone()).retrier(Retrier::never()).build();
        writeln!(seen, "{credentials:?} {engine:?}").unwrap();
        if let Ok(grant) = credentials.grant().await {
            writeln!(seen, "{grant:?}").unwrap();
        }
        for place in ["echo", "missing"] {
            let url = format!("{}/{place}?token={CANARY}", server.uri()).parse().unwrap();
            show(&mut seen, &engine.run(&Call::new(READ, Method::GET, url)).await.unwrap_err());
        }
        let url = format!("{}/reply", server.uri()).parse().unwrap();
        if let Err(error) = engine.json::<u32>(&Call::new(READ, Method::GET, url)).await {
            show(&mut seen, &error);
        }
        let dead = format!("http://127.0.0.1:1/?token={CANARY}").parse().unwrap();
        show(&mut seen, &engine.run(&Call::new(READ, Method::GET, dead)).await.unwrap_err());
    }

    const BAD: Key = Key::secret("X", "a bad key");
    let env = Environment::from_pairs([("X", format!("{CANARY}\nsecond line"))]);
    writeln!(seen, "{env:?} {:?}", env.secret(BAD)).unwrap();
    show(&mut seen, &FixedKey::new(&env.secret(BAD).unwrap().unwrap().value).unwrap_err());

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("call failed"), "the log was not captured");
    assert!(!logged.contains(CANARY), "{logged}");
    assert!(!seen.contains(CANARY), "{seen}");
    assert!(seen.contains("<hidden, 13 chars>"), "the masked reply was not shown at all");
}
