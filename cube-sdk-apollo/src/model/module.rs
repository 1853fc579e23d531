//! What is installed, and the values it was given.

use std::fmt;

use cube_sdk_core::redact::{MaskedPlaceholders, is_placeholder, is_secret_name, masked, placeholder};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::answer::Answer;
use crate::choice::Named;
use crate::graphql::scalars::Hidden;
use crate::graphql::wire;
use crate::ids::Rid;
use crate::model::DeployedEntity;

/// An installed module.
#[derive(Clone, Debug, Serialize)]
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
    /// Are these all of its variables?
    #[serde(skip)]
    pub(crate) is_whole: bool,
}

/// How a variable's value is held.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum VariableKind {
    /// A text.
    Text,
    /// One of the module's options.
    Choice,
    /// A kind that this version does not know, by its type name: it can be shown, not written.
    Unknown(String),
}

impl VariableKind {
    pub(crate) fn of(type_name: Option<&str>) -> Self {
        match type_name.unwrap_or_default() {
            "ApolloProductModuleVariableValue_StringValue" => Self::Text,
            "ApolloProductModuleVariableValue_OptionValue" => Self::Choice,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Is it one that is told, and that this version does not know?
    pub(crate) const fn is_odd(&self) -> bool {
        matches!(self, Self::Unknown(kind) if !kind.is_empty())
    }
}

/// A variable of a module. Its value may be a secret whatever its name: `Debug`, serde and [`Self::shown`] mask by the
/// rules.
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
        let kind = VariableKind::of(value.type_name.as_deref());
        Some(Self { name: wire.variable_name?, kind, value: value.value })
    }

    /// Has it a value? Without one it is left out of updates.
    pub const fn is_set(&self) -> bool {
        self.value.is_some()
    }

    /// The value, secret or not; empty when none is set.
    pub fn expose(&self) -> &str {
        self.value.as_ref().map_or("", |value| value.expose_secret())
    }

    /// The value for people: a placeholder when name or value look secret.
    pub fn shown(&self) -> String {
        let value = Value::from(self.expose());
        if is_secret_name(&self.name) {
            return placeholder(&value);
        }
        masked(&value).as_str().unwrap_or_default().to_owned()
    }
}

impl fmt::Debug for ModuleVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleVariable").field("name", &self.name).field("value", &self.shown()).finish_non_exhaustive()
    }
}

impl Serialize for ModuleVariable {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("ModuleVariable", 3)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("kind", &self.kind)?;
        fields.serialize_field("value", &self.is_set().then(|| self.shown()))?;
        fields.end()
    }
}

impl ModuleInstallation {
    pub(crate) fn from_wire(wire: wire::Module, answer: &Answer) -> Result<Self> {
        let told = wire.variables.unwrap_or(wire::List { items: Vec::new(), nulls: 1 });
        let all = told.items.len();
        let variables: Vec<_> = told.items.into_iter().filter_map(ModuleVariable::from_wire).collect();
        Ok(Self {
            rid: answer.need(wire.rid, "/moduleInstallation/rid")?.into(),
            display_name: wire.display_name,
            coordinate: wire.coordinate.unwrap_or_default(),
            state: wire.state.and_then(|state| state.type_name),
            is_whole: told.nulls == 0 && variables.len() == all,
            variables,
        })
    }

    /// Its variables as they are sent back: those without a value are left out.
    ///
    /// # Errors
    /// `Unsupported` for a value of a kind that this version does not know; `Decode` when the reply did not tell all.
    pub(crate) fn inputs(&self) -> Result<Vec<VariableInput>> {
        if !self.is_whole {
            return Err(Error::new(ErrorKind::Decode, "the reply does not tell all variables of the module")
                .with_target(self.coordinate.clone())
                .advice("writing replaces all of them and would lose the others: use Apollo's own console"));
        }
        self.variables.iter().filter_map(|variable| VariableInput::of(variable).transpose()).collect()
    }
}

impl Named for ModuleInstallation {
    fn ids(&self) -> Vec<&str> {
        vec![self.rid.as_str()]
    }

    fn names(&self) -> Vec<&str> {
        let named = [self.display_name.as_deref(), Some(self.coordinate.as_str())].into_iter().flatten();
        named.filter(|name| !name.is_empty()).collect()
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

    /// A variable as it was read; none when it has no value.
    fn of(variable: &ModuleVariable) -> Result<Option<Self>> {
        if let VariableKind::Unknown(kind) = &variable.kind {
            if kind.is_empty() && !variable.is_set() {
                return Ok(None);
            }
            let words = format!("variable `{}` has a value of the unknown kind `{kind}`", variable.name.escape_debug());
            return Err(Error::new(ErrorKind::Unsupported, words)
                .advice("the update replaces all variables and cannot keep this one: use Apollo's own console"));
        }
        let value = variable.value.clone();
        Ok(value.map(|value| Self { name: variable.name.clone(), kind: variable.kind.clone(), value }))
    }

    /// Name, and the one of the two fields that holds a value of this kind.
    pub(crate) fn into_fields(self) -> (String, Option<Hidden>, Option<Hidden>) {
        match self.kind {
            VariableKind::Choice => (self.name, None, Some(Hidden(self.value))),
            _ => (self.name, Some(Hidden(self.value)), None),
        }
    }
}

/// Refuses values copied from a masked display.
pub(crate) fn refuse_masked(variables: &[VariableInput]) -> Result<()> {
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

/// A module that was unlinked.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct UninstalledModule {
    /// The RID of the installation.
    pub rid: Rid,
    /// The name of the state's type.
    pub state: Option<String>,
    /// Entities that it had installed and that go on running.
    pub left_behind: Vec<DeployedEntity>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_shows_no_password_wherever_it_stands() {
        for value in ["jdbc:postgresql://u:hunter22@h/db", "a,redis://:hunter22@h", "x --password=hunter22"] {
            let variable =
                ModuleVariable { name: "url".into(), kind: VariableKind::of(None), value: Some(value.into()) };
            let told = format!("{variable:?} {}", variable.shown());
            assert!(!told.contains("hunter22"), "{told}");
        }
        let plain = ModuleVariable { name: "replicas".into(), kind: VariableKind::of(None), value: Some("3".into()) };
        assert_eq!(plain.shown(), "3");
    }
}
