//! Everything one world holds, shared by its connections.

mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::clock::Clock;
use super::fault::Faults;
use super::iam::Iam;
use super::identity::{Caller, Directory};
use super::kms::KmsKeys;
use super::mint::Mint;
use super::policy::{Access, Denial, Document, Guard, Question, decide};
use super::request_log::RequestLog;
use super::store::Store;
use super::traffic::Traffic;
use super::trail::Trail;

pub(crate) use settings::Settings;
pub use settings::WrongRegion;

/// One world.
pub(crate) struct State {
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) settings: Settings,
    pub(crate) kms: KmsKeys,
    pub(crate) guards: Mutex<BTreeMap<Guard, Arc<Document>>>,
    pub(crate) clock: Clock,
    pub(crate) mint: Mint,
    pub(crate) directory: Directory,
    pub(crate) iam: Iam,
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) trail: Trail,
    pub(crate) log: RequestLog,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) saving: Mutex<()>,
    pub(crate) seed: u64,
    pub(crate) boots: u64,
}

impl State {
    /// The condition keys that say who calls and when.
    pub(crate) fn context(&self, caller: &Caller) -> BTreeMap<String, String> {
        let now = self.clock.now();
        let mut keys = vec![
            ("aws:principalaccount", caller.account().to_owned()),
            ("aws:userid", caller.user_id()),
            ("aws:currenttime", now.to_string()),
            ("aws:epochtime", now.as_second().to_string()),
            ("aws:requestedregion", self.region.clone()),
            ("aws:resourceaccount", self.account_id.clone()),
            ("aws:securetransport", "false".to_owned()),
        ];
        match caller {
            Caller::User(user) => {
                keys.extend([
                    ("aws:principalarn", user.arn()),
                    ("aws:username", user.name.clone()),
                    ("aws:principaltype", "User".to_owned()),
                ]);
            }
            Caller::Session(session) => keys.extend([
                ("aws:principalarn", session.role_arn.clone()),
                ("aws:principaltype", "AssumedRole".to_owned()),
                ("aws:tokenissuetime", session.issued.to_string()),
            ]),
        }
        keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The caller's own policies as they are in force now: a session's are its role's, none once the role is gone.
    pub(crate) fn identity_policies(&self, caller: &Caller) -> Vec<Arc<Document>> {
        match caller {
            Caller::User(user) => vec![Arc::new(user.policy.clone())],
            Caller::Session(session) => {
                let roles = self.iam.settled();
                let role = roles.get(&session.role_name).filter(|role| role.id == session.role_id);
                role.map(|role| role.inline.values().cloned().collect()).unwrap_or_default()
            }
        }
    }

    pub(crate) fn session_policy<'a>(&self, caller: &'a Caller) -> Option<&'a Document> {
        match caller {
            Caller::User(_) => None,
            Caller::Session(session) => session.policy.as_ref(),
        }
    }

    /// Decides `action` on a resource of the customer's account, with the resource's own policy if it has one.
    pub(crate) fn permit(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        policy: Option<&Document>,
        extra: &[(&str, &str)],
    ) -> Result<(), Denial> {
        let mut context = self.context(caller);
        context.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let names = caller.principal_names();
        let question = Question { principal_names: &names, action, resource, context };
        let identity = self.identity_policies(caller);
        let identity: Vec<&Document> = identity.iter().map(AsRef::as_ref).collect();
        let same_account = caller.account() == self.account_id;
        let guards = self.guards_over(caller);
        let guards: Vec<(Guard, &Document)> = guards.iter().map(|(guard, document)| (*guard, &**document)).collect();
        let session = self.session_policy(caller);
        decide(&question, Access { identity: &identity, session, resource: policy, guards: &guards, same_account })
    }

    /// The guards of the account that concern a caller: resources are guarded from everyone, callers of other accounts
    /// have an organization of their own, and only roles have a boundary here.
    pub(crate) fn guards_over(&self, caller: &Caller) -> Vec<(Guard, Arc<Document>)> {
        let concerns = |guard: &Guard| match guard {
            Guard::ResourceControl | Guard::VpcEndpoint => true,
            Guard::ServiceControl => caller.account() == self.account_id,
            Guard::PermissionsBoundary => matches!(caller, Caller::Session(_)),
        };
        let all = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(guard, _)| concerns(guard)).map(|(guard, document)| (*guard, document.clone())).collect()
    }

    /// [`State::permit`] for what has no policy of its own.
    pub(crate) fn permit_account(&self, caller: &Caller, action: &str, resource: &str) -> Result<(), Denial> {
        self.permit(caller, action, resource, None, &[])
    }
}
