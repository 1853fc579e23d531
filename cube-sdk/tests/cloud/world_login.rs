//! A login at the real page: a person signs in, compares the letters and allows it.

use std::sync::Mutex;

use cube_sdk::auth::{LoginFault, LoginPage};
use cube_sdk::core::config::Environment;
use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk::prelude::*;
use cube_sdk_server::local::World;

/// Goes through the page by its forms, as a browser without scripts.
struct Person {
    http: reqwest::Client,
    cookie: Mutex<String>,
    base: String,
}

impl Person {
    fn new(base: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, cookie: Mutex::default(), base: base.to_owned() }
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> String {
        let cookie = self.cookie.lock().unwrap().clone();
        let response = request.header("cookie", cookie).header("origin", &self.base).send().await.unwrap();
        if let Some(set) = response.headers().get("set-cookie") {
            *self.cookie.lock().unwrap() = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        response.text().await.unwrap()
    }

    async fn submit(&self, page: &str, id: &str, html: &str, fields: &[(&str, &str)]) -> String {
        let token = html.split("name=\"token\" value=\"").nth(1).unwrap_or_else(|| panic!("no form: {html}"));
        let token = token.split('"').next().unwrap();
        let mut form = vec![("session_id", id), ("token", token)];
        form.extend_from_slice(fields);
        self.ask(self.http.post(format!("{}/auth/{page}", self.base)).form(&form)).await
    }

    async fn decide(&self, page: &LoginPage, user: &str, password: &str, decision: &str) {
        let url = page.url().clone();
        let id = url.query().unwrap().strip_prefix("session_id=").unwrap().to_owned();
        let html = self.ask(self.http.get(url)).await;
        self.submit("login", &id, &html, &[("username", user), ("password", password)]).await;
        let html = self.ask(self.http.get(format!("{}/auth/confirm?session_id={id}", self.base))).await;
        assert!(html.contains(page.code()), "the page shows other letters than the program: {html}");
        self.submit("confirm", &id, &html, &[("decision", decision)]).await;
    }
}

#[tokio::test]
async fn a_person_signs_in_and_the_key_works() {
    for (decision, fault) in [("allow", None), ("deny", Some(LoginFault::Denied))] {
        let world = World::start().await.unwrap();
        let card = world.card().cloud.clone();
        let environment = Environment::from_pairs([
            ("CUBE_CLOUD_URL", card.url.as_str()),
            ("CUBE_AGENT_CONFIG_DIR", card.config_dir.as_str()),
        ]);
        let auth = Cube::builder().environment(environment).build().auth().unwrap();
        let show = move |page: &LoginPage| {
            let page = page.clone();
            tokio::spawn(async move {
                Person::new(&card.url).decide(&page, &card.user, card.password.expose_secret(), decision).await;
            });
        };
        let outcome = auth.login(show).await;
        assert_eq!(outcome.as_ref().err().and_then(|error| error.login_fault()), fault, "{outcome:?}");
        assert_eq!(auth.status().await.unwrap().is_connected(), fault.is_none());
    }
}
