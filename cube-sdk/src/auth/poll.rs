//! One poll of a login: what the answer means.

use std::time::{Duration, SystemTime};

use cube_sdk_core::engine::{Classify, Reply};
use cube_sdk_core::error::retry_after_of;
use cube_sdk_core::{Error, Operation, Result, SecretString};
use http::StatusCode;
use serde::Deserialize;

use super::LoginFault;

/// Every answer is looked at here, whatever its status.
#[derive(Debug)]
pub(super) struct AnyAnswer;

impl Classify for AnyAnswer {
    fn classify(&self, _: Operation, _: &Reply) -> Result<()> {
        Ok(())
    }
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    status: String,
    api_key: Option<SecretString>,
}

/// What a poll brought.
pub(super) enum Polled {
    Ready(SecretString),
    /// To be asked again, no sooner than the server wants; what it said if it was not `pending`.
    Wait {
        asked: Option<Duration>,
        instead: Option<Error>,
    },
    Over(LoginFault),
}

impl Polled {
    /// A word of the service ends the login only together with its own status: any other answer may come from something
    /// between, and means to ask again, as with every published client.
    pub(super) fn read(reply: &Reply) -> Self {
        let said: Option<Said> = serde_json::from_slice(&reply.body).ok();
        let word = said.as_ref().map(|said| said.status.as_str()).unwrap_or_default();
        let asked = retry_after_of(&reply.headers, SystemTime::now());
        match (reply.status, word) {
            (StatusCode::OK, "ready") => match said.and_then(|said| said.api_key) {
                Some(key) => Self::Ready(key),
                None => Self::Wait { asked, instead: Some(reply.refusal()) },
            },
            (StatusCode::NOT_FOUND, "expired") => Self::Over(LoginFault::Expired),
            (StatusCode::FORBIDDEN, "denied") => Self::Over(LoginFault::Denied),
            (StatusCode::GONE, "used") => Self::Over(LoginFault::Used),
            (status, "pending") if status.is_success() => Self::Wait { asked, instead: None },
            _ => Self::Wait { asked, instead: Some(reply.refusal()) },
        }
    }
}
