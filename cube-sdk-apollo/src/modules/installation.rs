//! What is installed, and the values it was given.

use std::fmt;

use cube_sdk_core::redact::{MaskedPlaceholders, is_placeholder, is_secret_name, is_secret_value, placeholder};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde_json::Value;

use crate::client::Answer;
use crate::graphql::scalars::Hidden;
use crate::graphql::wire;
use crate::ids::Rid;
use crate::resolve::Named;

/// An installed module.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModuleInstallation {
    /// The RID of the installation.
    pub rid: Rid,
    /// Its display name.
    pub display_name: Option<String>,
    /// `group:artifact:version`; empty when the reply did not tell.
    pub coordinate: String,
    /// The name of the state's type; the names are not published.
    pub state: Option<String>,
    /// Its variables; empty where the reply does not tell them.
    pub variables: Vec<ModuleVariable>,
}

/// How a variable's value is held.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum VariableKind {
    /// A text.
    Text,
    /// One of the module's options.
    Choice,
    /// A kind that this version does not know, by its type name: it can be shown, not written.
    Unknown(String),
}

/// A variable of a module. Its value may be a secret whatever its name: `Debug` and [`Self::shown`] mask by the rules.
#[derive(Clone)]
#[non_exhaustive]
pub struct ModuleVariable {
    /// The name.
    pub name: String,
    /// How the value is held.
    pub kind: VariableKind,
    value: Option<SecretString>,
}

impl ModuleVariable {
    fn from_wire(wire: wire::Variable) -> Option<Self> {
        let value = wire.variable_value.unwrap_or_default();
        let kind = match value.type_name.as_deref().unwrap_or_default() {
            "ApolloProductModuleVariableValue_StringValue" => VariableKind::Text,
            "ApolloProductModuleVariableValue_OptionValue" => VariableKind::Choice,
            other => VariableKind::Unknown(other.to_owned()),
        };
        Some(Self { name: wire.variable_name?, kind, value: value.value })
    }

    /// The value, secret or not; empty when none is set.
    pub fn expose(&self) -> &str {
        self.value.as_ref().map_or("", |value| value.expose_secret())
    }

    /// The value for people: a placeholder when name or value look secret.
    pub fn shown(&self) -> String {
        let value = self.expose();
        if is_secret_name(&self.name) || is_secret_value(value) {
            return placeholder(&Value::from(value));
        }
        value.to_owned()
    }
}

impl fmt::Debug for ModuleVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleVariable").field("name", &self.name).field("value", &self.shown()).finish_non_exhaustive()
    }
}

impl ModuleInstallation {
    pub(crate) fn from_wire(wire: wire::Module, answer: &Answer) -> Result<Self> {
        Ok(Self {
            rid: wire.rid.ok_or_else(|| answer.absent("/moduleInstallation/rid"))?.into(),
            display_name: wire.display_name,
            coordinate: wire.coordinate.unwrap_or_default(),
            state: wire.state.and_then(|state| state.type_name),
            variables: wire.variables.0.into_iter().filter_map(ModuleVariable::from_wire).collect(),
        })
    }
}

impl Named for ModuleInstallation {
    fn ids(&self) -> Vec<&str> {
        vec![self.rid.as_str()]
    }

    fn names(&self) -> Vec<&str> {
        [self.display_name.as_deref(), Some(self.coordinate.as_str())].into_iter().flatten().collect()
    }
}

/// A value on its way out.
#[derive(Clone)]
pub(crate) struct VariableInput {
    pub(crate) name: String,
    pub(crate) kind: VariableKind,
    pub(crate) value: SecretString,
}

impl VariableInput {
    pub(crate) fn text(name: impl Into<String>, value: SecretString) -> Self {
        Self { name: name.into(), kind: VariableKind::Text, value }
    }

    pub(crate) fn option(name: impl Into<String>, value: SecretString) -> Self {
        Self { name: name.into(), kind: VariableKind::Choice, value }
    }

    pub(crate) fn of(variable: &ModuleVariable) -> Result<Self> {
        if let VariableKind::Unknown(kind) = &variable.kind {
            let words = format!("variable `{}` has a value of the unknown kind `{kind}`", variable.name);
            return Err(Error::new(ErrorKind::Unsupported, words)
                .advice("the update replaces all variables and cannot keep this one: use Apollo's own console"));
        }
        let value = variable.value.clone().unwrap_or_default();
        Ok(Self { name: variable.name.clone(), kind: variable.kind.clone(), value })
    }
}

pub(super) fn refuse_masked(variables: &[VariableInput]) -> Result<()> {
    let masked: Vec<_> = variables
        .iter()
        .filter(|variable| is_placeholder(variable.value.expose_secret()))
        .map(|variable| variable.name.clone())
        .collect();
    if masked.is_empty() {
        return Ok(());
    }
    Err(MaskedPlaceholders::refuse(masked, "leave out variables that should keep their value"))
}

/// The one of the two fields that holds a value of this kind.
pub(super) fn held(kind: VariableKind, value: SecretString) -> (Option<Hidden>, Option<Hidden>) {
    match kind {
        VariableKind::Choice => (None, Some(Hidden(value))),
        _ => (Some(Hidden(value)), None),
    }
}
