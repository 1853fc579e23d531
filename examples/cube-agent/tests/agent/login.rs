//! A login at the real page, walked through by its forms.

use std::sync::Mutex;

use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk_server::local::World;
use serde_json::json;

use crate::host::{Host, variables};

pub(crate) struct Person {
    http: reqwest::Client,
    cookie: Mutex<String>,
    base: String,
    name: String,
    password: String,
}

impl Person {
    /// The world's own user, in a browser without cookies.
    pub(crate) fn of(world: &World) -> Self {
        let card = &world.card().cloud;
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let password = card.password.expose_secret().to_owned();
        Self { http, cookie: Mutex::default(), base: card.url.clone(), name: card.user.clone(), password }
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> String {
        let cookie = self.cookie.lock().unwrap().clone();
        let response = request.header("cookie", cookie).header("origin", &self.base).send().await.unwrap();
        if let Some(set) = response.headers().get("set-cookie") {
            *self.cookie.lock().unwrap() = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        response.text().await.unwrap()
    }

    async fn submit(&self, page: &str, id: &str, html: &str, fields: &[(&str, &str)]) {
        let token = html.split("name=\"token\" value=\"").nth(1).unwrap_or_else(|| panic!("no form: {html}"));
        let token = token.split('"').next().unwrap();
        let mut form = vec![("session_id", id), ("token", token)];
        form.extend_from_slice(fields);
        self.ask(self.http.post(format!("{}/auth/{page}", self.base)).form(&form)).await;
    }

    /// Signs in at the page and allows the agent; the page that showed its letters.
    pub(crate) async fn sign_in(&self, url: &str) -> String {
        let session = url.split_once("session_id=").unwrap().1;
        let html = self.ask(self.http.get(url)).await;
        self.submit("login", session, &html, &[("username", &self.name), ("password", &self.password)]).await;
        let html = self.ask(self.http.get(format!("{}/auth/confirm?session_id={session}", self.base))).await;
        self.submit("confirm", session, &html, &[("decision", "allow")]).await;
        html
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_the_page_that_progress_tells() {
    let world = World::start().await.unwrap();
    let mut environment = variables(&world);
    environment.retain(|(name, _)| name != "CUBE_API_KEY");
    let mut host = Host::start(&environment, &[]);
    let id = host.begin_watched("agent_login_browser", json!({}));
    let said = host.progress(id)["message"].as_str().unwrap().to_owned();
    let url = said.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
    let code = said.split_whitespace().last().unwrap();

    let html = Person::of(&world).sign_in(&url).await;
    assert!(html.contains(code), "the page shows other letters than the agent: {html}");

    let answer = host.answer(id);
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let (status, said) = host.done("agent_status", json!({}));
    assert_eq!(status["connected"], true, "{said}");
}
