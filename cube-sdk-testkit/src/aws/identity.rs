//! Who calls: users with long-lived keys, and role sessions that expire.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::clock;
use super::policy::Document;

/// An access key of a user: the id is public, the secret signs.
#[derive(Clone)]
#[non_exhaustive]
pub struct AccessKey {
    /// `AKIA` and 16 characters.
    pub access_key_id: String,
    /// 40 characters.
    pub secret_access_key: SecretString,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// An IAM user of either account.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) key: AccessKey,
    pub(crate) policy: Document,
}

impl User {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.account, self.name)
    }
}

/// What AssumeRole handed out.
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret: SecretString,
    pub(crate) token: SecretString,
    pub(crate) account: String,
    pub(crate) role_name: String,
    pub(crate) role_arn: String,
    /// The role's unique id: a role made anew under the old name does not revive old sessions.
    pub(crate) role_id: String,
    pub(crate) name: String,
    pub(crate) policy: Option<Document>,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) ended: AtomicBool,
}

impl Session {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{}", self.account, self.role_name, self.name)
    }

    fn expired(&self, now: Timestamp) -> bool {
        now >= self.expires || self.ended.load(Ordering::Acquire)
    }
}

/// The caller of one request, its signature and token verified.
#[derive(Clone)]
pub(crate) enum Caller {
    User(Arc<User>),
    Session(Arc<Session>),
}

impl Caller {
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::User(user) => user.arn(),
            Self::Session(session) => session.arn(),
        }
    }

    pub(crate) fn account(&self) -> &str {
        match self {
            Self::User(user) => &user.account,
            Self::Session(session) => &session.account,
        }
    }

    /// `AIDA…` of a user, `AROA…:session` of a session.
    pub(crate) fn user_id(&self) -> String {
        match self {
            Self::User(user) => user.id.clone(),
            Self::Session(session) => format!("{}:{}", session.role_id, session.name),
        }
    }

    /// Everything a `Principal` may call this caller.
    pub(crate) fn principal_names(&self) -> Vec<String> {
        let account = self.account();
        let mut names = vec![self.arn(), format!("arn:aws:iam::{account}:root"), account.to_owned()];
        if let Self::Session(session) = self {
            names.push(session.role_arn.clone());
        }
        names
    }

    /// CloudTrail's `userIdentity` (CloudTrail user guide, userIdentity element).
    pub(crate) fn trail_identity(&self) -> Value {
        match self {
            Self::User(user) => json!({
                "type": "IAMUser",
                "principalId": user.id,
                "arn": user.arn(),
                "accountId": user.account,
                "accessKeyId": user.key.access_key_id,
                "userName": user.name,
            }),
            Self::Session(session) => json!({
                "type": "AssumedRole",
                "principalId": self.user_id(),
                "arn": session.arn(),
                "accountId": session.account,
                "accessKeyId": session.access_key_id,
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": session.role_id,
                        "arn": session.role_arn,
                        "accountId": session.account,
                        "userName": session.role_name,
                    },
                    "attributes": { "creationDate": clock::seconds(session.issued), "mfaAuthenticated": "false" },
                },
            }),
        }
    }
}

/// Why a key or token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// No such key, or a session's key without its token.
    UnknownKey,
    /// A token that does not belong to the key.
    WrongToken,
    /// The session is over.
    Expired,
}

/// Every key this world knows.
#[derive(Default)]
pub(crate) struct Directory {
    users: Vec<Arc<User>>,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

impl Directory {
    pub(crate) fn new(users: Vec<Arc<User>>) -> Self {
        Self { users, sessions: Mutex::default() }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, access_key_id: &str) -> Option<Caller> {
        let user = self.users.iter().find(|user| user.key.access_key_id == access_key_id);
        user.map(|user| Caller::User(user.clone()))
            .or_else(|| self.sessions().get(access_key_id).map(|session| Caller::Session(session.clone())))
    }

    /// Whose key this is, without any proof.
    pub(crate) fn owner(&self, access_key_id: &str) -> Option<Caller> {
        self.find(access_key_id)
    }

    /// The secret that signs for a key, living or expired.
    pub(crate) fn secret(&self, access_key_id: &str) -> Option<SecretString> {
        Some(match self.find(access_key_id)? {
            Caller::User(user) => user.key.secret_access_key.clone(),
            Caller::Session(session) => session.secret.clone(),
        })
    }

    /// Checks that `token` belongs to the key and is alive; the signature is checked elsewhere.
    pub(crate) fn admit(&self, access_key_id: &str, token: Option<&str>, now: Timestamp) -> Result<Caller, Rejected> {
        let caller = self.find(access_key_id).ok_or(Rejected::UnknownKey)?;
        match (&caller, token) {
            (Caller::User(_), None) => Ok(caller),
            (Caller::User(_), Some(_)) => Err(Rejected::WrongToken),
            (Caller::Session(_), None) => Err(Rejected::UnknownKey),
            (Caller::Session(session), Some(token)) if session.token.expose_secret() != token => {
                Err(Rejected::WrongToken)
            }
            (Caller::Session(session), Some(_)) if session.expired(now) => Err(Rejected::Expired),
            (Caller::Session(_), Some(_)) => Ok(caller),
        }
    }

    pub(crate) fn open(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        self.sessions().insert(session.access_key_id.clone(), session.clone());
        session
    }

    /// Ends every session that is open now: each answers `ExpiredToken` from here on.
    pub(crate) fn end_sessions(&self) {
        for session in self.sessions().values() {
            session.ended.store(true, Ordering::Release);
        }
    }
}
