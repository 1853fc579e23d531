//! Somebody at the login page: fills in its forms, as a browser without scripts does.

use anyhow::Context as _;
use bytes::Bytes;
use cube_sdk::auth::LoginPage;
use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk::core::transport::{HttpClient, Transport as _};
use cube_sdk_server::local::CloudCard;
use http::header::{CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use http::{Method, Request};

/// The longest page that is read, in bytes.
const LONGEST: usize = 1 << 20;

pub(crate) struct Person<'a> {
    card: &'a CloudCard,
    browser: HttpClient,
    cookie: String,
}

impl<'a> Person<'a> {
    pub(crate) fn new(card: &'a CloudCard) -> anyhow::Result<Self> {
        Ok(Self { card, browser: HttpClient::builder().build(), cookie: String::new() })
    }

    /// Signs in, compares the letters, allows it.
    pub(crate) async fn sign_in(&mut self, page: &LoginPage) -> anyhow::Result<()> {
        let id = page.url().query_pairs().find(|(name, _)| name == "session_id");
        let id = id.context("the page belongs to no session")?.1.into_owned();
        let form = self.get(page.url().as_str()).await?;
        let card = self.card;
        let fields = [("username", card.user.as_str()), ("password", card.password.expose_secret())];
        self.submit("login", &id, &form, &fields).await?;
        let question = self.get(&format!("{}/auth/confirm?session_id={id}", card.url)).await?;
        anyhow::ensure!(question.contains(page.code()), "the page shows other letters than the program");
        self.submit("confirm", &id, &question, &[("decision", "allow")]).await
    }

    async fn get(&mut self, url: &str) -> anyhow::Result<String> {
        self.ask(Request::get(url), Bytes::new()).await
    }

    async fn submit(&mut self, form: &str, id: &str, page: &str, fields: &[(&str, &str)]) -> anyhow::Result<()> {
        let token = page.split_once("name=\"token\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (token, _) = token.context("the page has no form")?;
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("session_id", id).append_pair("token", token).extend_pairs(fields);
        let request = Request::builder().method(Method::POST).uri(format!("{}/auth/{form}", self.card.url));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request, body.finish().into()).await.map(drop)
    }

    async fn ask(&mut self, request: http::request::Builder, body: Bytes) -> anyhow::Result<String> {
        let request = request.header(ORIGIN, &self.card.url).header(COOKIE, &self.cookie).body(body)?;
        let answer = self.browser.send(request).await?;
        if let Some(cookie) = answer.headers().get(SET_COOKIE) {
            self.cookie = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
        }
        let page = answer.into_body().collect(LONGEST, std::time::Duration::from_secs(10)).await?;
        Ok(String::from_utf8(page.to_vec())?)
    }
}
