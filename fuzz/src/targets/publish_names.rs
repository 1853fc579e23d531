//! Names of charts and of registries: kept to the letter, or refused in few words.

use std::fmt::Display;

use super::input::{Input, check_words};
use crate::publish::{ChartName, ChartVersion, Digest, RegistryHost, Repository, Tag};
use crate::{ErrorKind, Result};

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let choice = input.below(6);
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    match choice {
        0 => drop(checked(text, ChartName::parse(text))),
        1 => {
            if let Some(version) = checked(text, ChartVersion::parse(text)) {
                assert!(!version.tag().contains('+'));
            }
        }
        2 => drop(checked(text, Digest::parse(text))),
        3 => drop(checked(text, RegistryHost::parse(text))),
        4 => {
            if let Some(repository) = checked(text, Repository::parse(text)) {
                assert!(!text.contains("..") && !text.contains('%'));
                let _ = repository.child("web").map(|child| assert_eq!(child.to_string(), format!("{text}/web")));
            }
        }
        _ => drop(checked(text, Tag::parse(text)).map(|tag| assert!(!tag.as_str().contains('/')))),
    }
}

fn checked<T: Display>(text: &str, read: Result<T>) -> Option<T> {
    match read {
        Ok(value) => {
            assert_eq!(value.to_string(), text);
            Some(value)
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            check_words(&error);
            None
        }
    }
}
