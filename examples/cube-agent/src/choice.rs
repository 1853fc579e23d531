//! Which tools are offered.

use cube_sdk::{Error, ErrorKind, Result};
use globset::{Glob, GlobSet, GlobSetBuilder};

/// Which tools are offered: those that only read, those whose names fit a pattern.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    read_only: bool,
    names: Option<GlobSet>,
}

impl Choice {
    /// Only tools that change nothing where `read_only`; only those that fit one of the patterns where there are any.
    ///
    /// ```
    /// let choice = cube_agent::Choice::new(false, &["app_*".to_owned(), "agent_status".to_owned()])?;
    /// assert!(choice.allows("app_proxy", false) && !choice.allows("agent_login", false));
    /// # Ok::<(), cube_sdk::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` for a pattern that is none.
    pub fn new(read_only: bool, patterns: &[String]) -> Result<Self> {
        let refused = |cause: globset::Error| {
            Error::new(ErrorKind::InvalidInput, format!("--tools: {cause}")).advice("give a pattern such as app_*")
        };
        let mut names = GlobSetBuilder::new();
        for pattern in patterns {
            names.add(Glob::new(pattern).map_err(refused)?);
        }
        let names = if patterns.is_empty() { None } else { Some(names.build().map_err(refused)?) };
        Ok(Self { read_only, names })
    }

    /// May this tool be listed and called?
    pub fn allows(&self, name: &str, reads_only: bool) -> bool {
        (reads_only || !self.read_only) && self.names.as_ref().is_none_or(|names| names.is_match(name))
    }

    /// Why a tool is not offered.
    pub(crate) fn refusal(&self, name: &str) -> Error {
        let (why, next) = if self.allows(name, true) {
            ("it may change something, and this agent was started with --read-only", "start it without --read-only")
        } else {
            ("its name fits no pattern of --tools", "start the agent with a pattern that fits it")
        };
        Error::new(ErrorKind::PermissionDenied, format!("{name} is not offered: {why}")).advice(next)
    }
}
