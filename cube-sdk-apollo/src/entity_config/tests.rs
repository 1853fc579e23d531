#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> Vec<(String, Option<Value>)> {
    parse(text).into_iter().map(|block| (block.version, block.overrides)).collect()
}

#[test]
fn published_vectors_are_read_alike() {
    let some = |version: &str, value: Value| (version.to_owned(), Some(value));
    let none = |version: &str| (version.to_owned(), None);
    for (text, blocks) in [
        ("17.0.0:\n  overrides:\n    a: 1\n", vec![some("17.0.0", json!({"a": 1}))]),
        ("1.10:\n  overrides: {}\n", vec![some("1.10", json!({}))]),
        (
            "1.10:\n  overrides: {\"a\": 1}\n2.0.0:\n  overrides:\n",
            vec![some("1.10", json!({"a": 1})), some("2.0.0", json!({}))],
        ),
        ("\"1.10\":\n  overrides: {}\n", vec![some("1.10", json!({}))]),
        ("4.11.3:\n  overrides: {\n  \"a\": 1\n}", vec![some("4.11.3", json!({"a": 1}))]),
        ("4.11.3:\n  overrides: {bad", vec![none("4.11.3")]),
        ("17.0.0:\n  foo: 1\n", vec![none("17.0.0")]),
        ("4.11.3:\n  overrides: [1]", vec![some("4.11.3", json!([1]))]),
        ("4.11.3:\n  overrides: hello", vec![some("4.11.3", json!("hello"))]),
        ("a: 1", vec![none("a")]),
        ("", vec![]),
        ("no colon", vec![]),
    ] {
        assert_eq!(read(text), blocks, "{text:?}");
    }
}

#[test]
fn written_as_published() {
    let text = |version, value| render(version, &value).unwrap().expose_secret().to_owned();
    assert_eq!(text("1.10", json!({})), "1.10:\n  overrides: {}");
    assert_eq!(
        text("4.11.3", json!({"b": {"list": ["x", {"k": "ü"}]}, "a": "yes", "v": "1.10"})),
        "4.11.3:\n  overrides:\n    b:\n      list:\n      - x\n      - k: ü\n    a: \"yes\"\n    v: \"1.10\""
    );
    let long = "word ".repeat(300);
    assert_eq!(read(&text("1", json!({ "long": long })))[0].1, Some(json!({ "long": long })));
    assert_eq!(text("1", json!({ "long": long })).lines().count(), 3);
}

#[test]
fn labels_that_break_out_are_refused() {
    for bad in ["", "1.0\n", "1.0: x", "-1", " 1", "1 0", "ü"] {
        assert_eq!(render(bad, &json!({})).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
    }
}

#[test]
fn unreadable_is_never_shown_as_none() {
    assert_eq!(EntityConfig::parse("1:\n  overrides: {bad").shown(), "1:\n  could not be parsed");
    assert_eq!(EntityConfig::parse("1:\n  overrides: {}").shown(), "1:\n  none");
}

#[test]
fn only_masked_texts_count_as_secret() {
    let value = json!({"password": {"a": "one1"}, "host": "two2", "list": ["redis://:three@h"], "token": 4});
    let found: Vec<_> = secret_texts(&value).iter().map(|text| text.expose_secret().to_owned()).collect();
    assert_eq!(found, ["one1", "redis://:three@h"]);
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~äß\\n\\t]{0,20}".prop_map(Value::from),
        Just(Value::from("no")),
        Just(Value::from("1.10")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-zA-Z][a-zA-Z0-9_. -]{0,8}", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in tree()) {
        prop_assume!(placeholder_positions(&value).is_empty());
        let value = if value.is_null() { json!({}) } else { value };
        let text = render("1.10", &value).unwrap();
        prop_assert_eq!(read(text.expose_secret()), vec![("1.10".to_owned(), Some(value))]);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        let config = EntityConfig::parse(&text);
        let _ = (config.shown(), format!("{config:?}"));
    }
}
