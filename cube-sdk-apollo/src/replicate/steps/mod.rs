//! The kinds of steps. Each is one file; a new kind is a file and its line in the list below.

mod create_environment;
mod create_secret;
mod install_entity;
mod install_module;
mod write_config;

use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::Result;
use cube_sdk_core::awaitable::Boxed;
use serde::{Deserialize, Serialize};

pub use create_environment::CreateEnvironment;
pub use create_secret::CreateSecret;
pub use install_entity::InstallEntity;
pub use install_module::InstallModule;
pub use write_config::WriteConfig;

use super::context::Context;
use super::record::Noted;
use crate::ids::Rid;

/// What stands on the target where a step puts its own.
pub(super) enum Seen {
    /// Nothing.
    Nothing,
    /// What the step makes, as it makes it.
    Same(Option<Rid>),
    /// Something else; what.
    Other(String),
}

/// A step whose values are at hand.
pub(super) enum Ready {
    /// Nothing but the mutation is left.
    Send(Parcel),
    /// It cannot be sent yet; why.
    Pending(String),
}

/// The one mutation of a step.
pub(super) struct Parcel {
    /// SHA-256 of the config in it.
    pub(super) config: Option<String>,
    pub(super) send: Box<dyn FnOnce() -> Boxed<Result<Sent>> + Send>,
}

impl Ready {
    fn sending<F>(config: Option<String>, send: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Sent>> + Send + 'static,
    {
        Self::Send(Parcel { config, send: Box::new(move || Box::pin(send())) })
    }
}

/// What sending a step came to.
pub(super) enum Sent {
    /// It is done; what it made.
    Done(Option<Rid>),
    /// It waits for a change request.
    Opened(Rid),
}

/// What a kind of step does.
#[async_trait]
pub(super) trait Carry: fmt::Display + Sync {
    /// What identifies it in a journal.
    fn key(&self) -> String;

    /// The entity that its change request is about; none when it opens none.
    fn subject(&self) -> Option<&str> {
        None
    }

    /// Looks at the target. `noted` is there when the step may have been sent.
    async fn look(&self, at: &Context, noted: Option<&Noted>) -> Result<Seen>;

    /// Reads what the step needs, before it is noted.
    async fn ready(&self, at: &Context) -> Result<Ready>;

    /// Is what the step made there for the steps that follow? None while not; else SHA-256 of the config that it began
    /// with.
    async fn settled(&self, _: &Context) -> Result<Option<Option<String>>> {
        Ok(Some(None))
    }

    /// May what is there already be taken for the step's, though it was not sent?
    fn may_stand(&self) -> bool {
        false
    }
}

macro_rules! steps {
    ($($(#[$doc:meta])* $kind:ident,)+) => {
        /// One step. It holds names only: values are read from the source, or asked of the secret source, when it runs.
        #[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
        #[serde(tag = "do", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Step {
            $($(#[$doc])* $kind($kind),)+
        }

        impl Step {
            /// Steps of one phase are sent together before any is waited for; phases are in the order of the kinds.
            pub(super) fn phase(&self) -> usize {
                let kinds: &[fn(&Self) -> bool] = &[$(|step| matches!(step, Self::$kind(_)),)+];
                kinds.iter().position(|is| is(self)).unwrap_or_default()
            }

            pub(super) fn kind(&self) -> &dyn Carry {
                match self {
                    $(Self::$kind(step) => step,)+
                }
            }
        }

        $(
            impl From<$kind> for Step {
                fn from(step: $kind) -> Self {
                    Self::$kind(step)
                }
            }
        )+
    };
}

steps! {
    /// Creates the target.
    CreateEnvironment,
    /// Installs a module with the source's variables.
    InstallModule,
    /// Installs an entity.
    InstallEntity,
    /// Writes the source entity's config.
    WriteConfig,
    /// Creates a secret with values of the secret source.
    CreateSecret,
}

impl Step {
    /// What identifies it in a journal.
    pub fn key(&self) -> String {
        self.kind().key()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.kind(), f)
    }
}
