#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use http::header;
use url::Url;

use super::*;
use crate::config::Origin;
use crate::error::ErrorKind;
use crate::operation::{Idempotency, Operation};
use crate::transport::{Answer, Transport};

/// Settings that see nothing of the machine.
fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::new().environment(Environment::from_pairs(pairs.iter().copied()))
}

fn authority() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.self_signed(&key).unwrap().pem()
}

#[derive(Debug, Default)]
struct Recording(Mutex<Vec<http::HeaderMap>>);

#[async_trait]
impl Transport for Recording {
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer> {
        self.0.lock().unwrap().push(request.headers().clone());
        Ok(http::Response::new(Bytes::from_static(b"{}").into()))
    }
}

#[derive(Debug)]
struct Traced;

impl TraceContext for Traced {
    fn inject(&self, headers: &mut http::HeaderMap) {
        let id = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert("traceparent", http::HeaderValue::from_static(id));
    }
}

#[test]
fn code_wins_over_the_environment_whatever_the_order() {
    let environment = Environment::from_pairs([("HTTPS_PROXY", "http://env:1"), ("CUBE_CA_FILE", "/nowhere/ca.pem")]);
    let roots = RootCertificates::from_pem(authority().as_bytes()).unwrap();
    let fixed = ProxySetting::Fixed { url: "http://code:2".parse().unwrap(), no_proxy: String::new() };
    let before = Settings::new().extra_ca(roots.clone()).proxy(fixed.clone()).environment(&environment);
    let after = Settings::new().environment(environment).proxy(fixed).extra_ca(roots);
    for settings in [before, after] {
        let ground = settings.ground().unwrap();
        let via = ground.proxies().intercept(&"https://x.example/".parse().unwrap()).unwrap();
        assert_eq!((via.to_string().as_str(), &via.origin), ("http://code:2", &Origin::Code));
        assert_eq!(ground.roots().iter().len(), 1);
    }
}

#[test]
fn ca_files_come_from_code_or_environment_and_name_their_variable() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{}{}", authority(), authority()).unwrap();
    let path = file.path().to_str().unwrap();
    let found = settings(&[("CUBE_CA_FILE", path)]).ground().unwrap();
    assert_eq!(found.roots().iter().len(), 2);
    let row = found.describe().into_iter().find(|row| row.name == "extra CA").unwrap();
    assert_eq!(row.to_string(), "extra CA: 2 certificates (from CUBE_CA_FILE)");
    let more = RootCertificates::from_pem(authority().as_bytes()).unwrap();
    let both = settings(&[]).extra_ca(more.clone()).extra_ca(more);
    assert_eq!(both.ground().unwrap().roots().iter().len(), 2);

    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in ["", "no PEM at all", broken] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "{text}").unwrap();
        let error = settings(&[("CUBE_CA_FILE", file.path().to_str().unwrap())]).ground().unwrap_err();
        assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some("CUBE_CA_FILE")), "{text}");
    }
    let error = settings(&[("CUBE_CA_FILE", "/nowhere/ca.pem")]).ground().unwrap_err();
    assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some("CUBE_CA_FILE")));
}

#[test]
fn clones_share_what_stands_on_the_settings_until_one_is_changed() {
    let first = settings(&[]);
    let same = first.clone().clocks(Clocks::default()).middleware(Arc::new(Nothing));
    let (one, two) = (first.ground().unwrap(), same.ground().unwrap());
    assert!(Arc::ptr_eq(&one.transport(), &two.transport()), "one pool");
    assert_eq!((one.middleware().len(), two.middleware().len()), (0, 1));
    let other = first.clone().connect_timeout(Duration::from_secs(1)).ground().unwrap();
    assert!(!Arc::ptr_eq(&one.transport(), &other.transport()), "what connects otherwise is another pool");
    assert_eq!(first.ground().unwrap().connect_timeout(), None);
}

#[derive(Debug)]
struct Nothing;

#[async_trait]
impl Middleware for Nothing {
    async fn handle(
        &self,
        attempt: crate::retry::Attempt,
        request: http::Request<Bytes>,
        next: crate::transport::Next<'_>,
    ) -> Result<Answer> {
        next.run(attempt, request).await
    }
}

#[tokio::test]
async fn the_retry_budget_is_one_for_all_clones() {
    let budget = |settings: &Settings| format!("{:?}", settings.ground().unwrap().retrier());
    let first = settings(&[]);
    let clone = first.clone().application("a", "1");
    let operation = Operation::new("x", "y", Idempotency::Read);
    let full = budget(&clone);
    let failing = first.ground().unwrap();
    tokio::time::pause();
    let call = failing.retrier().run::<(), _, _>(operation, crate::retry::Deadline::none(), |_| async {
        Err(crate::Error::new(ErrorKind::Connect, ""))
    });
    call.await.unwrap_err();
    assert_ne!(budget(&clone), full, "what one spends the other lacks");
    assert_eq!(budget(&clone), budget(&first));
}

#[tokio::test]
async fn every_request_carries_user_agent_and_trace_whoever_makes_it() {
    let seen = Arc::new(Recording::default());
    let settings =
        settings(&[]).transport(seen.clone()).application("fleet-console", "1.4.2").trace_context(Arc::new(Traced));
    let ground = settings.ground().unwrap();
    let url: Url = "https://x.example/".parse().unwrap();
    let operation = Operation::new("x", "y", Idempotency::Read);
    let call = crate::engine::Call::new(operation, http::Method::GET, url);
    ground.engine().build().run(&call).await.unwrap();
    let mut own = http::Request::new(Bytes::new());
    own.headers_mut().insert(header::USER_AGENT, http::HeaderValue::from_static("own/1"));
    ground.transport().send(own).await.unwrap();
    let seen = seen.0.lock().unwrap();
    let expected = concat!("fleet-console/1.4.2 cube-sdk/", env!("CARGO_PKG_VERSION"));
    assert_eq!((seen[0][header::USER_AGENT].to_str().unwrap(), ground.user_agent()), (expected, expected));
    assert!(seen[0]["traceparent"].to_str().unwrap().starts_with("00-0af76519"));
    assert_eq!(seen[1][header::USER_AGENT], "own/1");
}

#[test]
fn what_cannot_be_used_is_refused_when_it_is_checked() {
    for bad in [
        settings(&[]).application("a b", "1"),
        settings(&[]).connect_timeout(Duration::ZERO),
        settings(&[("HTTPS_PROXY", "socks5://h")]),
    ] {
        assert_eq!(bad.ground().unwrap_err().kind(), ErrorKind::Config);
    }
}

#[test]
fn clear_text_goes_to_this_machine_alone() {
    let url = |text: &str| text.parse::<Url>().unwrap();
    let plain = settings(&[]).ground().unwrap();
    for text in [
        "https://x.example/",
        "wss://x.example/",
        "http://localhost:1/",
        "ws://127.0.0.9/",
        "http://[::1]/",
        "http://a.localhost/",
    ] {
        plain.check_clear_text("URL", &url(text)).unwrap();
    }
    for text in [
        "http://x.example/?token=canary",
        "ws://10.0.0.1/",
        "http://0.0.0.0/",
        "http://localhost.example/",
        "http://user:canary@h/",
    ] {
        let error = plain.check_clear_text("EDGEGATE_API_URL", &url(text)).unwrap_err();
        assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some("EDGEGATE_API_URL")), "{text}");
        let line = error.to_string();
        assert!(line.contains("danger_allow_clear_text") && !line.contains("canary"), "{line}");
        settings(&[]).danger_allow_clear_text().ground().unwrap().check_clear_text("URL", &url(text)).unwrap();
    }
    // By a proxy elsewhere it would leave this machine after all.
    let fixed = |proxy: &str| {
        let setting = ProxySetting::Fixed { url: url(proxy), no_proxy: String::new() };
        settings(&[]).proxy(setting).ground().unwrap().check_clear_text("URL", &url("http://localhost/"))
    };
    fixed("http://127.0.0.1:3128").unwrap();
    fixed("http://proxy.example:3128").unwrap_err();
}

#[test]
fn a_description_tells_values_and_origins_without_secrets() {
    let ground = settings(&[
        ("https_proxy", "http://user:canary@proxy.example:3128"),
        ("NO_PROXY", "corp.example"),
        ("EDGEGATE_API_KEY", "egk_live_canary"),
    ])
    .application("fleet-console", "1.4.2")
    .connect_timeout(Duration::from_millis(2500))
    .ground()
    .unwrap();
    let rows: Vec<_> = ground.describe().iter().map(Described::to_string).collect();
    for expected in [
        "environment: 3 variables of its own (set in code)",
        "transport: HTTP client of the SDK (default)",
        "proxy for http: none (default)",
        "proxy for https: http://proxy.example:3128, with user and password (from https_proxy)",
        "no proxy for: corp.example (from NO_PROXY)",
        "extra CA: none (default)",
        "connect limit: 2.5 s (set in code)",
        "retry: 4 attempts (default)",
        "clear text to other machines: refused (default)",
    ] {
        assert!(rows.iter().any(|row| row == expected), "{expected}: {rows:#?}");
    }
    assert!(
        rows.iter()
            .any(|row| row.starts_with("user agent: fleet-console/1.4.2 cube-sdk/") && row.ends_with("(set in code)"))
    );
    let shown = format!("{rows:?} {ground:?}");
    assert!(!shown.contains("canary") && !shown.contains("dXNlcjp"), "{shown}");
}
