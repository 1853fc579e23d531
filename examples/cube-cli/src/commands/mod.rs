//! The commands: a file for each noun. Each command is parsed, makes one call of the facade and is shown.

pub(crate) mod apollo;
pub(crate) mod apps;
pub(crate) mod byo;
pub(crate) mod change_requests;
pub(crate) mod channels;
pub(crate) mod clusters;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod entities;
pub(crate) mod environments;
pub(crate) mod kubectl;
pub(crate) mod login;
pub(crate) mod man;
pub(crate) mod modules;
pub(crate) mod plans;
pub(crate) mod products;
pub(crate) mod publish;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod tunnel;
mod views;
