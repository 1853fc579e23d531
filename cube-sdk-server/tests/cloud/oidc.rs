//! Sign-in by a provider, and providers, browsers and tokens that lie.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::login::{Browser, ID, Seen, poll, token};
use crate::provider::{Key, Lies, Provider, REDIRECT, now};
use crate::support::{Cloud, PASSWORD, http};

static RSA: LazyLock<Arc<Key>> = LazyLock::new(|| Key::rsa("one"));
static OTHER: LazyLock<Arc<Key>> = LazyLock::new(|| Key::rsa("two"));
static P256: LazyLock<Arc<Key>> = LazyLock::new(|| Key::p256("ec"));

async fn stage() -> (Arc<Provider>, Cloud) {
    let provider = Provider::start(Arc::clone(&RSA)).await;
    let cloud = Cloud::with(&provider.settings("")).await;
    (provider, cloud)
}

/// Opens the login's page and goes to the provider; the address there.
pub async fn go(cloud: &Cloud, browser: &mut Browser, id: &str) -> String {
    let page = browser.get(cloud, &format!("/auth/login?session_id={id}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let link = page.text.split_once("href=\"oidc?").expect("the link to the provider").1.split_once('"').unwrap().0;
    let seen = browser.get(cloud, &format!("/auth/oidc?{}", link.replace("&amp;", "&"))).await;
    assert_eq!(seen.status, 303, "{}", seen.text);
    let there = seen.location.unwrap();
    assert!(!there.contains(id), "the provider does not learn the login's id: {there}");
    there
}

/// Signs in at the provider; the path with query that the browser is sent back to.
async fn there(url: &str) -> String {
    let response = http().get(url).send().await.unwrap();
    assert_eq!(response.status(), 302, "{}", response.text().await.unwrap());
    let back = response.headers()["location"].to_str().unwrap().to_owned();
    format!("/auth/callback{}", back.strip_prefix(REDIRECT).unwrap())
}

async fn sign_in(cloud: &Cloud, browser: &mut Browser, id: &str) -> Seen {
    let back = there(&go(cloud, browser, id).await).await;
    browser.get(cloud, &back).await
}

#[tokio::test]
async fn a_login_by_the_provider_ends_in_a_key_of_the_first_group_with_a_profile() {
    let (_provider, cloud) = stage().await;
    let mut browser = Browser::default();
    let seen = sign_in(&cloud, &mut browser, ID).await;
    assert_eq!((seen.status, seen.location.as_deref()), (303, Some(&*format!("confirm?session_id={ID}"))));
    let page = browser.get(&cloud, &format!("/auth/confirm?session_id={ID}")).await;
    assert!(page.text.contains("ann@example.com") && page.text.contains("reader"), "{}", page.text);
    assert_eq!(browser.decide(&cloud, ID, "allow").await.status, 200);
    let (status, ready) = poll(&cloud, ID).await;
    assert_eq!(status, 200, "{ready}");
    assert!(cloud.agent_call(ready["api_key"].as_str().unwrap(), "app_list", json!({})).await.is_ok());
    let listed = cloud.store.list_keys(Some("ann@example.com")).await.unwrap();
    assert_eq!(listed[0].groups, ["unknown", "readers", "admin"], "in the provider's order");
}

#[tokio::test]
async fn elliptic_keys_clients_in_the_body_and_groups_as_one_text() {
    let provider = Provider::start(Arc::clone(&P256)).await;
    let more = ", signature: ES256, client_auth: client_secret_post, name_claim: sub, groups_claims: [team]";
    let cloud = Cloud::with(&provider.settings(more)).await;
    *provider.person.lock().unwrap() = json!({ "sub": "user-1", "team": "admin" });
    assert_eq!(sign_in(&cloud, &mut Browser::default(), ID).await.status, 303);
}

#[tokio::test]
async fn passwords_are_off_beside_a_provider_unless_told_otherwise() {
    let (provider, cloud) = stage().await;
    cloud.user("bob", &["admin"]).await;
    let mut browser = Browser::default();
    let page = browser.get(&cloud, &format!("/auth/login?session_id={ID}")).await;
    assert!(!page.text.contains("password"), "{}", page.text);
    let start = page.text.split_once("token=").unwrap().1.split_once('"').unwrap().0.to_owned();
    let form = [("session_id", ID), ("token", start.as_str()), ("username", "bob"), ("password", PASSWORD)];
    assert_eq!(browser.post(&cloud, "/auth/login", &form).await.status, 403, "nor by a form of one's own");
    let both = Cloud::with(&format!("{}\nlocal_users: true", provider.settings(""))).await;
    both.user("bob", &["admin"]).await;
    assert_eq!(Browser::default().sign_in(&both, ID, "bob", PASSWORD).await.status, 303);
    let page = Browser::default().get(&both, &format!("/auth/login?session_id=B{}", &ID[1..])).await;
    assert!(page.text.contains("href=\"oidc?") && !token(&page.text).is_empty());
}

/// Does a sign-in whose provider lies so fail, with nothing signed in by it?
async fn refused(lies: Lies) -> Seen {
    let (provider, cloud) = stage().await;
    provider.lie(lies);
    let mut browser = Browser::default();
    let seen = sign_in(&cloud, &mut browser, ID).await;
    assert_ne!(seen.status, 303, "{}", seen.text);
    assert_eq!(poll(&cloud, ID).await.0, 202);
    assert!(cloud.store.list_keys(None).await.unwrap().is_empty());
    assert_eq!(browser.get(&cloud, &format!("/auth/confirm?session_id={ID}")).await.status, 409);
    provider.lie(Lies::default());
    let seen_then = sign_in(&cloud, &mut browser, ID).await;
    assert_eq!(seen_then.status, 303, "an honest one works in the same login: {}", seen_then.text);
    seen
}

fn claims(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Lies {
    Lies { claims: Some(Arc::new(change)), ..Lies::default() }
}

fn forged(make: impl Fn(&Provider, &Value) -> String + Send + Sync + 'static) -> Lies {
    Lies { token: Some(Arc::new(make)), ..Lies::default() }
}

#[tokio::test]
async fn tokens_that_say_something_wrong_prove_nothing() {
    type Row = (&'static str, Value, &'static str);
    let rows: Vec<Row> = vec![
        ("nonce", json!("another"), "another sign-in"),
        ("nonce", Value::Null, "another sign-in"),
        ("aud", json!("another"), "another application"),
        ("aud", json!(["another"]), "another application"),
        ("aud", json!([]), "another application"),
        ("aud", json!(["cube cloud", "another"]), "another application"),
        ("azp", json!("another"), "another application"),
        ("azp", json!(7), "another application"),
        ("iss", json!("https://evil.example"), "another issuer"),
        ("iss", json!(["https://evil.example"]), "another issuer"),
        ("exp", json!(now() - 60), "expired"),
        ("exp", Value::Null, "expired"),
        ("exp", json!("9999999999"), "expired"),
        ("iat", json!(now() + 3600), "in the future"),
        ("iat", Value::Null, "in the future"),
        ("nbf", json!(now() + 3600), "not good yet"),
        ("nbf", json!("x"), "not good yet"),
        ("sub", json!(""), "who it is for"),
        ("email_verified", json!(false), "not verified"),
        ("email_verified", json!("false"), "not verified"),
        ("email_verified", Value::Null, "not verified"),
        ("email", Value::Null, "has no `email`"),
        ("email", json!("ann smith"), "cannot be used"),
    ];
    // One address opens sixty pages at once and no more.
    for rows in rows.chunks(12) {
        let (provider, cloud) = stage().await;
        let mut browser = Browser::default();
        for (name, value, word) in rows.iter().cloned() {
            let told = format!("{name}: {value}");
            provider.lie(claims(move |claims| match &value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }));
            let seen = sign_in(&cloud, &mut browser, ID).await;
            assert!(seen.status == 403 && seen.text.contains(word), "{told}: {} {}", seen.status, seen.text);
            assert_eq!(poll(&cloud, ID).await.0, 202, "{told}");
        }
    }
    let (provider, cloud) = stage().await;
    provider.lie(claims(|claims| {
        claims["aud"] = json!(["cube cloud", "another"]);
        claims["azp"] = json!("cube cloud");
    }));
    assert_eq!(sign_in(&cloud, &mut Browser::default(), ID).await.status, 303, "two audiences, and given to us");
}

#[tokio::test]
async fn tokens_that_are_not_signed_by_the_provider_prove_nothing() {
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none =
        move |header: Value, claims: &Value, end: &str| format!("{}.{}.{end}", encoded(&header), encoded(claims));
    for lies in [
        forged(move |_, claims| none(json!({ "alg": "none", "typ": "JWT" }), claims, "")),
        forged(move |_, claims| none(json!({ "alg": "none", "kid": "one" }), claims, "AAAA")),
        forged(move |_, claims| none(json!({ "alg": "RS256", "kid": "one" }), claims, "")),
        // The public key as the secret of a symmetric signature.
        forged(|_, claims| {
            let public = serde_json::to_value(&RSA.public).unwrap();
            let secret = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
            let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
            jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&secret)).unwrap()
        }),
        // Another's key under the provider's id, under its own, and brought along in the header.
        forged(|_, claims| {
            let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::RS256) };
            jsonwebtoken::encode(&header, claims, &OTHER.signing).unwrap()
        }),
        forged(|_, claims| OTHER.sign(claims)),
        forged(|_, claims| {
            let header = Header { jwk: Some(OTHER.public.clone()), ..Header::new(Algorithm::RS256) };
            jsonwebtoken::encode(&header, claims, &OTHER.signing).unwrap()
        }),
        // A good key of another algorithm than the one that is configured.
        forged(|provider, claims| {
            provider.keys.lock().unwrap().push(Arc::clone(&P256));
            P256.sign(claims)
        }),
        forged(|_, claims| {
            let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::RS512) };
            jsonwebtoken::encode(&header, claims, &RSA.signing).unwrap()
        }),
        forged(|_, claims| {
            let crit = Some(vec!["b64".to_owned()]);
            let header = Header { kid: Some("one".to_owned()), crit, ..Header::new(Algorithm::RS256) };
            jsonwebtoken::encode(&header, claims, &RSA.signing).unwrap()
        }),
        forged(|_, claims| {
            let mut token = RSA.sign(claims);
            let (head, rest) = token.split_once('.').unwrap();
            let tail = rest.split_once('.').unwrap().1;
            let mut changed = claims.clone();
            changed["cognito:groups"] = json!(["admin"]);
            token = format!("{head}.{}.{tail}", URL_SAFE_NO_PAD.encode(changed.to_string()));
            token
        }),
        forged(|_, _| "no token".to_owned()),
    ] {
        let seen = refused(lies).await;
        assert_eq!(seen.status, 403, "{}", seen.text);
    }
}

#[tokio::test]
async fn an_unknown_key_makes_the_keys_be_fetched_again_but_not_for_everyone_who_names_one() {
    let (provider, cloud) = stage().await;
    let ids = ["A", "B", "C", "D", "E"].map(|letter| format!("{letter}{}", &ID[1..]));
    assert_eq!(sign_in(&cloud, &mut Browser::default(), &ids[0]).await.status, 303);
    assert_eq!(*provider.jwks_asked.lock().unwrap(), 1);
    assert_eq!(sign_in(&cloud, &mut Browser::default(), &ids[1]).await.status, 303);
    assert_eq!(*provider.jwks_asked.lock().unwrap(), 1, "remembered");
    provider.lie(forged(|_, claims| OTHER.sign(claims)));
    for id in &ids[2..] {
        assert_eq!(sign_in(&cloud, &mut Browser::default(), id).await.status, 403);
    }
    assert_eq!(*provider.jwks_asked.lock().unwrap(), 1, "they were asked for less than a minute ago");
}

#[tokio::test]
async fn a_state_is_good_once_and_in_the_browser_that_began() {
    let (_provider, cloud) = stage().await;
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    let back = there(&go(&cloud, &mut browser, ID).await).await;
    assert_eq!(Browser::default().get(&cloud, &back).await.status, 409, "a browser without a cookie");
    other.get(&cloud, &format!("/auth/login?session_id=B{}", &ID[1..])).await;
    assert_eq!(other.get(&cloud, &back).await.status, 403, "another browser");
    for forged in ["/auth/callback", "/auth/callback?code=x", "/auth/callback?code=x&state=x"] {
        assert_eq!(browser.get(&cloud, forged).await.status, 403, "{forged}");
    }
    assert_eq!(browser.get(&cloud, &back).await.status, 303, "and the right one still can");
    assert_eq!(browser.get(&cloud, &back).await.status, 403, "once");
}

#[tokio::test]
async fn a_sign_in_of_the_attacker_does_not_end_in_the_victims_browser() {
    let (_provider, cloud) = stage().await;
    let (mut attacker, mut victim) = (Browser::default(), Browser::default());
    let theirs = there(&go(&cloud, &mut attacker, ID).await).await;
    go(&cloud, &mut victim, ID).await;
    assert_eq!(victim.get(&cloud, &theirs).await.status, 403);
    // The start too is only by the page that this browser was given.
    let page = attacker.get(&cloud, &format!("/auth/login?session_id={ID}")).await;
    let token = page.text.split_once("token=").unwrap().1.split_once('"').unwrap().0.to_owned();
    for path in [format!("/auth/oidc?session_id={ID}"), format!("/auth/oidc?session_id={ID}&token={token}")] {
        assert_eq!(victim.get(&cloud, &path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn answers_of_another_issuer_and_refusals_are_told() {
    let answer = |change: fn(&mut Vec<(String, String)>)| Lies { answer: Some(Arc::new(change)), ..Lies::default() };
    let seen = refused(answer(|answer| answer[2].1 = "https://evil.example".to_owned())).await;
    assert!(seen.status == 403 && seen.text.contains("another provider"), "{}", seen.text);
    let seen = refused(answer(|answer| drop(answer.pop()))).await;
    assert!(seen.status == 403 && seen.text.contains("another provider"), "it promises to name itself: {}", seen.text);
    let seen = refused(answer(|answer| {
        answer[0] = ("error".to_owned(), "access_denied".to_owned());
        answer.push(("error_description".to_owned(), "<b>not</b> today".to_owned()));
    }))
    .await;
    assert!(seen.text.contains("access_denied") && seen.text.contains("&lt;b&gt;not"), "{}", seen.text);
    let seen = refused(answer(|answer| answer[0].1 = "code-made-up".to_owned())).await;
    assert_eq!(seen.status, 502, "{}", seen.text);
    let seen = refused(answer(|answer| drop(answer.remove(0)))).await;
    assert_eq!(seen.status, 403, "{}", seen.text);
}

#[tokio::test]
async fn a_provider_that_is_down_or_another_than_it_says_is_a_page_and_no_redirection() {
    for change in [
        (|document: &mut Value| document["issuer"] = json!("https://evil.example")) as fn(&mut Value),
        |document| document["issuer"] = json!(format!("{}/", document["issuer"].as_str().unwrap())),
        |document| document["token_endpoint"] = json!("http://evil.example/token"),
        |document| document["authorization_endpoint"] = json!("javascript:alert(1)"),
        |document| *document = json!({}),
    ] {
        let (provider, cloud) = stage().await;
        provider.lie(Lies { discovery: Some(Arc::new(change)), ..Lies::default() });
        assert_eq!(start(&cloud).await.status, 502);
    }
    let cloud = Cloud::with("oidc: { issuer: 'http://127.0.0.1:1', client_id: x }").await;
    let seen = start(&cloud).await;
    assert!(seen.status == 502 && seen.text.contains("did not confirm"), "{}", seen.text);
}

async fn start(cloud: &Cloud) -> Seen {
    let mut browser = Browser::default();
    let page = browser.get(cloud, &format!("/auth/login?session_id={ID}")).await;
    let link = page.text.split_once("href=\"oidc?").unwrap().1.split_once('"').unwrap().0;
    browser.get(cloud, &format!("/auth/oidc?{}", link.replace("&amp;", "&"))).await
}

#[tokio::test]
async fn a_provider_does_not_speak_for_users_and_services_that_were_made_here() {
    let (provider, cloud) = stage().await;
    cloud.user("ann@example.com", &["readers"]).await;
    let seen = sign_in(&cloud, &mut Browser::default(), ID).await;
    assert!(seen.status == 403 && seen.text.contains("belongs to another"), "{}", seen.text);
    let clock = cube_sdk_core::Clock::system();
    cloud.store.create_key("ci-bot@example.com", &["admin".to_owned()], "", None, clock).await.unwrap();
    provider.lie(claims(|claims| claims["email"] = json!("CI-bot@example.com")));
    let seen = sign_in(&cloud, &mut Browser::default(), &format!("B{}", &ID[1..])).await;
    assert_eq!(seen.status, 403, "{}", seen.text);
    assert_eq!(cloud.store.list_keys(None).await.unwrap()[0].groups, ["admin"], "and changes none of their groups");
}

#[tokio::test]
async fn a_forged_host_does_not_change_where_the_provider_sends_browsers() {
    let (_provider, cloud) = stage().await;
    let there = go(&cloud, &mut Browser::default(), ID).await;
    let redirect = url::Url::parse(&there).unwrap();
    let redirect = redirect.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    assert_eq!(redirect, REDIRECT, "the tests ask by 127.0.0.1, and that stands nowhere");
}
