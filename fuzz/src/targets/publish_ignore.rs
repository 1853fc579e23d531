//! `.helmignore`: rules that are read or refused by their line, and the same whatever the line ends.
//!
//! Rules and path are apart by the first NUL.

use super::input::{Input, check_words};
use crate::publish::{IgnoreRules, PublishErrorExt as _, PublishFault};

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let is_folder = input.flag();
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    let (text, path) = text.split_once('\0').unwrap_or((text, "templates/.hidden"));
    let rules = match IgnoreRules::parse(text) {
        Ok(rules) => rules,
        Err(error) => {
            check_words(&error);
            let Some(PublishFault::BadRule { line }) = error.publish_fault() else { panic!("{error}") };
            assert!((1..=text.lines().count()).contains(line), "line {line} of {text:?}");
            return;
        }
    };
    let says = rules.ignores(path, is_folder);
    assert!(!rules.ignores("", is_folder) && !rules.ignores(".", true));
    assert!(rules.negations().len() <= text.lines().count());
    let other = |text: String| match IgnoreRules::parse(&text) {
        Ok(rules) => assert_eq!(rules.ignores(path, is_folder), says, "{text:?} over {path:?}"),
        Err(error) => panic!("{text:?}: {error}"),
    };
    other(format!("# a comment\n\n{}", text.strip_prefix('\u{feff}').unwrap_or(text)));
    other(format!("{text}\n  \n# another"));
    if !text.contains('\r') {
        other(text.replace('\n', "\r\n"));
    }
}
