//! The real kubectl behind a list of what it may be asked. There is no shell.

mod clusters;
mod command;
mod run;
#[cfg(test)]
mod tests;
mod verbs;
mod words;

use std::fmt;

pub(crate) use clusters::{Cluster, Clusters};
pub(crate) use command::{Command, Output};
pub(crate) use run::{Kubectl, Target};

/// Why a command line is not run; for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
