//! Roles of the customer's account, and the delay with which changes to them are seen.

mod actions;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cube_sdk_core::clock::{NEVER, later};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::mint::Mint;
use super::policy::{Document, Kind, Malformed};

pub(crate) use actions::handle;

/// A role as IAM stores it.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Timestamp,
    pub(crate) description: Option<String>,
    /// Seconds; 3600 unless CreateRole said otherwise.
    pub(crate) max_session: u32,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) trust: Arc<Document>,
    pub(crate) inline: BTreeMap<String, Arc<Document>>,
}

pub(crate) type Roles = BTreeMap<String, Role>;

/// Every role, with the changes that have not settled yet.
#[derive(Debug)]
pub(crate) struct Iam {
    /// Snapshots in the order of their effect; the last is what IAM's own reads answer.
    history: Mutex<Vec<(Instant, Arc<Roles>)>>,
    delay: RangeInclusive<Duration>,
}

impl Iam {
    pub(crate) fn new(delay: RangeInclusive<Duration>) -> Self {
        Self { history: Mutex::new(vec![(Instant::now(), Arc::default())]), delay }
    }

    fn history(&self) -> MutexGuard<'_, Vec<(Instant, Arc<Roles>)>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What IAM's own calls see: always the newest.
    pub(crate) fn latest(&self) -> Arc<Roles> {
        self.history().last().map(|(_, roles)| roles.clone()).unwrap_or_default()
    }

    /// What STS and S3 see now.
    pub(crate) fn settled(&self) -> Arc<Roles> {
        let now = Instant::now();
        let mut history = self.history();
        let effective = history.iter().rposition(|(at, _)| *at <= now).unwrap_or(0);
        history.drain(..effective);
        history.first().map(|(_, roles)| roles.clone()).unwrap_or_default()
    }

    /// Applies one change; it settles after a delay drawn from the range, never before an earlier change.
    pub(crate) fn change<T, E>(&self, mint: &Mint, edit: impl FnOnce(&mut Roles) -> Result<T, E>) -> Result<T, E> {
        let (low, high) = (*self.delay.start(), *self.delay.end());
        let delay = low.saturating_add(high.saturating_sub(low).min(NEVER).mul_f64(mint.fraction()));
        self.commit(delay, edit)
    }

    /// Applies one change at once.
    pub(crate) fn change_now<T, E>(&self, edit: impl FnOnce(&mut Roles) -> Result<T, E>) -> Result<T, E> {
        self.commit(Duration::ZERO, edit)
    }

    fn commit<T, E>(&self, delay: Duration, edit: impl FnOnce(&mut Roles) -> Result<T, E>) -> Result<T, E> {
        let mut history = self.history();
        let (last, newest) =
            history.last().map(|(at, roles)| (*at, roles.clone())).unwrap_or((Instant::now(), Arc::default()));
        let mut roles = Roles::clone(&newest);
        let done = edit(&mut roles)?;
        history.push(((later(Instant::now(), delay)).max(last), Arc::new(roles)));
        Ok(done)
    }
}

/// A role in the state file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredRole {
    name: String,
    path: String,
    id: String,
    arn: String,
    created: Timestamp,
    description: Option<String>,
    max_session: u32,
    tags: Vec<(String, String)>,
    trust: String,
    inline: BTreeMap<String, String>,
}

impl From<&Role> for StoredRole {
    fn from(role: &Role) -> Self {
        Self {
            name: role.name.clone(),
            path: role.path.clone(),
            id: role.id.clone(),
            arn: role.arn.clone(),
            created: role.created,
            description: role.description.clone(),
            max_session: role.max_session,
            tags: role.tags.clone(),
            trust: role.trust.text.clone(),
            inline: role.inline.iter().map(|(name, document)| (name.clone(), document.text.clone())).collect(),
        }
    }
}

impl TryFrom<StoredRole> for Role {
    type Error = Malformed;

    fn try_from(stored: StoredRole) -> Result<Self, Malformed> {
        let inline = stored
            .inline
            .into_iter()
            .map(|(name, text)| Document::parse(&text, Kind::Identity).map(|document| (name, Arc::new(document))));
        Ok(Self {
            inline: inline.collect::<Result<_, _>>()?,
            trust: Arc::new(Document::parse(&stored.trust, Kind::Trust)?),
            name: stored.name,
            path: stored.path,
            id: stored.id,
            arn: stored.arn,
            created: stored.created,
            description: stored.description,
            max_session: stored.max_session,
            tags: stored.tags,
        })
    }
}
