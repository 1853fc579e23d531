//! Sign-in at a real provider, npm `oidc-provider`. Runs with `CUBE_REAL=1`; `CUBE_REAL_BIN` says where it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use crate::login::{Browser, ID, poll};
use crate::oidc::go;
use crate::provider::REDIRECT;
use crate::support::{Cloud, http};

/// The provider's process and its issuer; none when real components are not asked for.
async fn provider() -> Option<(Child, String)> {
    if std::env::var("CUBE_REAL").ok().as_deref() != Some("1") {
        return None;
    }
    let bin = std::env::var("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with oidc-provider");
    let mut command = Command::new(Path::new(&bin).join("oidc-provider"));
    command.arg(REDIRECT).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().expect("tests/real/install installs oidc-provider");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("it prints its issuer");
        if line.starts_with("http://") {
            // It ends where it cannot write any more.
            child.stdout = Some(lines.into_inner().into_inner());
            return Some((child, line));
        }
    }
}

/// Somebody at the provider: signs in, consents, until it sends the browser back; the path with query there.
async fn there(from: &str) -> String {
    let mut at = Url::parse(from).unwrap();
    let mut cookies = BTreeMap::new();
    let mut form: Option<Vec<(&str, &str)>> = None;
    for _ in 0..20 {
        let request = match form.take() {
            Some(fields) => http().post(at.clone()).form(&fields),
            None => http().get(at.clone()),
        };
        let sent: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header("cookie", sent.join("; ")).send().await.unwrap();
        for set in response.headers().get_all("set-cookie") {
            let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        if let Some(to) = response.headers().get("location") {
            at = at.join(to.to_str().unwrap()).unwrap();
            match at.as_str().strip_prefix(REDIRECT) {
                Some(query) => return format!("/auth/callback{query}"),
                None => continue,
            }
        }
        let page = response.text().await.unwrap();
        form = Some(match page.contains("name=\"prompt\" value=\"login\"") {
            true => vec![("prompt", "login"), ("login", "ann"), ("password", "x")],
            false => {
                assert!(page.contains("name=\"prompt\" value=\"consent\""), "{page}");
                vec![("prompt", "consent")]
            }
        });
    }
    panic!("the provider leads round in circles");
}

#[tokio::test]
async fn from_the_page_by_the_provider_to_a_key() {
    let Some((_provider, issuer)) = provider().await else { return };
    let secret = "a secret of the client, long enough";
    let cloud =
        Cloud::with(&format!("oidc: {{ issuer: '{issuer}', client_id: cube, client_secret: '{secret}' }}")).await;
    let mut browser = Browser::default();
    let back = there(&go(&cloud, &mut browser, ID).await).await;
    let seen = browser.get(&cloud, &back).await;
    assert_eq!(seen.status, 303, "{}", seen.text);
    let page = browser.get(&cloud, &format!("/auth/confirm?session_id={ID}")).await;
    assert!(page.text.contains("ann@example.com") && page.text.contains("reader"), "{}", page.text);
    assert_eq!(browser.decide(&cloud, ID, "allow").await.status, 200);
    let (status, ready) = poll(&cloud, ID).await;
    assert_eq!(status, 200, "{ready}");
    assert!(cloud.agent_call(ready["api_key"].as_str().unwrap(), "app_list", json!({})).await.is_ok());
}
