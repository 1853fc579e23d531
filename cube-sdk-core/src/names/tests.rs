// References are taken on purpose.
#![allow(clippy::unwrap_used, clippy::needless_borrows_for_generic_args)]

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;

crate::text_id! {
    /// A checked text.
    pub struct Word: Self::check;
    /// Any text.
    pub struct Note;
}

crate::uuid_id! {
    /// A UUID.
    pub struct RowId: "row id";
}

impl Word {
    fn check(text: &str) -> Result<()> {
        if text.len() == 3 { Ok(()) } else { Err(refused("word", text, "it must have three letters")) }
    }
}

#[test]
fn a_parameter_takes_every_form_of_a_name() {
    let (text, word) = (String::from("abc"), Word::parse("abc").unwrap());
    let words: [Result<Word>; 5] =
        [taken(text.as_str()), taken(&text), taken(text.clone()), taken(&word), taken(word.clone())];
    assert!(words.into_iter().all(|taken| taken.unwrap() == word));
    let refused: [Result<Word>; 3] = [taken("ab"), taken(&String::from("ab")), taken(String::from("ab"))];
    assert!(refused.into_iter().all(|refused| refused.unwrap_err().kind() == ErrorKind::InvalidInput));
    let note = Note::new("abc");
    let notes: [Result<Note>; 5] =
        [taken(text.as_str()), taken(&text), taken(text.clone()), taken(&note), taken(note.clone())];
    assert!(notes.into_iter().all(|taken| taken.unwrap() == note));
    let (id, text) = (RowId::from_u128(7), RowId::from_u128(7).to_string());
    let ids: [Result<RowId>; 5] = [taken(text.as_str()), taken(&text), taken(text.clone()), taken(&id), taken(id)];
    assert!(ids.into_iter().all(|taken| taken.unwrap() == id));
}

#[test]
fn serde_checks_what_it_reads() {
    assert_eq!(serde_json::from_str::<Word>("\"a\\u0062c\"").unwrap().as_str(), "abc");
    for bad in ["\"ab\"", "7", "null", "[]"] {
        assert!(serde_json::from_str::<Word>(bad).is_err(), "{bad}");
    }
    let id = "\"0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11\"";
    assert_eq!(serde_json::to_string(&serde_json::from_str::<RowId>(id).unwrap()).unwrap(), id);
    for bad in ["\"0a9d3c527d1f4a0e8a553f1f0c6f2b11\"", "\"urn:uuid:0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11\"", "[0]"] {
        assert!(serde_json::from_str::<RowId>(bad).is_err(), "{bad}");
    }
    // Names stand as keys too.
    let map: BTreeMap<Word, u8> = serde_json::from_str("{\"abc\": 1}").unwrap();
    assert_eq!(serde_json::to_string(&map).unwrap(), "{\"abc\":1}");
}

#[test]
fn a_text_finds_its_name_in_a_map() {
    let word = Word::parse("abc").unwrap();
    assert_eq!(HashMap::from([(word.clone(), 1)]).get("abc"), Some(&1));
    assert_eq!(BTreeMap::from([(word.clone(), 1)]).get("abc"), Some(&1));
    assert_eq!(
        (format!("{word:?}"), format!("{word:>5}"), String::from(word)),
        ("Word(\"abc\")".into(), "  abc".into(), "abc".into())
    );
}

#[test]
fn a_refused_value_is_shown_on_one_line_and_clipped() {
    let line = refused("word", &format!("a\nb\u{1b}[31m{}", "x".repeat(500)), "no").to_string();
    assert!(line.starts_with("word `a\\nb\\u{1b}[31mxxx") && line.ends_with("x…` refused: no"), "{line}");
    assert!(line.len() < 200 && !line.contains(char::is_control));
    assert!(!refused("word", &"ä".repeat(EXCERPT), "no").to_string().contains('…'));
}

proptest! {
    #[test]
    fn uuids_come_back_from_their_text(bits: u128, upper: bool) {
        let id = RowId::from_u128(bits);
        let text = if upper { id.to_string().to_uppercase() } else { id.to_string() };
        prop_assert_eq!(RowId::parse(&text).unwrap(), id);
        prop_assert_eq!(id.as_u128(), bits);
    }

    #[test]
    fn no_other_text_is_a_uuid(text in "\\PC{0,40}") {
        let fits = text.trim().len() == 36
            && text.trim().split('-').map(str::len).eq([8, 4, 4, 4, 12])
            && text.trim().chars().all(|c| c == '-' || c.is_ascii_hexdigit());
        prop_assert_eq!(RowId::parse(&text).is_ok(), fits);
    }

    #[test]
    fn any_text_is_a_note_and_comes_back(text: String) {
        let json = serde_json::to_string(&Note::new(&text)).unwrap();
        let back: Note = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back.as_str(), text);
    }
}
