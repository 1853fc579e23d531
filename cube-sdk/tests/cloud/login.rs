//! Browser login against answers that are written out, on a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cube_sdk::auth::{LoggedIn, LoginFault, LoginPage};
use cube_sdk::prelude::*;
use http::Response;
use tokio::time::Instant;

use crate::support::{Script, cube, json, reply};

const READY: &str = r#"{"status":"ready","api_key":"cube_the-new-key"}"#;

struct Ended {
    outcome: Result<LoggedIn>,
    page: LoginPage,
    took: Duration,
    kept: Option<String>,
}

async fn login(script: &Arc<Script>) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    let shown = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&shown);
    let began = Instant::now();
    let auth = cube(script, dir.path(), &[]).auth().unwrap();
    let outcome = auth.login(move |page| *seen.lock().unwrap() = Some(page.clone())).await;
    let page = shown.lock().unwrap().take().expect("the page is shown");
    let kept = std::fs::read_to_string(dir.path().join("api_key")).ok();
    Ended { outcome, page, took: began.elapsed(), kept }
}

fn pending() -> Response<bytes::Bytes> {
    json(202, r#"{"status":"pending"}"#)
}

#[tokio::test(start_paused = true)]
async fn it_polls_as_published_clients_do_and_keeps_the_key() {
    let script = Script::new(|at, _| Ok(if at < 9 { pending() } else { json(200, READY) }));
    let ended = login(&script).await;
    let logged_in = ended.outcome.unwrap();
    assert!(logged_in.place.ends_with("api_key") && logged_in.shadowed_by.is_none(), "{logged_in:?}");
    assert_eq!(ended.kept.as_deref(), Some("cube_the-new-key"));
    // 0.5 + 0.75 + … + 2.0, then 2.0 three times.
    assert_eq!(ended.took.as_millis(), 14_750);
    let url = ended.page.url().as_str();
    let id = url.strip_prefix("https://cloud.invalid/base/auth/login?session_id=").expect(url).to_owned();
    assert_eq!(id.len(), 43);
    assert_eq!(ended.page.code().len(), 9);
    assert!(!format!("{:?}", ended.page).contains(&id), "Debug text shows the id");
    for request in script.seen.lock().unwrap().iter() {
        assert_eq!(request.uri(), format!("https://cloud.invalid/base/auth/session/{id}").as_str());
        assert!(!request.headers().contains_key("authorization"));
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_no_end_is_asked_again_for_two_minutes_of_waiting() {
    let script = Script::new(|at, _| {
        Ok(match at % 8 {
            0 => pending(),
            1 => json(200, r#"{"status":"pending"}"#),
            2 => json(404, r#"{"detail":"Not Found"}"#),
            3 => reply(403, "text/html", "<html>a gateway</html>"),
            4 => json(503, "{}"),
            5 => json(200, r#"{"status":"ready"}"#),
            6 => json(200, "no json"),
            _ => return Err(Error::new(ErrorKind::Connect, "could not connect: connection refused")),
        })
    });
    let ended = login(&script).await;
    let error = ended.outcome.unwrap_err();
    assert_eq!((error.kind(), error.login_fault()), (ErrorKind::Timeout, Some(LoginFault::TimedOut)), "{error}");
    assert_eq!(script.count(), 63);
    assert_eq!(ended.took.as_millis(), 120_750);
    let line = error.to_string();
    assert!(line.contains("CUBE_API_KEY"), "{line}");
    assert!(std::error::Error::source(&error).is_some(), "the last failure is told");
    let id = &ended.page.url().query().unwrap()["session_id=".len()..];
    assert!(!format!("{error:?}").contains(id), "{error:?}");
    assert_eq!(ended.kept, None);
}

#[tokio::test(start_paused = true)]
async fn each_end_is_told_at_once() {
    for (status, word, kind, fault) in [
        (404, "expired", ErrorKind::NotFound, LoginFault::Expired),
        (403, "denied", ErrorKind::PermissionDenied, LoginFault::Denied),
        (410, "used", ErrorKind::Conflict, LoginFault::Used),
    ] {
        let body = format!(r#"{{"status":"{word}"}}"#);
        let script = Script::new(move |_, _| Ok(json(status, &body)));
        let error = login(&script).await.outcome.unwrap_err();
        assert_eq!((error.kind(), error.login_fault()), (kind, Some(fault)), "{error}");
        assert_eq!(script.count(), 1, "{word}");
        assert!(error.next_step().is_some(), "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_is_given_the_time_it_asks_for() {
    let slow = |after: &'static str| {
        move |at: usize| {
            let mut answer = json(429, r#"{"status":"slow down"}"#);
            answer.headers_mut().insert("retry-after", after.parse().unwrap());
            if at == 0 { answer } else { json(200, READY) }
        }
    };
    let answers = slow("30");
    let ended = login(&Script::new(move |at, _| Ok(answers(at)))).await;
    ended.outcome.unwrap();
    assert_eq!(ended.took.as_millis(), 30_500);
    let answers = slow("600");
    let ended = login(&Script::new(move |at, _| Ok(answers(at)))).await;
    let error = ended.outcome.unwrap_err();
    assert_eq!((error.kind(), error.login_fault()), (ErrorKind::Throttled, Some(LoginFault::Throttled)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(600)));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_no_header_carries_is_not_kept() {
    for key in ["", "a\\nb", "schl\u{fc}ssel"] {
        let body = format!(r#"{{"status":"ready","api_key":"{key}"}}"#);
        let ended = login(&Script::new(move |_, _| Ok(json(200, &body)))).await;
        assert_eq!(ended.outcome.unwrap_err().kind(), ErrorKind::Decode, "{key:?}");
        assert_eq!(ended.kept, None);
    }
}

#[tokio::test]
async fn nothing_is_asked_where_no_key_could_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let script = Script::new(|_, _| Ok(json(200, READY)));
    let auth = cube(&script, &blocked.join("folder"), &[]).auth().unwrap();
    let error = auth.login(|_| panic!("the page is shown")).await.unwrap_err();
    assert_eq!((error.kind(), script.count()), (ErrorKind::Io, 0), "{error}");
    let nowhere = Cube::builder()
        .environment(cube_sdk::core::config::Environment::from_pairs([("CUBE_CLOUD_URL", "https://cloud.invalid")]))
        .build();
    let error = nowhere.auth().unwrap().login(|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("CUBE_AGENT_CONFIG_DIR"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_does_not_open_is_no_end_and_a_key_that_wins_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::new(|_, _| Ok(json(200, READY)));
    let auth = cube(&script, dir.path(), &[("CUBE_API_KEY", "cube_other")]).auth().unwrap();
    let opened = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&opened);
    let opener = move |url: &url::Url| {
        seen.lock().unwrap().push(url.clone());
        Err(Error::new(ErrorKind::Io, "no display"))
    };
    let shown = Arc::new(Mutex::new(None));
    let page = Arc::clone(&shown);
    let logged_in =
        auth.login(move |it| *page.lock().unwrap() = Some(it.url().clone())).open_with(opener).await.unwrap();
    assert_eq!(opened.lock().unwrap().as_slice(), [shown.lock().unwrap().clone().unwrap()]);
    assert_eq!(logged_in.shadowed_by.as_deref(), Some("from CUBE_API_KEY"));
}

/// A certificate that nobody trusts, by a real handshake: the failure lies some causes down.
#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_it_at_once() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tries = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(socket).await.map(drop) });
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{port}");
    let environment = cube_sdk::core::config::Environment::from_pairs([
        ("CUBE_CLOUD_URL", url.as_str()),
        ("CUBE_AGENT_CONFIG_DIR", dir.path().to_str().unwrap()),
    ]);
    let auth = Cube::builder().environment(environment).build().auth().unwrap();
    let error = auth.login(|_| ()).await.unwrap_err();
    assert_eq!((error.kind(), error.login_fault()), (ErrorKind::Connect, Some(LoginFault::Unreachable)), "{error}");
    let line = error.to_string();
    assert!(line.contains("not trusted") && line.contains("CUBE_API_KEY") && line.contains("CUBE_CA_FILE"), "{line}");
    assert_eq!(tries.load(std::sync::atomic::Ordering::SeqCst), 1);
}
