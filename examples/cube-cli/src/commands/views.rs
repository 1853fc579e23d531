//! Every command over a tool of cube-cloud, and the schemas of what the tools answer.

use serde_json::Value;

use super::{
    apps, change_requests, channels, clusters, entities, environments, kubectl, modules, plans, products, secrets,
};
use crate::output::View;

/// What the tools' answers look like, by name of the tool: written from the server's registrations by a test.
const SCHEMAS: &str = include_str!("../../schemas/tools.json");

pub(super) const VIEWS: [&View; 35] = [
    &apps::LS,
    &change_requests::APPROVE,
    &change_requests::CANCEL,
    &change_requests::LS,
    &change_requests::REJECT,
    &channels::ADD,
    &channels::LS,
    &channels::REMOVE,
    &clusters::LS,
    &clusters::SERVICES,
    &clusters::STATUS,
    &entities::CONFIGURE,
    &entities::ENFORCE,
    &entities::HEALTH,
    &entities::INSTALL,
    &entities::UNINSTALL,
    &environments::CREATE,
    &environments::DELETE,
    &environments::LS,
    &environments::REPLICATE,
    &environments::RESET,
    &kubectl::KUBECTL,
    &modules::INSTALL,
    &modules::LS,
    &modules::SET,
    &modules::UNINSTALL,
    &plans::CANCEL,
    &plans::SHOW,
    &products::COMPARE,
    &products::LS,
    &products::RELEASES,
    &products::REMOVE_LABEL,
    &products::SET_LABEL,
    &secrets::CREATE,
    &secrets::UPDATE,
];

/// The schema of a tool's data; anything where it is not known.
pub(super) fn of_tool(tool: &str) -> Value {
    let known: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    known.get(tool).cloned().unwrap_or(Value::Bool(true))
}
