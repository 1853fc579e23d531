//! Has a step happened already? Asked before it is sent, and when an answer never came.

use std::time::Duration;

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};

use super::apply::Context;
use super::planner::find_target;
use super::{Journal, Record, Step};
use crate::change_requests::{ChangeRequestStatus, of_environment};
use crate::ids::Rid;

/// Clocks of this machine and of Apollo may differ by this much.
const GRACE: Duration = Duration::from_secs(60);

impl Context {
    /// Looks at the target: is what the step makes there?
    pub(super) async fn happened(&mut self, step: &Step) -> Result<Option<Record>> {
        let done = |rid: Option<Rid>| Ok(Some(Record::Done { rid }));
        match step {
            Step::CreateEnvironment { name, .. } => match find_target(&self.apollo, name).await? {
                Some(found) => {
                    let rid = found.rid.clone();
                    self.target = Some(found);
                    done(rid)
                }
                None => Ok(None),
            },
            Step::InstallModule { coordinate, .. } => {
                let modules = self.session.modules(self.target()?).await?;
                match modules.into_iter().find(|module| module.coordinate == *coordinate) {
                    Some(module) => done(Some(module.rid)),
                    None => Ok(None),
                }
            }
            Step::InstallEntity { entity, .. } => match self.target_entity(entity).await? {
                Some(found) => done(found.rid),
                None => Ok(None),
            },
            Step::WriteConfig { entity, from } => {
                let Some(found) = self.target_entity(entity).await? else { return Ok(None) };
                let (wanted, _) = self.config_text(from).await?;
                let declared = self.session.declared(self.target()?, &found).await?.config.0;
                let same =
                    matches!(declared.as_slice(), [one] if one.expose_secret().trim() == wanted.expose_secret().trim());
                if same { done(None) } else { Ok(None) }
            }
            Step::CreateSecret { entity, secret, .. } => {
                let Some(found) = self.target_entity(entity).await? else { return Ok(None) };
                let secrets = self.apollo.secrets(self.target()?).list(&found).await?;
                match secrets.into_iter().find(|found| found.name == *secret) {
                    Some(found) => done(found.rid),
                    None => Ok(None),
                }
            }
        }
    }

    /// A step was noted and its answer never came: finds the change request that it opened.
    ///
    /// # Errors
    /// `Conflict` when several fit.
    pub(super) async fn opened_since(&self, step: &Step, at: Timestamp, journal: &Journal) -> Result<Option<Record>> {
        let (Step::InstallEntity { entity, .. } | Step::WriteConfig { entity, .. }) = step else { return Ok(None) };
        let since = at.saturating_sub(GRACE);
        let mut list = of_environment(&self.apollo, self.target()?.id.to_string());
        let mut found = Vec::new();
        while let Some(change) = list.try_next().await? {
            let ours = change.created_at().is_none_or(|created| created >= since)
                && change.title().is_some_and(|title| names(title, entity))
                && !journal.rids_besides(step).any(|rid| rid == change.rid());
            let ended = matches!(
                change.status(),
                Some(ChangeRequestStatus::Cancelled | ChangeRequestStatus::Rejected | ChangeRequestStatus::Error)
            );
            if ours && !ended {
                found.push(change.rid().clone());
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(Record::Opened { change: one.clone() })),
            many => {
                let many: Vec<_> = many.iter().map(Rid::as_str).collect();
                let words = format!("several open change requests may be this step's: {}", many.join(", "));
                Err(Error::new(ErrorKind::Conflict, words)
                    .with_target(step.key())
                    .advice("cancel those that are not wanted, then run it again"))
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
