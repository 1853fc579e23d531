//! Where what the target has already is not as in the source: it is left as it is, and named.

use std::collections::BTreeMap;

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};

use super::contents::{Contents, Held};
use super::plan::ReplicationPlan;
use crate::entities::Declared;
use crate::entity_config::is_blank;
use crate::graphql::wire;
use crate::ids::EntityId;
use crate::mode::Mode;
use crate::model::{Entity, Environment};

/// An entity of the source that no step installs.
pub(super) struct Standing {
    pub(super) name: String,
    pub(super) id: Option<EntityId>,
    pub(super) product: Option<String>,
    /// A module brings it: only a config of its own is compared.
    pub(super) managed: bool,
}

impl Standing {
    /// None for one that a step is to install.
    pub(super) fn of(name: &str, entity: &wire::Entity, there: &Contents) -> Option<Self> {
        let managed = entity.installed_by.is_some();
        (managed || there.entities.contains_key(name)).then(|| Self {
            name: name.to_owned(),
            id: entity.id.clone().map(EntityId::from),
            product: entity.product.as_ref().and_then(|product| product.product_id.clone()),
            managed,
        })
    }
}

impl ReplicationPlan {
    pub(super) fn stands(&mut self, entity: &Standing) {
        let named = format!("entity {}", entity.name);
        if entity.managed { self.by_modules.push(named) } else { self.existing.push(named) }
    }

    /// Accreditation and roles of a target that is there.
    pub(super) fn compare_environments(&mut self, from: Held<'_>, to: Held<'_>) {
        match (&from.has.accreditation, &to.has.accreditation) {
            (Some(ours), Some(theirs)) if ours == theirs => {}
            (Some(ours), Some(theirs)) => {
                self.lacks(format!("accreditation {ours}"), format!("the target has {theirs}"))
            }
            _ => self.lacks("accreditation", NOT_TOLD),
        }
        let (ours, theirs) = (from.environment, to.environment);
        if !ours.teams_are_known || !theirs.teams_are_known {
            self.lacks("roles", NOT_TOLD);
        }
        let missing: Vec<_> = ours.teams.iter().filter(|team| !theirs.teams.contains(team)).cloned().collect();
        if !missing.is_empty() {
            self.lacks(format!("roles of {}", missing.join(", ")), ROLES);
        }
    }

    /// The variables of a module that both have. The source's own id stands for the target's.
    pub(super) fn compare_module(&mut self, coordinate: &str, ours: &wire::Module, from: Held<'_>, to: Held<'_>) {
        let all = to.has.modules.iter().flat_map(|modules| &modules.items);
        let mut theirs = all.filter(|module| module.coordinate.as_deref() == Some(coordinate));
        let what = format!("variables of module {coordinate}");
        let (Some(theirs), None) = (theirs.next(), theirs.next()) else {
            return self
                .lacks(what, "the target has several installations of it, or does not tell them: compare by hand");
        };
        let (Some(mut ours), Some(theirs)) = (values(ours), values(theirs)) else {
            return self.lacks(what, NOT_TOLD);
        };
        for value in ours.values_mut() {
            if value.1 == from.environment.id.as_str() {
                value.1 = to.environment.id.as_str();
            }
        }
        let mut differ: Vec<_> = ours.iter().filter(|(name, value)| theirs.get(*name) != Some(value)).collect();
        differ.extend(theirs.iter().filter(|(name, _)| !ours.contains_key(*name)));
        if !differ.is_empty() {
            let names: Vec<_> = differ.into_iter().map(|(name, _)| *name).collect();
            self.lacks(
                format!("variables {} of module {coordinate}", names.join(", ")),
                "the target's installation has other values: compare them and use modules().update",
            );
        }
    }

    /// Product, release channel and config of entities that no step installs.
    pub(super) async fn compare_entities(
        &mut self,
        mode: &Mode,
        standing: Vec<Standing>,
        from: &Environment,
        to: Option<Held<'_>>,
    ) -> Result<()> {
        for ours in standing {
            let theirs = to.and_then(|to| Some((to, to.entity(&ours.name)?)));
            let name = &ours.name;
            let Some(id) = &ours.id else {
                self.lacks(format!("config of {name}"), "Apollo tells no id of the entity");
                continue;
            };
            if let Some((_, theirs)) = theirs.filter(|_| !ours.managed) {
                let product = theirs.product.as_ref().and_then(|product| product.product_id.as_deref());
                if ours.product.is_none() || ours.product.as_deref() != product {
                    let ours = ours.product.as_deref().unwrap_or("(not told)");
                    let why = format!("the target has it of {}", product.unwrap_or("an unknown product"));
                    self.lacks(format!("product {ours} of {name}"), why);
                }
            }
            let Some(own) = self.told(name, mode.declared(from, &Entity::by_id(id.clone())).await)? else { continue };
            let other = match theirs {
                Some((to, theirs)) => {
                    let Some(id) = theirs.id.clone() else {
                        self.lacks(format!("config of {name}"), "the target tells no id of the entity");
                        continue;
                    };
                    let read = mode.declared(to.environment, &Entity::by_id(id.into())).await;
                    let Some(other) = self.told(name, read)? else { continue };
                    Some(other)
                }
                None => None,
            };
            self.compare_declared(&ours, &own, other.as_ref());
        }
        Ok(())
    }

    fn compare_declared(&mut self, ours: &Standing, own: &Declared, other: Option<&Declared>) {
        let name = &ours.name;
        let (texts, theirs) = (written(&own.config), other.map(|other| written(&other.config)).unwrap_or_default());
        match other {
            Some(other) if !ours.managed && own.release_channel != other.release_channel => {
                let told = |channel: &Option<String>| channel.clone().unwrap_or_else(|| "(none)".into());
                let why = format!("the target's follows {}", told(&other.release_channel));
                self.lacks(format!("release channel {} of {name}", told(&own.release_channel)), why);
            }
            _ => {}
        }
        if texts == theirs {
            return;
        }
        let why = match (ours.managed, other) {
            (true, None) => "it has config of its own beside its module's: write it once the module has brought it",
            _ => "the target's entity has another config, or none: compare them and use update_config",
        };
        self.lacks(format!("config of {name}"), why);
    }

    /// What cannot be read is named.
    fn told(&mut self, name: &str, read: Result<Declared>) -> Result<Option<Declared>> {
        match read {
            Err(error) if matches!(error.kind(), ErrorKind::Decode | ErrorKind::NotFound) && is_apollos(&error) => {
                self.lacks(format!("config of {name}"), NOT_TOLD);
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

pub(super) const ROLES: &str = "Apollo has no call that gives teams their roles: do it in its own console";
const NOT_TOLD: &str = "the reply does not tell it: make the plan again";

fn is_apollos(error: &Error) -> bool {
    error.status().is_none_or(|status| status == http::StatusCode::OK)
}

/// The texts that say something.
fn written(texts: &[SecretString]) -> Vec<&str> {
    texts.iter().filter(|text| !is_blank(text)).map(|text| text.expose_secret()).collect()
}

/// The variables that have a value: kind and value by name; none where they are not told.
fn values(module: &wire::Module) -> Option<BTreeMap<&str, (&str, &str)>> {
    let variables = module.variables.as_ref().filter(|variables| variables.nulls == 0)?;
    let mut values = BTreeMap::new();
    for variable in &variables.items {
        let name = variable.variable_name.as_deref()?;
        if let Some(value) = &variable.variable_value {
            let kind = value.type_name.as_deref().unwrap_or_default();
            match &value.value {
                Some(text) => values.insert(name, (kind, text.expose_secret())),
                // Of a kind whose value is not read.
                None if kind.is_empty() => None,
                None => values.insert(name, (kind, "")),
            };
        }
    }
    Some(values)
}
