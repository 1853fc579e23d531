//! Things as callers have them: already read, or by name, id or RID.

use crate::choice::Wanted;
use crate::ids::{EntityId, EnvironmentId, Rid};
use crate::model::{Entity, Environment, ModuleInstallation};

/// An entity by name, id or RID.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EntityRef(pub(crate) Wanted);

/// An installed module by display name, coordinate or RID.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ModuleRef(pub(crate) Wanted);

/// An environment: already read, or by name, id or RID.
#[derive(Clone, Debug)]
pub struct EnvironmentRef(pub(crate) Which);

#[derive(Clone, Debug)]
pub(crate) enum Which {
    Known(Box<Environment>),
    Wanted(Wanted),
}

impl From<Wanted> for Which {
    fn from(wanted: Wanted) -> Self {
        Self::Wanted(wanted)
    }
}

/// References from texts, where what begins with `ri.` is a RID, and from typed ids, which must match whole and are
/// never read as a part of a name.
macro_rules! references {
    ($($name:ident: $($id:ty),+;)+) => {$(
        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(Wanted::text(name).into())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                name.as_str().into()
            }
        }

        impl From<&String> for $name {
            fn from(name: &String) -> Self {
                name.as_str().into()
            }
        }

        impl From<&Self> for $name {
            fn from(reference: &Self) -> Self {
                reference.clone()
            }
        }

        $(
            impl From<$id> for $name {
                fn from(id: $id) -> Self {
                    Self(Wanted::Id(id.into()).into())
                }
            }

            impl From<&$id> for $name {
                fn from(id: &$id) -> Self {
                    id.clone().into()
                }
            }
        )+
    )+};
}

references! {
    EntityRef: EntityId, Rid;
    ModuleRef: Rid;
    EnvironmentRef: EnvironmentId, Rid;
}

impl From<&Entity> for EntityRef {
    fn from(entity: &Entity) -> Self {
        entity.id.clone().into()
    }
}

impl From<&ModuleInstallation> for ModuleRef {
    fn from(module: &ModuleInstallation) -> Self {
        module.rid.clone().into()
    }
}

impl From<Environment> for EnvironmentRef {
    fn from(environment: Environment) -> Self {
        Self(Which::Known(Box::new(environment)))
    }
}

impl From<&Environment> for EnvironmentRef {
    fn from(environment: &Environment) -> Self {
        environment.clone().into()
    }
}
