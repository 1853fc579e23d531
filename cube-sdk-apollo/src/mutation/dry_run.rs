//! A mutation as data, for those who look before they leap.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::graphql::Request;

/// A mutation as it would be sent: nothing of it has been.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let secret = apollo.secrets("cube-7").create("mosquitto", "tls").key("cert", "…pem…".to_owned().into());
/// let shown = secret.dry_run().await?;
/// assert_eq!(shown.operation, "apollo.create_secrets");
/// assert_eq!(shown.target.as_deref(), Some("cube-7/mosquitto/tls"));
/// assert_eq!(shown.variables["secrets"][0]["keys"][0]["value"], "<hidden, 5 chars>");
/// println!("{shown}");
/// assert!(world.executions().is_empty());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DryRun {
    /// The operation, such as `apollo.uninstall_entity`.
    pub operation: String,
    /// What it is about: the names as Apollo has them.
    pub target: Option<String>,
    /// The variables, with secrets masked.
    pub variables: Value,
    /// Requests that follow when this one succeeds. What they take from its result is not known yet.
    pub followed_by: Vec<Self>,
}

impl DryRun {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            operation: request.operation.to_string(),
            target: request.target().map(str::to_owned),
            variables: request.shown(),
            followed_by: Vec::new(),
        }
    }
}

/// One line for each request.
impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(target) = &self.target {
            write!(f, " on {}", target.escape_debug())?;
        }
        write!(f, ": {}", self.variables)?;
        self.followed_by.iter().try_for_each(|next| write!(f, "\nthen {next}"))
    }
}
