//! A login at the real page, walked through by its forms.

use std::sync::Mutex;

use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk_server::local::World;
use serde_json::json;

use crate::host::{Host, variables};

struct Person {
    http: reqwest::Client,
    cookie: Mutex<String>,
    base: String,
}

impl Person {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_the_page_that_progress_tells() {
    let world = World::start().await.unwrap();
    let card = &world.card().cloud;
    let mut environment = variables(&world);
    environment.retain(|(name, _)| name != "CUBE_API_KEY");
    let mut host = Host::start(&environment, &[]);
    let id = host.begin_watched("agent_login_browser", json!({}));
    let said = host.progress(id)["message"].as_str().unwrap().to_owned();
    let url = said.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
    let code = said.split_whitespace().last().unwrap();

    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let person = Person { http, cookie: Mutex::default(), base: card.url.clone() };
    let session = url.split_once("session_id=").unwrap().1;
    let html = person.ask(person.http.get(&url)).await;
    let fields = [("username", card.user.as_str()), ("password", card.password.expose_secret())];
    person.submit("login", session, &html, &fields).await;
    let html = person.ask(person.http.get(format!("{}/auth/confirm?session_id={session}", card.url))).await;
    assert!(html.contains(code), "the page shows other letters than the agent: {html}");
    person.submit("confirm", session, &html, &[("decision", "allow")]).await;

    let answer = host.answer(id);
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let (status, said) = host.done("agent_status", json!({}));
    assert_eq!(status["connected"], true, "{said}");
}
