//! Chart.yaml read as helm reads it: fields of other types are refused where helm refuses them.

use cube_sdk_core::{Error, Result, names::refused};
use serde_json::{Map, Value};

use super::{ChartName, ChartVersion};
use crate::entity_config::TopLevel;
use crate::publish::PublishFault;

/// What a chart says about itself, as far as publishing needs it.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) name: ChartName,
    pub(crate) version: ChartVersion,
    pub(crate) app_version: Option<String>,
    /// `apiVersion: v1`, or none at all, which helm takes for v1.
    pub(crate) is_v1: bool,
    pub(crate) dependencies: Vec<String>,
    pub(crate) has_dependencies_field: bool,
}

const TEXTS: [&str; 11] = [
    "name",
    "home",
    "version",
    "description",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "kubeVersion",
    "type",
];

impl Metadata {
    /// Reads the text of a Chart.yaml; `file` names it in errors.
    pub(crate) fn read(text: &str, file: &str) -> Result<Self> {
        Self::of(text, file).map_err(|error| error.with_target(file))
    }

    fn of(text: &str, file: &str) -> Result<Self> {
        let unreadable =
            |why: &str| PublishFault::Unreadable { file: file.to_owned() }.refuse(format!("it cannot be read: {why}"));
        let top = TopLevel::read(text).ok_or_else(|| unreadable("it is not one YAML document"))?;
        if let Some(key) = top.repeated_key() {
            return Err(PublishFault::RepeatedKey(key.to_owned())
                .refuse(format!("the key `{}` stands twice", key.escape_debug()))
                .advice("readers differ on which one holds: remove one"));
        }
        let Some(Value::Object(map)) = top.value() else {
            return Err(unreadable("its top level is not a mapping"));
        };
        let fields = Fields(&map);
        for name in TEXTS {
            fields.text(name)?;
        }
        fields.texts("sources")?;
        fields.texts("keywords")?;
        fields.flag("deprecated")?;
        fields.annotations()?;
        fields.maintainers()?;
        let dependencies = fields.dependencies()?;
        let api = fields.text("apiVersion")?.unwrap_or_default();
        if !matches!(api.as_str(), "" | "v1" | "v2") {
            return Err(bad("apiVersion", &api, "only v1 and v2 are known"));
        }
        let kind = fields.text("type")?.unwrap_or_default();
        if !matches!(kind.as_str(), "" | "application" | "library") {
            return Err(bad("type", &kind, "it must be application or library"));
        }
        Ok(Self {
            name: ChartName::parse(&fields.text("name")?.unwrap_or_default())?,
            version: ChartVersion::parse(&fields.text("version")?.unwrap_or_default())?,
            app_version: fields.text("appVersion")?.filter(|text| !text.is_empty()),
            is_v1: api != "v2",
            dependencies,
            has_dependencies_field: fields.get("dependencies").is_some(),
        })
    }
}

/// The names of the dependencies in a `requirements.yaml`, and whether it holds nothing else.
pub(crate) fn requirements(text: &str) -> Option<(Vec<String>, bool)> {
    let value = TopLevel::read(text)?.value()?;
    let map = match &value {
        Value::Null => return Some((Vec::new(), true)),
        Value::Object(map) => map,
        _ => return None,
    };
    Some((Fields(map).dependencies().ok()?, map.keys().all(|key| key == "dependencies")))
}

fn bad(field: &str, value: &str, why: &str) -> Error {
    refused(field, value, why).with_fault(PublishFault::BadField(field.to_owned()))
}

fn wrong(field: &str, wanted: &str) -> Error {
    PublishFault::BadField(field.to_owned()).refuse(format!("`{field}` must be {wanted}"))
}

/// A scalar as the text that helm makes of it: `1.10` without quotes is the number 1.1.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if number.is_f64() => float.to_string(),
            _ => number.to_string(),
        }),
        Value::Array(_) | Value::Object(_) => None,
    }
}

struct Fields<'m>(&'m Map<String, Value>);

impl Fields<'_> {
    /// helm matches keys whatever their case; the exact one first.
    fn get(&self, name: &str) -> Option<&Value> {
        let loose = || self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        self.0.get(name).or_else(loose).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        scalar(value).map(Some).ok_or_else(|| wrong(name, "a text"))
    }

    fn texts(&self, name: &str) -> Result<()> {
        match self.get(name) {
            None => Ok(()),
            Some(Value::Array(items)) if items.iter().all(|item| scalar(item).is_some()) => Ok(()),
            Some(_) => Err(wrong(name, "a list of texts")),
        }
    }

    fn flag(&self, name: &str) -> Result<()> {
        match self.get(name) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    fn annotations(&self) -> Result<()> {
        match self.get("annotations") {
            None => Ok(()),
            Some(Value::Object(map)) if map.values().all(|value| scalar(value).is_some()) => Ok(()),
            Some(_) => Err(wrong("annotations", "a mapping of texts")),
        }
    }

    /// The mappings of a list; an empty node in it is refused.
    fn mappings(&self, name: &str) -> Result<Vec<Fields<'_>>> {
        let items = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong(name, "a list of mappings")),
        };
        let fields = items.iter().map(|item| item.as_object().map(Fields));
        fields.collect::<Option<_>>().ok_or_else(|| wrong(name, "a list of mappings, none of them empty"))
    }

    fn maintainers(&self) -> Result<()> {
        for maintainer in self.mappings("maintainers")? {
            for name in ["name", "email", "url"] {
                maintainer.text(name)?;
            }
        }
        Ok(())
    }

    fn dependencies(&self) -> Result<Vec<String>> {
        let (mut names, mut keys) = (Vec::new(), Vec::new());
        for dependency in self.mappings("dependencies")? {
            for name in ["version", "repository", "condition"] {
                dependency.text(name)?;
            }
            dependency.texts("tags")?;
            dependency.flag("enabled")?;
            if dependency.get("import-values").is_some_and(|value| !value.is_array()) {
                return Err(wrong("import-values", "a list"));
            }
            let name = dependency.text("name")?.unwrap_or_default();
            let alias = dependency.text("alias")?.filter(|alias| !alias.is_empty());
            if let Some(alias) = &alias
                && !alias.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            {
                return Err(bad("alias", alias, "it may hold letters, digits, `_` and `-` only"));
            }
            let key = alias.unwrap_or_else(|| name.clone());
            if keys.contains(&key) {
                return Err(bad("dependencies", &key, "two dependencies have this name or alias")
                    .advice("give each an alias of its own"));
            }
            keys.push(key);
            names.push(name);
        }
        Ok(names)
    }
}
