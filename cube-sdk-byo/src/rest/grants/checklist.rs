//! What to check after a failed probe, the actual cause first.

use serde::Serialize;

use crate::code::ByoCode;

/// One possible cause of a failed probe.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChecklistItem {
    /// The code that this cause shows as.
    pub code: ByoCode,
    /// What happened, as a clause.
    pub meaning: &'static str,
    /// What to do, as an order.
    pub fix: &'static str,
}

/// The list after a probe that ended with `actual`: it goes first, every other code of a probe follows.
pub(crate) fn after(actual: &ByoCode) -> Vec<ChecklistItem> {
    let others = ByoCode::PROBE.into_iter().filter(|code| code != actual);
    std::iter::once(actual.clone())
        .chain(others)
        .map(|code| ChecklistItem { meaning: code.meaning(), fix: code.fix(), code })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_every_probe_code_with_the_actual_one_first() {
        for actual in ByoCode::PROBE.into_iter().chain([ByoCode::from("BYO_LATER"), ByoCode::ObjectNotFound]) {
            let list = after(&actual);
            assert_eq!(list[0].code, actual);
            for code in &ByoCode::PROBE {
                assert_eq!(list.iter().filter(|item| item.code == *code).count(), 1, "{code}");
            }
        }
    }
}
