//! What the cluster knows: apps, app sessions, and the authorities that sign.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use cube_sdk_core::{Error, ErrorKind, Result};

use super::authority::{Authority, Claims, Credential, KeyForm, Life};

/// What an app speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AppKind {
    /// Raw TCP.
    Tcp,
    /// HTTP/1.1.
    Http,
}

/// Whether an app can be reached.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum AppState {
    /// Its agent runs and the role allows it.
    #[default]
    Up,
    /// The role does not allow it.
    Denied,
    /// No agent serves it.
    AgentDown,
}

#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) kind: AppKind,
    pub(crate) upstream: SocketAddr,
    pub(crate) state: AppState,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) app: String,
    pub(crate) ends: SystemTime,
}

/// Why a request with a certificate is not passed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    NoRoute,
    BadSession,
    Expired,
    Denied,
    AgentDown,
}

/// A Teleport cluster. Cheap to clone; clones are the same cluster.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    authority: Authority,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    apps: HashMap<String, App>,
    sessions: HashMap<String, Session>,
}

impl Cluster {
    /// A cluster without apps, with authorities of its own.
    ///
    /// # Errors
    /// `Server` when the authorities cannot be made.
    pub fn new(name: &str) -> Result<Self> {
        let authority = Authority::new(name)?;
        Ok(Self(Arc::new(Inner { name: name.to_owned(), authority, tables: Mutex::default() })))
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The authorities.
    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers an app, or moves it to another upstream.
    pub fn add_app(&self, name: &str, kind: AppKind, upstream: SocketAddr) {
        self.tables().apps.insert(name.to_owned(), App { kind, upstream, state: AppState::Up });
    }

    /// Forgets an app; its sessions stay.
    pub fn remove_app(&self, name: &str) {
        self.tables().apps.remove(name);
    }

    /// Lets an app be reached or not.
    pub fn set_app(&self, name: &str, state: AppState) {
        if let Some(app) = self.tables().apps.get_mut(name) {
            app.state = state;
        }
    }

    /// Forgets all app sessions: certificates stay valid and route nowhere.
    pub fn drop_sessions(&self) {
        self.tables().sessions.clear();
    }

    /// Issues a credential for an app, with a session of its own, as one renewal of tbot does.
    ///
    /// # Errors
    /// `NotFound` for an app that is not registered.
    pub fn issue(&self, app: &str, form: KeyForm, life: Life) -> Result<Credential> {
        if !self.tables().apps.contains_key(app) {
            return Err(Error::new(ErrorKind::NotFound, format!("app \"{app}\" not found")));
        }
        let session = format!("{:032x}", fastrand::u128(..));
        let claims = Claims {
            user: "bot-cube".to_owned(),
            app: Some(app.to_owned()),
            session: Some(session.clone()),
            public_addr: Some(format!("{app}.{}", self.0.name)),
            cluster: self.0.name.clone(),
            kube_cluster: None,
        };
        let credential = self.0.authority.client(&claims, form, life)?;
        let entry = Session { user: claims.user, app: app.to_owned(), ends: life.ends() };
        self.tables().sessions.insert(session, entry);
        Ok(credential)
    }

    /// Issues a credential for a Kubernetes cluster.
    ///
    /// # Errors
    /// `Server` when it cannot be signed.
    pub fn issue_kube(&self, kube_cluster: Option<&str>, life: Life) -> Result<Credential> {
        let claims = Claims {
            user: "bot-cube".to_owned(),
            cluster: self.0.name.clone(),
            kube_cluster: kube_cluster.map(str::to_owned),
            ..Claims::default()
        };
        self.0.authority.client(&claims, KeyForm::default(), life)
    }

    /// Where a certificate leads: decided from the certificate alone.
    pub(crate) fn route(&self, claims: &Claims) -> Result<App, Refused> {
        let (Some(session), Some(app), Some(_)) = (&claims.session, &claims.app, &claims.public_addr) else {
            return Err(Refused::NoRoute);
        };
        let tables = self.tables();
        let session = tables.sessions.get(session).ok_or(Refused::BadSession)?;
        if session.user != claims.user || session.app != *app {
            return Err(Refused::BadSession);
        }
        if session.ends <= SystemTime::now() {
            return Err(Refused::Expired);
        }
        let app = tables.apps.get(app).ok_or(Refused::AgentDown)?;
        match app.state {
            AppState::Up => Ok(app.clone()),
            AppState::Denied => Err(Refused::Denied),
            AppState::AgentDown => Err(Refused::AgentDown),
        }
    }
}
