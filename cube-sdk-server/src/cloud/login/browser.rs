//! One browser: its cookie, and the tokens of the forms that it was given.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cube_sdk_core::Result;
use cube_sdk_core::secret::{ExposeSecret, SecretString};
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};

use super::session_id::SessionId;
use crate::cloud::api_keys::hash;
use crate::cloud::app::App;
use crate::random;
use crate::store::cloud::Hash;

/// `__Host-` binds a cookie to this host and to TLS, so that no neighbouring host can set it.
const SECURE: &str = "__Host-cube_login";
/// Over plain HTTP, as on loopback, browsers take no such cookie.
const PLAIN: &str = "cube_login";
/// Seconds that a login may take.
const AGE: u32 = 600;

/// Who asks for a page.
pub(crate) struct Visitor {
    pub(crate) address: IpAddr,
    pub(crate) program: String,
    /// False for a request that a page of another origin made.
    pub(crate) same_origin: bool,
    secure: bool,
    cookie: Option<SecretString>,
}

/// The cookie of a browser.
pub(crate) struct Browser {
    cookie: SecretString,
    secure: bool,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> std::result::Result<Self, Self::Rejection> {
        let secure = app.settings.url.scheme() == "https";
        let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let site =
            text(HeaderName::from_static("sec-fetch-site")).is_none_or(|site| ["same-origin", "none"].contains(&site));
        let origin = text(header::ORIGIN).is_none_or(|origin| {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some() && authority == text(header::HOST)
        });
        let program = text(header::USER_AGENT).unwrap_or("an unnamed program");
        Ok(Self {
            address: app.address(parts),
            program: program.chars().filter(|c| !c.is_control()).take(120).collect(),
            same_origin: site && origin,
            secure,
            cookie: cookie(parts, if secure { SECURE } else { PLAIN }),
        })
    }
}

/// The one cookie of this name that has the form that we give it; two of one name are none.
fn cookie(parts: &Parts, name: &str) -> Option<SecretString> {
    let lines = parts.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut found = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    });
    let value = found.next().filter(|value| random::is_url_safe(value))?;
    found.next().is_none().then(|| SecretString::from(value.to_owned()))
}

impl Visitor {
    /// The browser that came, if it came before.
    pub(crate) fn browser(&self) -> Option<Browser> {
        self.cookie.clone().map(|cookie| Browser { cookie, secure: self.secure })
    }

    /// A browser that is new from now on.
    pub(crate) fn fresh(&self) -> Result<Browser> {
        Ok(Browser { cookie: random::url_safe()?, secure: self.secure })
    }
}

impl Browser {
    /// What a login is bound to.
    pub(crate) fn hash(&self) -> Hash {
        hash(self.cookie.expose_secret())
    }

    /// The header that gives the cookie.
    pub(crate) fn set_cookie(&self) -> Option<HeaderValue> {
        let (name, secure) = if self.secure { (SECURE, "; Secure") } else { (PLAIN, "") };
        let cookie = self.cookie.expose_secret();
        let text = format!("{name}={cookie}; Path=/; Max-Age={AGE}; HttpOnly; SameSite=Lax{secure}");
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A token for one form of one login: whoever does not know the cookie cannot make it.
    pub(crate) fn form_token(&self, form: &str, id: &SessionId) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key(), Self::message(form, id).as_bytes()))
    }

    pub(crate) fn made(&self, token: &str, form: &str, id: &SessionId) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(token) else { return false };
        hmac::verify(&self.key(), Self::message(form, id).as_bytes(), &tag).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.cookie.expose_secret().as_bytes())
    }

    fn message(form: &str, id: &SessionId) -> String {
        format!("{form} {}", id.expose())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_is_good_for_one_browser_form_and_login() {
        let id = |text: &str| SessionId::new(text).unwrap();
        let (one, other) = (id(&"A".repeat(43)), id(&format!("B{}", "A".repeat(42))));
        let browser = || Browser { cookie: random::url_safe().unwrap(), secure: true };
        let (mine, theirs) = (browser(), browser());
        let token = mine.form_token("login", &one);
        assert!(mine.made(&token, "login", &one));
        assert!(!theirs.made(&token, "login", &one));
        assert!(!mine.made(&token, "confirm", &one));
        assert!(!mine.made(&token, "login", &other));
        assert!(!mine.made("", "login", &one) && !mine.made("!", "login", &one));
    }

    #[test]
    fn a_cookie_that_is_not_ours_alone_is_none() {
        let read = |line: &str| {
            let (parts, ()) = http::Request::get("/").header(header::COOKIE, line).body(()).unwrap().into_parts();
            cookie(&parts, SECURE).is_some()
        };
        let good = "A".repeat(43);
        assert!(read(&format!("a=b; {SECURE}={good}")));
        assert!(!read(&format!("{SECURE}={good}; {SECURE}={good}")), "somebody else has set one");
        assert!(!read(&format!("{PLAIN}={good}")), "anyone could set that one");
        assert!(!read(&format!("{SECURE}=short")));
    }
}
