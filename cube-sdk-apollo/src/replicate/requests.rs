//! Change requests of the target: which were there before a step was sent, and which may be the step's since.

use std::collections::BTreeSet;

use cube_sdk_core::{Error, ErrorKind, Result};

use super::context::Context;
use crate::change_requests::all_of;
use crate::ids::Rid;
use crate::model::ChangeRequest;

impl Context {
    /// Every change request of the target. Times do not tell which are new: clocks differ.
    pub(super) async fn requests(&self) -> Result<BTreeSet<Rid>> {
        let Some(target) = &self.target else { return Ok(BTreeSet::new()) };
        let all = self.mode.whole(all_of(&self.apollo, target), "change requests").await?;
        Ok(all.into_iter().map(|change| change.rid).collect())
    }

    /// The one change request that is new and may be about an entity: its title names it, or is not told. One that
    /// ended otherwise than merged has done nothing.
    ///
    /// # Errors
    /// `Conflict` when several may be.
    pub(super) async fn new_about(&self, entity: &str, known: &BTreeSet<Rid>) -> Result<Option<ChangeRequest>> {
        let all = self.mode.whole(all_of(&self.apollo, self.target()?), "change requests").await?;
        let is_new = |change: &ChangeRequest| {
            !known.contains(&change.rid)
                && (change.is_merged() || !change.is_done())
                && change.title().is_none_or(|title| title.is_empty() || names(title, entity))
        };
        let mut found: Vec<_> = all.into_iter().filter(is_new).collect();
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => {
                let many: Vec<_> = found.iter().map(|change| change.rid.as_str()).collect();
                let words = format!("several change requests may be this step's: {}", many.join(", "));
                Err(Error::new(ErrorKind::Conflict, words)
                    .with_target(entity.to_owned())
                    .with_ambiguous()
                    .advice("see which of them are wanted, then make a new plan"))
            }
        }
    }
}

/// Does a title speak of this entity, as a whole word?
fn names(title: &str, entity: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    title.match_indices(entity).any(|(start, found)| {
        let before = title[..start].chars().next_back();
        let after = title[start + found.len()..].chars().next();
        !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn titles_name_whole_words() {
        assert!(names("Install mosquitto", "mosquitto"));
        assert!(names("Install (mosquitto), bridge", "mosquitto"));
        assert!(!names("Install mosquitto-2", "mosquitto"));
        assert!(names("mosquitto-2 beside mosquitto", "mosquitto"));
        assert!(!names("", "mosquitto"));
    }
}
