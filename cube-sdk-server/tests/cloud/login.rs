//! The browser login, driven by plain requests.

use cube_sdk_core::Clock;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};

use crate::support::{Cloud, PASSWORD, http};

pub const ID: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
pub const ID_LENGTH: usize = ID.len();

/// A browser that keeps one cookie.
#[derive(Default)]
pub struct Browser {
    pub cookie: Option<String>,
}

pub struct Seen {
    pub status: u16,
    pub text: String,
    pub location: Option<String>,
}

impl Browser {
    pub async fn get(&mut self, cloud: &Cloud, path: &str) -> Seen {
        self.send(http().get(format!("{}{path}", cloud.url))).await
    }

    pub async fn post(&mut self, cloud: &Cloud, path: &str, fields: &[(&str, &str)]) -> Seen {
        self.send(http().post(format!("{}{path}", cloud.url)).header("origin", &cloud.url).form(fields)).await
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder) -> Seen {
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let response = request.send().await.unwrap();
        if let Some(set) = response.headers().get(SET_COOKIE) {
            let set = set.to_str().unwrap();
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
            self.cookie = Some(set.split(';').next().unwrap().to_owned());
        }
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
        assert_eq!(
            (headers["x-frame-options"].as_bytes(), headers["cache-control"].as_bytes()),
            (&b"DENY"[..], &b"no-store"[..])
        );
        let location = headers.get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
        Seen { status: response.status().as_u16(), text: response.text().await.unwrap(), location }
    }

    /// Opens the page of a login and signs in.
    pub async fn sign_in(&mut self, cloud: &Cloud, id: &str, name: &str, password: &str) -> Seen {
        let page = self.get(cloud, &format!("/auth/login?session_id={id}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let token = token(&page.text);
        self.post(
            cloud,
            "/auth/login",
            &[("session_id", id), ("token", &token), ("username", name), ("password", password)],
        )
        .await
    }

    pub async fn decide(&mut self, cloud: &Cloud, id: &str, decision: &str) -> Seen {
        let page = self.get(cloud, &format!("/auth/confirm?session_id={id}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let token = token(&page.text);
        self.post(cloud, "/auth/confirm", &[("session_id", id), ("token", &token), ("decision", decision)]).await
    }
}

pub fn token(page: &str) -> String {
    let rest = page.split_once("name=\"token\" value=\"").unwrap().1;
    rest.split_once('"').unwrap().0.to_owned()
}

pub async fn poll(cloud: &Cloud, id: &str) -> (u16, Value) {
    let response = http()
        .get(format!("{}/auth/session/{id}", cloud.url))
        .header("user-agent", "python-httpx/0.28")
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn said(word: &str) -> Value {
    json!({ "status": word })
}

#[tokio::test]
async fn a_login_from_the_first_poll_to_a_key_that_works() {
    let cloud = Cloud::start().await;
    cloud.user("Ann@Example.com", &["unknown", "readers", "admin"]).await;
    assert_eq!(poll(&cloud, ID).await, (202, said("pending")), "nobody has opened the page");
    let mut browser = Browser::default();
    let seen = browser.sign_in(&cloud, ID, " ann@example.COM ", PASSWORD).await;
    assert_eq!((seen.status, seen.location.as_deref()), (303, Some(&*format!("confirm?session_id={ID}"))));
    let before = browser.get(&cloud, &format!("/auth/confirm?session_id={ID}")).await;
    assert!(before.text.contains("Nobody yet"), "{}", before.text);
    assert_eq!(poll(&cloud, ID).await, (202, said("pending")), "signed in is not allowed");
    let page = browser.get(&cloud, &format!("/auth/confirm?session_id={ID}")).await;
    for shown in ["ann@example.com", "reader", "python-httpx/0.28 at 127.0.0.1"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(!page.text.contains("<script") && !page.text.contains("http://") && !page.text.contains("https://"));
    assert_eq!(browser.decide(&cloud, ID, "allow").await.status, 200);

    let (status, ready) = poll(&cloud, ID).await;
    assert_eq!((status, &ready["status"]), (200, &json!("ready")));
    let key = ready["api_key"].as_str().unwrap().to_owned();
    assert_eq!(poll(&cloud, ID).await, (200, ready.clone()), "a reply may be lost: within 30 s it comes again");
    assert!(cloud.agent_call(&key, "app_list", json!({})).await.unwrap().contains("echo"));
    let listed = cloud.store.list_keys(Some("ann@example.com")).await.unwrap();
    assert_eq!(listed.len(), 1, "and it is one key");
    assert!(listed[0].expires_at.is_some() && key.starts_with(&listed[0].prefix));
    let again = browser.get(&cloud, &format!("/auth/login?session_id={ID}")).await;
    assert_eq!(again.status, 410, "a replayed id opens nothing");
}

#[tokio::test]
async fn many_polls_at_once_get_one_key() {
    let cloud = Cloud::start().await;
    cloud.user("ann", &["admin"]).await;
    let mut browser = Browser::default();
    browser.sign_in(&cloud, ID, "ann", PASSWORD).await;
    browser.decide(&cloud, ID, "allow").await;
    let polls = futures_util::future::join_all((0..16).map(|_| poll(&cloud, ID))).await;
    assert!(polls.iter().all(|reply| *reply == polls[0] && reply.0 == 200), "{polls:?}");
    assert_eq!(cloud.store.list_keys(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_denied_login_gives_nothing() {
    let cloud = Cloud::start().await;
    cloud.user("ann", &["admin"]).await;
    let mut browser = Browser::default();
    browser.sign_in(&cloud, ID, "ann", PASSWORD).await;
    browser.decide(&cloud, ID, "deny").await;
    assert_eq!(poll(&cloud, ID).await, (403, said("denied")));
    let page = browser.get(&cloud, &format!("/auth/login?session_id={ID}")).await;
    assert_eq!(page.status, 403);
    assert!(cloud.store.list_keys(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn somebody_without_a_profile_gets_a_page_that_says_so_and_no_key() {
    let cloud = Cloud::start().await;
    cloud.user("ann", &["nobody-knows"]).await;
    let seen = Browser::default().sign_in(&cloud, ID, "ann", PASSWORD).await;
    assert!(seen.status == 403 && seen.text.contains("none of your groups"), "{}", seen.text);
    assert_eq!(poll(&cloud, ID).await, (403, said("denied")));
}

#[tokio::test]
async fn forged_forms_are_refused() {
    let cloud = Cloud::start().await;
    cloud.user("ann", &["admin"]).await;
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    let page = browser.get(&cloud, &format!("/auth/login?session_id={ID}")).await;
    let theirs = token(&other.get(&cloud, &format!("/auth/login?session_id={ID}")).await.text);
    let mine = token(&page.text);
    let other_id = format!("B{}", &ID[1..]);
    for (id, token) in [(ID, ""), (ID, theirs.as_str()), (other_id.as_str(), mine.as_str()), (ID, &mine[1..])] {
        let form = [("session_id", id), ("token", token), ("username", "ann"), ("password", PASSWORD)];
        assert_eq!(browser.post(&cloud, "/auth/login", &form).await.status, 403, "{id} {token}");
    }
    // The right token, sent by a page of another origin.
    let form = [("session_id", ID), ("token", mine.as_str()), ("username", "ann"), ("password", PASSWORD)];
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let request = http().post(format!("{}/auth/login", cloud.url)).header(name, value).form(&form);
        assert_eq!(browser.send(request).await.status, 403, "{name}: {value}");
    }
    // A browser without the cookie.
    assert_eq!(Browser::default().post(&cloud, "/auth/login", &form).await.status, 403);
    assert_eq!(
        browser.post(&cloud, "/auth/login", &form).await.status,
        303,
        "and the same form is good from its own page"
    );
}

#[tokio::test]
async fn a_login_is_bound_to_the_browser_that_signed_in() {
    let cloud = Cloud::start().await;
    cloud.user("ann", &["admin"]).await;
    cloud.user("bob", &["admin"]).await;
    let (mut browser, mut thief) = (Browser::default(), Browser::default());
    thief.get(&cloud, &format!("/auth/login?session_id={ID}")).await;
    browser.cookie = thief.cookie.clone();
    browser.sign_in(&cloud, ID, "ann", PASSWORD).await;
    assert_ne!(browser.cookie, thief.cookie, "a cookie that was planted is not the one that is bound");
    assert_eq!(thief.get(&cloud, &format!("/auth/confirm?session_id={ID}")).await.status, 409);
    assert_eq!(thief.get(&cloud, &format!("/auth/login?session_id={ID}")).await.status, 409);
    let mut second = Browser::default();
    assert_eq!(second.get(&cloud, &format!("/auth/login?session_id={ID}")).await.status, 409);
    assert_eq!(browser.decide(&cloud, ID, "allow").await.status, 200);
}

#[tokio::test]
async fn wrong_passwords_are_told_and_slowed_but_the_user_is_not_locked_out() {
    let cloud = Cloud::with("trusted_proxies: [127.0.0.1]").await;
    cloud.user("ann", &["admin"]).await;
    let mut browser = Browser::default();
    let page = browser.get(&cloud, &format!("/auth/login?session_id={ID}")).await;
    let token = token(&page.text);
    let from = async |browser: &mut Browser, address: &str, name: &str, password: &str| {
        let form = [("session_id", ID), ("token", token.as_str()), ("username", name), ("password", password)];
        let request = http().post(format!("{}/auth/login", cloud.url)).header("x-forwarded-for", address).form(&form);
        browser.send(request).await
    };
    for name in ["ann", "ann", "nobody", "ann", "ann", "ann"] {
        let seen = from(&mut browser, "203.0.113.1", name, "wrong").await;
        assert!(seen.status == 403 && seen.text.contains("do not fit together"), "{}", seen.text);
        assert!(seen.text.contains("role=\"alert\""));
    }
    assert_eq!(from(&mut browser, "203.0.113.1", "ann", PASSWORD).await.status, 429, "also with the right one");
    assert_eq!(
        from(&mut browser, "1.1.1.1, 203.0.113.1", "ann", PASSWORD).await.status,
        429,
        "a forged hop does not help"
    );
    assert_eq!(from(&mut browser, "203.0.113.2", "ann", PASSWORD).await.status, 303, "the user elsewhere gets in");
}

#[tokio::test]
async fn ids_of_another_form_are_refused_and_nothing_is_stored_for_polls() {
    let cloud = Cloud::start().await;
    for bad in ["x", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", "..%2F..%2Fadmin"] {
        assert_eq!(Browser::default().get(&cloud, &format!("/auth/login?session_id={bad}")).await.status, 400, "{bad}");
        assert_eq!(poll(&cloud, bad).await, (400, said("invalid")), "{bad}");
    }
    assert_eq!(Browser::default().get(&cloud, "/auth/login").await.status, 400);
    // Polls are slowed at last, with a time to wait.
    let mut slowed = None;
    for _ in 0..400 {
        let response = http().get(format!("{}/auth/session/{ID}", cloud.url)).send().await.unwrap();
        if response.status() == 429 {
            slowed = Some(response.headers()["retry-after"].to_str().unwrap().to_owned());
            break;
        }
        assert_eq!(response.status(), 202);
    }
    assert!(slowed.is_none_or(|seconds| seconds.parse::<u64>().unwrap() >= 1));
}

#[tokio::test]
async fn what_users_type_is_shown_as_text() {
    let cloud = Cloud::start().await;
    let name = "<b>ann</b>";
    cloud.store.add_user(name, &["admin".to_owned()], PASSWORD.to_owned().into(), Clock::system()).await.unwrap();
    let mut browser = Browser::default();
    // It stands in the form again, so that only the password is typed anew.
    let again = browser.sign_in(&cloud, ID, " \"><b>x ", "wrong").await;
    assert!(again.text.contains("value=\"&quot;&gt;&lt;b&gt;x\"") && !again.text.contains("<b>x"), "{}", again.text);
    browser.sign_in(&cloud, ID, name, PASSWORD).await;
    http()
        .get(format!("{}/auth/session/{ID}", cloud.url))
        .header("user-agent", "<script>x</script>")
        .send()
        .await
        .unwrap();
    let page = browser.get(&cloud, &format!("/auth/confirm?session_id={ID}")).await;
    assert!(page.text.contains("&lt;b&gt;ann") && page.text.contains("&lt;script&gt;x"), "{}", page.text);
    assert!(!page.text.contains("<script>"));
}
