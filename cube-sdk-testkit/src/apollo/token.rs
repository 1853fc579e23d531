//! OAuth2 client credentials: opaque tokens that end.

use std::collections::HashMap;
use std::time::Duration;

use cube_sdk_core::clock::later;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{CLIENT_ID, CLIENT_SECRET};

pub(crate) struct Tokens {
    pub(crate) lifetime: u64,
    pub(crate) issued: usize,
    live: HashMap<String, Instant>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { lifetime: 3_600, issued: 0, live: HashMap::new() }
    }
}

impl Tokens {
    /// Answers a form of the token endpoint: status and body.
    pub(crate) fn grant(&mut self, form: &[u8]) -> (u16, Value) {
        let fields: HashMap<_, _> = url::form_urlencoded::parse(form).into_owned().collect();
        let has = |name: &str, value: &str| fields.get(name).is_some_and(|given| given == value);
        if !has("grant_type", "client_credentials") {
            return (400, json!({"error": "unsupported_grant_type"}));
        }
        if !has("client_id", CLIENT_ID) || !has("client_secret", CLIENT_SECRET) {
            return (401, json!({"error": "invalid_client"}));
        }
        let token = self.issue();
        (200, json!({"access_token": token, "token_type": "bearer", "expires_in": self.lifetime}))
    }

    pub(crate) fn issue(&mut self) -> String {
        self.issued += 1;
        let token = format!("token-{:04}-of-the-apollo-double", self.issued);
        self.live.insert(token.clone(), later(Instant::now(), Duration::from_secs(self.lifetime)));
        token
    }

    pub(crate) fn accepts(&self, authorization: Option<&str>) -> bool {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        token.and_then(|token| self.live.get(token)).is_some_and(|end| Instant::now() < *end)
    }

    pub(crate) fn revoke(&mut self) {
        self.live.clear();
    }
}
