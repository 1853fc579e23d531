//! Browser logins: opened by a browser, signed in, allowed or denied there, and used once by the client that waits.

use std::time::Duration;

use cube_sdk_core::{Error, ErrorKind, Result};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::super::{Store, Time, failing};
use super::{Hash, NewKey};

/// How long an ended session is still known, so that whoever holds its id learns what became of it.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// How far a login has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SessionState {
    /// A browser has opened its page.
    Opened,
    /// Somebody has signed in, in one browser, and is asked.
    SignedIn,
    /// They allowed it: the next poll gets a key.
    Allowed,
    /// They did not, or may not.
    Denied,
    /// The key was handed out.
    Used,
}

impl SessionState {
    const ALL: [Self; 5] = [Self::Opened, Self::SignedIn, Self::Allowed, Self::Denied, Self::Used];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::SignedIn => "signed_in",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Used => "used",
        }
    }

    /// The state of this word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    pub(crate) state: SessionState,
    pub(crate) expires_at: Time,
    pub(crate) user: Option<String>,
    pub(crate) profile: Option<String>,
    /// The SHA-256 of the cookie of the browser that signed in.
    pub(crate) browser: Option<Vec<u8>>,
    /// Who waits: the address and the program of the last poll since the page was opened.
    pub(crate) poll_address: Option<String>,
    pub(crate) poll_program: Option<String>,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) sealed_until: Option<Time>,
}

impl FromRow<'_, SqliteRow> for SessionRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let word: String = row.try_get("state")?;
        let state = SessionState::of(&word);
        Ok(Self {
            state: state.ok_or_else(|| sqlx::Error::Decode(format!("unknown state `{word}`").into()))?,
            expires_at: row.try_get("expires_at")?,
            user: row.try_get("user")?,
            profile: row.try_get("profile")?,
            browser: row.try_get("browser")?,
            poll_address: row.try_get("poll_address")?,
            poll_program: row.try_get("poll_program")?,
            sealed: row.try_get("sealed")?,
            sealed_until: row.try_get("sealed_until")?,
        })
    }
}

const READ: &str = "SELECT state, expires_at, user, profile, browser, poll_address, poll_program, sealed, sealed_until
    FROM cloud_sessions WHERE id_hash = ?";

/// What a ready poll comes to.
#[derive(Debug)]
pub(crate) enum Redeemed {
    /// The given key was stored and goes out.
    Minted,
    /// It went out before; here it is again, sealed.
    Again(Vec<u8>),
    /// It went out before.
    Used,
    /// Not ready: allowed by nobody, or too late.
    NotReady,
}

impl Store {
    /// Notes that a browser opened the page of a login; one that is known stays as it is. Forgets what ended long ago.
    pub(crate) async fn open_cloud_session(&self, id: &Hash, now: Time, expires_at: Time) -> Result<()> {
        let doing = failing("opening a login");
        sqlx::query("DELETE FROM cloud_sessions WHERE expires_at < ?")
            .bind(Time::from(now.0.saturating_sub(REMEMBERED)))
            .execute(&self.writer)
            .await
            .map_err(&doing)?;
        sqlx::query(
            "INSERT INTO cloud_sessions (id_hash, state, opened_at, expires_at) VALUES (?, 'opened', ?, ?)
             ON CONFLICT (id_hash) DO NOTHING",
        )
        .bind(id.as_slice())
        .bind(now)
        .bind(expires_at)
        .execute(&self.writer)
        .await
        .map_err(&doing)?;
        Ok(())
    }

    pub(crate) async fn cloud_session(&self, id: &Hash) -> Result<Option<SessionRow>> {
        sqlx::query_as(READ).bind(id.as_slice()).fetch_optional(&self.reader).await.map_err(failing("reading a login"))
    }

    /// Notes who waits for a login that is under way.
    pub(crate) async fn note_cloud_poll(&self, id: &Hash, address: &str, program: &str, now: Time) -> Result<()> {
        sqlx::query(
            "UPDATE cloud_sessions SET poll_address = ?, poll_program = ?, polled_at = ?
             WHERE id_hash = ? AND state IN ('opened', 'signed_in')",
        )
        .bind(address)
        .bind(program)
        .bind(now)
        .bind(id.as_slice())
        .execute(&self.writer)
        .await
        .map_err(failing("noting who waits for a login"))?;
        Ok(())
    }

    /// Binds a login to whom signed in and to their browser; false when another was faster, or it has ended.
    pub(crate) async fn sign_in_cloud_session(
        &self,
        id: &Hash,
        user: &str,
        profile: &str,
        browser: &Hash,
        now: Time,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE cloud_sessions SET state = 'signed_in', user = ?, profile = ?, browser = ?
             WHERE id_hash = ? AND state = 'opened' AND expires_at > ?",
        )
        .bind(user)
        .bind(profile)
        .bind(browser.as_slice())
        .bind(id.as_slice())
        .bind(now)
        .execute(&self.writer)
        .await
        .map_err(failing("signing in"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Allows or denies a login, in the browser that signed in; false when it is another's, decided already, or ended.
    pub(crate) async fn decide_cloud_session(&self, id: &Hash, browser: &Hash, allow: bool, now: Time) -> Result<bool> {
        let state = if allow { SessionState::Allowed } else { SessionState::Denied };
        let done = sqlx::query(
            "UPDATE cloud_sessions SET state = ? WHERE id_hash = ? AND browser = ? AND state = 'signed_in'
             AND expires_at > ?",
        )
        .bind(state.word())
        .bind(id.as_slice())
        .bind(browser.as_slice())
        .bind(now)
        .execute(&self.writer)
        .await
        .map_err(failing("deciding a login"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a login that nobody may have.
    pub(crate) async fn deny_cloud_session(&self, id: &Hash) -> Result<()> {
        sqlx::query("UPDATE cloud_sessions SET state = 'denied' WHERE id_hash = ? AND state = 'opened'")
            .bind(id.as_slice())
            .execute(&self.writer)
            .await
            .map_err(failing("denying a login"))?;
        Ok(())
    }

    /// Hands a key out for a login that was allowed: stores it and marks the login used, both or neither.
    pub(crate) async fn redeem_cloud_session(
        &self,
        id: &Hash,
        key: &NewKey,
        sealed: &[u8],
        sealed_until: Time,
        now: Time,
    ) -> Result<Redeemed> {
        let doing = failing("handing out a key");
        let mut transaction = self.immediate().await.map_err(&doing)?;
        let row: Option<SessionRow> =
            sqlx::query_as(READ).bind(id.as_slice()).fetch_optional(&mut *transaction).await.map_err(&doing)?;
        let Some(row) = row else { return Ok(Redeemed::NotReady) };
        match row.state {
            SessionState::Used => {
                let again = row.sealed.filter(|_| row.sealed_until.is_some_and(|end| now < end));
                return Ok(again.map_or(Redeemed::Used, Redeemed::Again));
            }
            SessionState::Allowed if now < row.expires_at => {}
            _ => return Ok(Redeemed::NotReady),
        }
        if row.user.as_deref() != Some(key.owner.as_str()) {
            return Err(Error::new(ErrorKind::Conflict, "the login changed hands"));
        }
        key.insert(&mut transaction, now).await.map_err(&doing)?;
        sqlx::query("UPDATE cloud_sessions SET state = 'used', sealed = ?, sealed_until = ? WHERE id_hash = ?")
            .bind(sealed)
            .bind(sealed_until)
            .bind(id.as_slice())
            .execute(&mut *transaction)
            .await
            .map_err(&doing)?;
        transaction.commit().await.map_err(&doing)?;
        Ok(Redeemed::Minted)
    }

    /// Forgets the sealed keys whose time is over.
    pub(crate) async fn forget_sealed_keys(&self, now: Time) -> Result<()> {
        sqlx::query("UPDATE cloud_sessions SET sealed = NULL WHERE sealed IS NOT NULL AND sealed_until <= ?")
            .bind(now)
            .execute(&self.writer)
            .await
            .map_err(failing("forgetting keys that were handed out"))?;
        Ok(())
    }
}
