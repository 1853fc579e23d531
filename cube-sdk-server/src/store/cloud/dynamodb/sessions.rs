//! Browser logins, and sign-ins at a provider.

use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use cube_sdk_core::{Error, ErrorKind, Result};

use super::item::{Attributes, ID, broken, bytes, id_of, text, time, ttl};
use super::{DynamoStore, carried_out, failed};
use crate::store::Time;
#[cfg(feature = "oidc")]
use crate::store::cloud::NewSignIn;
use crate::store::cloud::{Hash, NewKey, Redeemed, SessionRow, SessionState};

/// How long an ended login is still known.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);
const HANDING_OUT: &str = "handing out a key";

impl DynamoStore {
    /// A change of a login that is in this state.
    fn change(&self, id: &Hash, from: SessionState) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.sessions)
            .key(ID, id_of("login", id))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":from", text(from.word()))
    }

    pub(super) async fn open(&self, id: &Hash, now: Time, expires_at: Time) -> Result<()> {
        let new = self
            .client
            .put_item()
            .table_name(&self.sessions)
            .item(ID, id_of("login", id))
            .item("state", text(SessionState::Opened.word()))
            .item("opened_at", time(now))
            .item("expires_at", time(expires_at))
            .item("ttl", ttl(expires_at.0.saturating_add(REMEMBERED)))
            .condition_expression("attribute_not_exists(#hash)")
            .expression_attribute_names("#hash", ID);
        carried_out("opening a login", new.send().await).map(drop)
    }

    pub(super) async fn session(&self, id: &Hash) -> Result<Option<SessionRow>> {
        let Some(item) = self.get(&self.sessions, id_of("login", id), "reading a login").await? else {
            return Ok(None);
        };
        Ok(Some(SessionRow {
            state: SessionState::of(&item.text("state")?).ok_or_else(|| broken("state"))?,
            expires_at: item.time("expires_at")?,
            user: item.maybe_text("user"),
            profile: item.maybe_text("profile"),
            browser: item.maybe_bytes("browser"),
            poll_address: item.maybe_text("poll_address"),
            poll_program: item.maybe_text("poll_program"),
            sealed: item.maybe_bytes("sealed"),
            sealed_until: item.maybe_time("sealed_until"),
        }))
    }

    pub(super) async fn note_poll(&self, id: &Hash, address: &str, program: &str, now: Time) -> Result<()> {
        let note = self
            .change(id, SessionState::Opened)
            .update_expression("SET poll_address = :address, poll_program = :program, polled_at = :now")
            .condition_expression("#state = :from OR #state = :or")
            .expression_attribute_values(":or", text(SessionState::SignedIn.word()))
            .expression_attribute_values(":address", text(address))
            .expression_attribute_values(":program", text(program))
            .expression_attribute_values(":now", time(now));
        carried_out("noting who waits for a login", note.send().await).map(drop)
    }

    pub(super) async fn sign_in(
        &self,
        id: &Hash,
        user: &str,
        profile: &str,
        browser: &Hash,
        now: Time,
    ) -> Result<bool> {
        let change = self
            .change(id, SessionState::Opened)
            .update_expression("SET #state = :to, #user = :user, profile = :profile, browser = :browser")
            .condition_expression("#state = :from AND expires_at > :now")
            .expression_attribute_names("#user", "user")
            .expression_attribute_values(":to", text(SessionState::SignedIn.word()))
            .expression_attribute_values(":user", text(user))
            .expression_attribute_values(":profile", text(profile))
            .expression_attribute_values(":browser", bytes(browser))
            .expression_attribute_values(":now", time(now));
        Ok(carried_out("signing in", change.send().await)?.is_some())
    }

    pub(super) async fn decide(&self, id: &Hash, browser: &Hash, allow: bool, now: Time) -> Result<bool> {
        let to = if allow { SessionState::Allowed } else { SessionState::Denied };
        let change = self
            .change(id, SessionState::SignedIn)
            .update_expression("SET #state = :to")
            .condition_expression("#state = :from AND browser = :browser AND expires_at > :now")
            .expression_attribute_values(":to", text(to.word()))
            .expression_attribute_values(":browser", bytes(browser))
            .expression_attribute_values(":now", time(now));
        Ok(carried_out("deciding a login", change.send().await)?.is_some())
    }

    pub(super) async fn deny(&self, id: &Hash) -> Result<()> {
        let change = self
            .change(id, SessionState::Opened)
            .update_expression("SET #state = :to")
            .condition_expression("#state = :from")
            .expression_attribute_values(":to", text(SessionState::Denied.word()));
        carried_out("denying a login", change.send().await).map(drop)
    }

    pub(super) async fn redeem(
        &self,
        id: &Hash,
        key: &NewKey,
        sealed: &[u8],
        sealed_until: Time,
        now: Time,
    ) -> Result<Redeemed> {
        let used = Update::builder()
            .table_name(&self.sessions)
            .key(ID, id_of("login", id))
            .update_expression("SET #state = :to, sealed = :sealed, sealed_until = :until")
            .condition_expression("#state = :from AND #user = :user AND expires_at > :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#user", "user")
            .expression_attribute_values(":from", text(SessionState::Allowed.word()))
            .expression_attribute_values(":to", text(SessionState::Used.word()))
            .expression_attribute_values(":user", text(&key.owner))
            .expression_attribute_values(":sealed", bytes(sealed))
            .expression_attribute_values(":until", time(sealed_until))
            .expression_attribute_values(":now", time(now))
            .build()
            .map_err(|cause| Error::new(ErrorKind::Io, HANDING_OUT).cause(cause))?;
        let mut writes = vec![TransactWriteItem::builder().update(used).build()];
        writes.extend(self.writes_of(key, now)?);
        let done = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        match done {
            Ok(_) => {
                let mut handed_out = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
                handed_out.push((*id, sealed_until));
                Ok(Redeemed::Minted)
            }
            // Another was faster, or is at it; or it never was ready.
            Err(cause) if cause.code() == Some("TransactionCanceledException") => self.redeemed(id, now, cause).await,
            Err(cause) => Err(failed(HANDING_OUT, cause)),
        }
    }

    /// What became of a login that could not be redeemed.
    async fn redeemed<E>(&self, id: &Hash, now: Time, cause: aws_sdk_dynamodb::error::SdkError<E>) -> Result<Redeemed>
    where
        E: std::error::Error + aws_sdk_dynamodb::error::ProvideErrorMetadata + Send + Sync + 'static,
    {
        let Some(row) = self.session(id).await? else { return Ok(Redeemed::NotReady) };
        match row.state {
            SessionState::Used => {
                let again = row.sealed.filter(|_| row.sealed_until.is_some_and(|end| now < end));
                Ok(again.map_or(Redeemed::Used, Redeemed::Again))
            }
            // Two transactions met, and neither was carried out: the client asks again.
            SessionState::Allowed if now < row.expires_at => Err(failed(HANDING_OUT, cause)),
            _ => Ok(Redeemed::NotReady),
        }
    }

    pub(super) async fn forget_sealed(&self, now: Time) -> Result<()> {
        let due: Vec<_> = {
            let mut handed_out = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
            handed_out.extract_if(.., |(_, until)| *until <= now).collect()
        };
        for (id, _) in due {
            let change = self
                .change(&id, SessionState::Used)
                .update_expression("REMOVE sealed")
                .condition_expression("#state = :from");
            carried_out("forgetting keys that were handed out", change.send().await)?;
        }
        Ok(())
    }

    #[cfg(feature = "oidc")]
    pub(super) async fn begin_sign_in(&self, new: &NewSignIn) -> Result<()> {
        let put = self
            .client
            .put_item()
            .table_name(&self.sessions)
            .item(ID, id_of("sign-in", &new.state))
            .item("browser", bytes(&new.browser))
            .item("sealed", bytes(&new.sealed))
            .item("expires_at", time(new.expires_at))
            .item("ttl", ttl(new.expires_at.0));
        put.send().await.map(drop).map_err(|cause| failed("beginning a sign-in", cause))
    }

    #[cfg(feature = "oidc")]
    pub(super) async fn end_sign_in(&self, state: &Hash, browser: &Hash, now: Time) -> Result<Option<Vec<u8>>> {
        let taken = self
            .client
            .delete_item()
            .table_name(&self.sessions)
            .key(ID, id_of("sign-in", state))
            .condition_expression("browser = :browser AND expires_at > :now")
            .expression_attribute_values(":browser", bytes(browser))
            .expression_attribute_values(":now", time(now))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld);
        let taken = carried_out("ending a sign-in", taken.send().await)?;
        Ok(taken.and_then(|taken| taken.attributes).and_then(|item| item.maybe_bytes("sealed")))
    }
}
