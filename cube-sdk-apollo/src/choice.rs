//! From a name to the one thing that it means.

use cube_sdk_core::{Error, ErrorKind, Result};

/// How freely a name may be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Match {
    /// Exact, else without case, else the only one that contains it: for what only looks.
    Free,
    /// Exact only: for everything that writes.
    Exact,
}

/// What is wanted: a name, or an id that must match whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    Name(String),
    Id(String),
}

impl Wanted {
    /// From a text: one that begins as a RID is an id, white space around a name means nothing.
    pub(crate) fn text(text: &str) -> Self {
        let text = text.trim();
        if text.starts_with("ri.") { Self::Id(text.to_owned()) } else { Self::Name(text.to_owned()) }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Name(text) | Self::Id(text) => text,
        }
    }
}

/// What a thing can be called by.
pub(crate) trait Named {
    /// Ids that must match whole.
    fn ids(&self) -> Vec<&str>;
    /// Names, the best first.
    fn names(&self) -> Vec<&str>;
}

/// Picks the one thing that is wanted.
///
/// # Errors
/// `NotFound`, with the names that are near; `InvalidInput` when several fit, listing them.
pub(crate) fn pick<'a, T: Named>(kind: &str, wanted: &Wanted, things: &'a [T], how: Match) -> Result<&'a T> {
    let text = wanted.as_str();
    if text.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("the name of the {kind} is empty")));
    }
    let lower = text.to_lowercase();
    let named = |thing: &T, test: &dyn Fn(&str) -> bool| thing.names().iter().any(|name| test(name));
    let by_id = |thing: &T| thing.ids().contains(&text);
    let exact = |thing: &T| by_id(thing) || named(thing, &|name| name == text);
    let folded = |thing: &T| named(thing, &|name| name.to_lowercase() == lower);
    let contains = |thing: &T| named(thing, &|name| name.to_lowercase().contains(&lower));
    let tests: &[&dyn Fn(&T) -> bool] = match (wanted, how) {
        (Wanted::Id(_), _) => &[&by_id],
        (Wanted::Name(_), Match::Exact) => &[&exact],
        (Wanted::Name(_), Match::Free) => &[&exact, &folded, &contains],
    };
    for test in tests {
        let found: Vec<_> = things.iter().filter(|thing| test(thing)).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            many => return Err(ambiguous(kind, text, many)),
        }
    }
    let words = match wanted {
        Wanted::Name(_) => format!("no {kind} is called `{}`", text.escape_debug()),
        Wanted::Id(_) => format!("no {kind} has the id `{}`", text.escape_debug()),
    };
    let near = near(wanted, things);
    let advice =
        if near.is_empty() { format!("list the {kind} names") } else { format!("did you mean {}", near.join(", ")) };
    Err(Error::new(ErrorKind::NotFound, words).advice(advice))
}

/// Names that share a part with what was wanted, at most five.
fn near<T: Named>(wanted: &Wanted, things: &[T]) -> Vec<String> {
    const SHOWN: usize = 5;
    let Wanted::Name(wanted) = wanted else { return Vec::new() };
    let lower = wanted.to_lowercase();
    let close = |name: &str| {
        let name = name.to_lowercase();
        let shared = name.chars().zip(lower.chars()).take_while(|(a, b)| a == b).count();
        !name.is_empty() && (name.contains(&lower) || lower.contains(&name) || shared >= 3)
    };
    let fits = |thing: &&T| thing.names().iter().any(|name| close(name));
    things.iter().filter(fits).take(SHOWN).map(label).collect()
}

fn label<T: Named>(thing: &T) -> String {
    let name = thing.names().first().map_or_else(String::new, |name| (*name).to_owned());
    match thing.ids().first() {
        Some(id) if *id != name => format!("{name} ({id})"),
        _ => name,
    }
}

fn ambiguous<T: Named>(kind: &str, wanted: &str, many: &[&T]) -> Error {
    const SHOWN: usize = 10;
    let mut candidates: Vec<_> = many.iter().take(SHOWN).map(|thing| label(*thing)).collect();
    if many.len() > SHOWN {
        candidates.push(format!("{} more", many.len() - SHOWN));
    }
    Error::new(
        ErrorKind::InvalidInput,
        format!("`{}` fits {} {kind} names: {}", wanted.escape_debug(), many.len(), candidates.join(", ")),
    )
    .with_ambiguous()
    .advice("give the whole name, or the RID")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    struct Thing(&'static str, &'static str);

    impl Named for Thing {
        fn ids(&self) -> Vec<&str> {
            vec![self.0]
        }

        fn names(&self) -> Vec<&str> {
            vec![self.1]
        }
    }

    #[test]
    fn the_best_level_wins_and_ambiguity_lists_candidates() {
        let things = [Thing("ri.1", "Cube"), Thing("ri.2", "cube"), Thing("ri.3", "cube-7"), Thing("ri.4", "Lab")];
        let name = |wanted, how| pick("thing", &Wanted::text(wanted), &things, how).map(|thing| thing.0);
        assert_eq!(name("cube", Match::Free).unwrap(), "ri.2");
        assert_eq!(name("lab", Match::Free).unwrap(), "ri.4");
        assert_eq!(name("e-7", Match::Free).unwrap(), "ri.3");
        assert_eq!(name("ri.3", Match::Exact).unwrap(), "ri.3");
        let error = name("CUBE", Match::Free).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("Cube (ri.1), cube (ri.2)"), "{error}");
        assert_eq!(name("ube", Match::Free).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(name("lab", Match::Exact).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(name(" ", Match::Free).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(name("ri.9", Match::Free).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_miss_tells_the_names_that_are_near() {
        let things = [Thing("ri.1", "db-000"), Thing("ri.2", "db-001"), Thing("ri.3", "broker")];
        for (wanted, near) in [("db", "db-000 (ri.1), db-001 (ri.2)"), ("DB-000", "db-000"), ("brokers", "broker")] {
            let error = pick("thing", &Wanted::text(wanted), &things, Match::Exact).map(|thing| thing.0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains(&format!("did you mean {near}")), "{error}");
        }
        // An id is never read as a part of a name.
        for how in [Match::Free, Match::Exact] {
            let gone = Wanted::Id("db".into());
            assert_eq!(
                pick("thing", &gone, &things, how).map(|thing| thing.0).unwrap_err().kind(),
                ErrorKind::NotFound
            );
        }
    }
}
