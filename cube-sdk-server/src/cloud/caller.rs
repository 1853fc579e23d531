//! Who calls.

use http::{HeaderMap, StatusCode};

use super::app::App;
use super::profiles::Caller;
use crate::bearer::bearer;
use crate::refusal::Refusal;

/// Who calls, by the key in `Authorization` and by nothing else; a cookie is no proof.
pub(crate) async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let key = bearer(headers).ok_or_else(Refusal::unauthenticated)?;
    match app.keys.caller(&key).await {
        Ok(caller) => caller.ok_or_else(Refusal::unauthenticated),
        Err(error) => {
            tracing::error!(%error, "a key could not be looked up");
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the key could not be looked up: try again"))
        }
    }
}
