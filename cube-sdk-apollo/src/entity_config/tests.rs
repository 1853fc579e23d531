#![allow(clippy::unwrap_used)]

use cube_sdk_core::redact::placeholder_positions;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{ErrorKind, Result, SecretString};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> Vec<(String, Option<Value>)> {
    let config = EntityConfig::parse(text);
    config.blocks().iter().map(|block| (block.version().to_owned(), block.expose_overrides().cloned())).collect()
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

#[test]
fn labels_as_yaml_says() {
    for (text, label) in [
        ("\u{feff}1.10:\n  overrides: {}\n", "1.10"),
        ("\u{feff}\"1.10\":\n  overrides: {}\n", "1.10"),
        ("!!str 1.10:\n  overrides: {}\n", "1.10"),
        ("!!str \"1.10\" :\n  overrides: {}\n", "1.10"),
        ("? 1.10\n: overrides: {}\n", "1.10"),
        ("? !!str 1.10\n: overrides: {}\n", "1.10"),
        ("? '1.10'\n:\n  overrides: {}\n", "1.10"),
        ("&v 1.10:\n  overrides: {}\n", "1.10"),
        ("{1.10: {overrides: {}}}", "1.10"),
        ("{\"1.10\": {\"overrides\": {}}}", "1.10"),
        ("---\n# c: d\n1.10: # x: y\n  overrides: {}\n...\n", "1.10"),
        ("%YAML 1.1\n---\n1.10:\n  overrides: {}\n", "1.10"),
        ("1.10 :\r\n  overrides: {}\r\n", "1.10"),
        ("0x10:\n  overrides: {}\n", "0x10"),
        ("017:\n  overrides: {}\n", "017"),
        ("1e3:\n  overrides: {}\n", "1e3"),
        ("2024-01-02:\n  overrides: {}\n", "2024-01-02"),
        ("1:30:\n  overrides: {}\n", "1:30"),
        ("1_0:\n  overrides: {}\n", "1_0"),
        ("on:\n  overrides: {}\n", "on"),
        ("~:\n  overrides: {}\n", "~"),
        ("\"1.\\x310\":\n  overrides: {}\n", "1.10"),
        ("a: &a\n  overrides: {}\n", "a"),
    ] {
        assert_eq!(read(text), [(label.to_owned(), Some(json!({})))], "{text:?}");
    }
    // What cannot be read keeps its label, too.
    assert_eq!(read("\u{feff}1.10:\n  overrides: {bad"), [("1.10".to_owned(), None)]);
    assert_eq!(read("!!str \"1.10\":\n  overrides: {bad"), [("1.10".to_owned(), None)]);
    assert_eq!(read("1.9:\n  overrides: {}\n1.10:\n  overrides: {}\n").len(), 2);
}

#[test]
fn values_are_typed_only_where_the_readers_agree() {
    let typed = |text: &str| read(&format!("1:\n  overrides:\n    v: {text}\n"))[0].1.clone().unwrap()["v"].clone();
    for (text, value) in [
        ("0400", json!(256)),
        ("+0400", json!(256)),
        ("0x1F", json!(31)),
        ("-0x1F", json!(-31)),
        ("0b101", json!(5)),
        ("1_000", json!(1000)),
        ("0_7", json!(7)),
        ("-0", json!(0)),
        ("123456789012", json!(123_456_789_012_u64)),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("1.10", json!(1.1)),
        ("1.5e+3", json!(1500.0)),
        (".5", json!(0.5)),
        ("1.", json!(1.0)),
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("~", json!(null)),
        ("NULL", json!(null)),
        ("!!int \"3\"", json!(3)),
        ("!!float 1", json!(1.0)),
        ("!!bool yes", json!(true)),
    ] {
        assert_eq!(typed(text), value, "{text}");
    }
    for text in [
        "08901",
        "0888",
        "09",
        "1:30",
        "190:20:30",
        "1:30.5",
        "-1:30",
        "1e3",
        "1.5e3",
        "1.e5",
        "12e03",
        "1e400",
        "y",
        "Y",
        "n",
        "N",
        "nUll",
        "18446744073709551616",
        "-9223372036854775809",
        "0xFFFFFFFFFFFFFFFFF",
        "-0xFFFFFFFFFFFFFFFF",
        ".inf",
        "-.Inf",
        "+.INF",
        ".nan",
        ".NaN",
        "1.5e+400",
        "0o17",
        "0O17",
        "0X1F",
        "0B1",
        "0x_",
        "0b_",
        "0_8",
        "-.5",
        "+.5",
        ".5e3",
        "-_1",
        "_1",
        "=",
        "<<",
        "2001-12-14",
        "2001-12-14t21:59:43.10-05:00",
        "2001-12-14 21:59:43",
        "1.2.3",
        "10.0.0.1/8",
        "100m",
        "1Gi",
        "TrUe",
        "NaN",
        "inf",
        "-",
        "--",
        "1,000",
        "a:b",
        "0.5e+1_0",
    ] {
        let read = if text == "-" { "\"-\"".into() } else { text.to_owned() };
        assert_eq!(typed(&read), json!(text), "{text}");
    }
    for (text, value) in [
        ("!!str 1.10", "1.10"),
        ("\"0400\"", "0400"),
        ("'yes'", "yes"),
        ("!foo 1", "1"),
        ("! 12", "12"),
        ("!!binary aGk=", "aGk="),
        ("!!int 08", "08"),
        ("!!null x", "x"),
        ("!!timestamp 2001-12-14", "2001-12-14"),
    ] {
        assert_eq!(typed(text), json!(value), "{text}");
    }
}

#[test]
fn nothing_makes_a_whole_block_unreadable() {
    for (text, value) in [
        ("{~: a, null: b, : c}", json!({"~": "a", "null": "b", "": "c"})),
        ("{1: a, 1.10: b, true: c, 2001-12-14: d}", json!({"1": "a", "1.10": "b", "true": "c", "2001-12-14": "d"})),
        ("{[1, 2]: a, {b: c}: d}", json!({"[1,2]": "a", "{\"b\":\"c\"}": "d"})),
        ("{a: 1, a: 2}", json!({"a": 2})),
        ("{<<: 3}", json!({"<<": 3})),
        ("{\"<<\": {a: 1}}", json!({"<<": {"a": 1}})),
        ("{x: &x {a: 1, b: 1}, v: {<<: *x, b: 2}}", json!({"x": {"a": 1, "b": 1}, "v": {"a": 1, "b": 2}})),
        (
            "{x: &x {a: 1}, y: &y {a: 2, c: 3}, v: {<<: [*x, *y]}}",
            json!({"x": {"a": 1}, "y": {"a": 2, "c": 3}, "v": {"a": 1, "c": 3}}),
        ),
        ("{v: &v [1, *v]}", json!({"v": [1, "*"]})),
        ("!!set {a, b}", json!({"a": null, "b": null})),
        (
            "{a: .inf, b: 1e999, c: 99999999999999999999}",
            json!({"a": ".inf", "b": "1e999", "c": "99999999999999999999"}),
        ),
    ] {
        assert_eq!(read(&format!("1:\n  overrides: {text}\n"))[0].1, Some(value), "{text}");
    }
    let bomb: String = (1..40).map(|n| format!("    a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
    assert_eq!(read(&format!("1:\n  overrides:\n    a0: &a0 x\n{bomb}")), [("1".to_owned(), None)]);
}

#[test]
fn a_last_line_without_break_has_none() {
    for (text, value) in [
        ("|\n      x", "x"),
        ("|\n      x\n", "x\n"),
        ("|+\n      x", "x"),
        (">\n      x", "x"),
        ("|\n      x\n       ", "x\n "),
        ("|\n      x\n      ", "x\n"),
        ("|-\n      x", "x"),
    ] {
        assert_eq!(read(&format!("1:\n  overrides:\n    a: {text}"))[0].1, Some(json!({"a": value})), "{text:?}");
    }
}

#[test]
fn texts_are_joined_byte_for_byte() {
    let joined = |texts: &[&str]| {
        let texts: Vec<_> = texts.iter().map(|text| SecretString::from(*text)).collect();
        joined(&texts).map(|text| text.expose_secret().to_owned()).map_err(|error| error.kind())
    };
    let key = "1.0:\n  overrides:\n    key: |+\n      -----END-----\n\n";
    assert_eq!(joined(&[key]).unwrap(), key);
    assert_eq!(
        joined(&["1: {overrides: {}}", "2: {overrides: {}}"]).unwrap(),
        "1: {overrides: {}}\n2: {overrides: {}}"
    );
    let clipped = "1:\n  overrides:\n    key: |\n      x\n";
    assert_eq!(joined(&[clipped, key]).unwrap(), format!("{clipped}{key}"));
    // One text would read differently before another.
    for text in [clipped.trim_end(), "---\n1: {overrides: {}}\n...\n", "{1: {overrides: {}}}"] {
        assert_eq!(joined(&[text, key]), Err(ErrorKind::InvalidInput), "{text}");
    }
}

#[test]
fn a_label_that_is_not_there_takes_over_the_newest_older_block() {
    let to = |texts: &[&str], label: &str, new: Value| {
        let texts: Vec<_> = texts.iter().map(|text| SecretString::from(*text)).collect();
        updated(&texts, label, &new).map(|text| text.expose_secret().to_owned()).map_err(|error| error.to_string())
    };
    let (one, two) = ("'1.9':  # c\n  overrides: {m: 0400}\n", "1.10:\n  overrides: {m: 0600}\n");
    let m = |mode: u64| json!({ "m": mode });
    assert_eq!(to(&[], "2.0", m(1)).unwrap(), "2.0:\n  overrides:\n    m: 1");
    assert_eq!(to(&[one], "2.0", m(256)).unwrap(), one.replace("1.9", "2.0"));
    assert_eq!(to(&[one], "1.8", m(1)).unwrap(), one.replace("1.9", "1.8").replace("0400", "01"));
    assert_eq!(to(&[one, two], "2.0", m(384)).unwrap(), format!("{one}{}", two.replace("1.10", "2.0")));
    assert_eq!(to(&[one, two], "1.9", m(384)).unwrap(), format!("{}{two}", one.replace("0400", "0600")));
    assert!(to(&[one, two], "1.9.5", m(1)).unwrap_err().contains("no block of 1.9.5"));
    assert!(to(&[one, one], "1.9", m(1)).unwrap_err().contains("more than once"));
    assert!(to(&["1: {bad"], "1", m(1)).unwrap_err().contains("cannot be parsed"));
    assert!(to(&["1:\n  foo: 1\n"], "1", m(1)).unwrap_err().contains("has no overrides"));
    assert!(to(&[one], "a: b", m(1)).unwrap_err().contains("not a version label"));
}

/// Changes what a pointer means and gives the new text.
fn changed(text: &str, change: impl FnOnce(&mut Value)) -> Result<String> {
    let config = EntityConfig::parse(text);
    let block = &config.blocks()[0];
    let mut overrides = block.expose_overrides().unwrap().clone();
    change(&mut overrides);
    edit(text, block.version(), &overrides).map(|text| text.expose_secret().to_owned())
}

#[test]
fn an_edit_changes_one_place() {
    let set = |at: &'static str, value: Value| move |overrides: &mut Value| *overrides.pointer_mut(at).unwrap() = value;
    let text = "\u{feff}# head\r\n1.10:\t# label\r\n  overrides:   # all\r\n    mode: 0400   # \toctal\r\n    big: 99999999999999999999\r\n    s: 'it''s'\r\n    d: \"x\\ty\"   \r\n    yes: on\r\n    key: |-   # pem\r\n      a\r\n      b\r\n    list:\r\n    - 1\r\n    - {a: 1, \"b\": [x, y]}\r\n    n:\r\n    z: ~\r\n";
    for (at, value, from, to) in [
        ("/mode", json!(384), "0400", "0600"),
        ("/mode", json!("x"), "0400", "x"),
        ("/big", json!("1e9"), "99999999999999999999", "\"1e9\""),
        ("/s", json!("that's"), "'it''s'", "'that''s'"),
        ("/d", json!("z\n"), "\"x\\ty\"", "\"z\\n\""),
        ("/yes", json!(false), "yes: on", "yes: off"),
        ("/key", json!("a\nc"), "      b\r\n", "      c\r\n"),
        ("/key", json!("a\nb\n"), "|- ", "| "),
        ("/key", json!(3), "|-   # pem\r\n      a\r\n      b\r\n", "3   # pem\r\n"),
        ("/list/0", json!(2), "- 1", "- 2"),
        ("/list/1/b/1", json!("a,b"), "y]", "\"a,b\"]"),
        ("/list/1/a", json!({"c": [true]}), "{a: 1,", "{a: {c: [true]},"),
        ("/n", json!("null"), "n:\r\n", "n: \"null\"\r\n"),
        ("/z", json!(1.5), "~", "1.5"),
    ] {
        let edited = changed(text, set(at, value)).unwrap();
        assert_eq!(edited, text.replacen(from, to, 1), "{at}");
    }
}

#[test]
fn entries_and_items_come_and_go() {
    let text = "1:\n  overrides:\n    # first\n    a: 1  # one\n    b:\n      c: [1, 2]  # two\n      # three\n      d: {e: 1}\n    l:\n    - x\n    - y  # why\n\n    # last\n    z: |\n      t\n";
    let edited = |change: fn(&mut Value)| changed(text, change).unwrap();
    assert_eq!(
        edited(|o| o["new"] = json!({"p": [1, "on"], "q": null})),
        format!("{text}    new:\n      p:\n      - 1\n      - \"on\"\n      q: null\n")
    );
    assert_eq!(edited(|o| o["b"]["n"] = json!(1)), text.replace("d: {e: 1}\n", "d: {e: 1}\n      \"n\": 1\n"));
    assert_eq!(edited(|o| o["b"]["d"]["n"] = json!("a: b")), text.replace("{e: 1}", "{e: 1, \"n\": \"a: b\"}"));
    assert_eq!(
        edited(|o| o["l"].as_array_mut().unwrap().push(json!("z"))),
        text.replace("# why\n", "# why\n    - z\n")
    );
    assert_eq!(
        edited(|o| o["l"].as_array_mut().unwrap().insert(0, json!({"k": 1}))),
        text.replace("- x", "- k: 1\n    - x")
    );
    assert_eq!(edited(|o| drop(o["l"].as_array_mut().unwrap().remove(0))), text.replace("    - x\n", ""));
    assert_eq!(edited(|o| drop(o["b"]["c"].as_array_mut().unwrap().remove(0))), text.replace("[1, 2]", "[2]"));
    assert_eq!(edited(|o| drop(o["b"]["c"].as_array_mut().unwrap().pop())), text.replace("[1, 2]", "[1]"));
    assert_eq!(edited(|o| drop(o.as_object_mut().unwrap().shift_remove("a"))), text.replace("    a: 1  # one\n", ""));
    assert_eq!(edited(|o| drop(o.as_object_mut().unwrap().shift_remove("z"))), text.replace("    z: |\n      t\n", ""));
    assert_eq!(
        edited(|o| o["b"] = json!([])),
        text.replace("b:\n      c: [1, 2]  # two\n      # three\n      d: {e: 1}", "b: []")
    );
    assert_eq!(edited(|o| o["a"] = json!({"x": 1})), text.replace("a: 1  #", "a:\n      x: 1  #"));
    assert_eq!(edited(|o| o["l"][1] = json!(["why"])), text.replace("- y  #", "- - why  #"));
    assert_eq!(edited(|o| *o = json!({})), "1:\n  overrides:\n    # first\n    {}\n");
    assert_eq!(changed("1:\n  overrides:", |o| o["a"] = json!(1)).unwrap(), "1:\n  overrides:\n    a: 1");
    assert_eq!(
        changed("1:\n  overrides: {}\n", |o| o["a"] = json!({"b": 1})).unwrap(),
        "1:\n  overrides:\n    a:\n      b: 1\n"
    );
    assert_eq!(
        changed("1:\n  overrides: {\n  \"a\": 1\n}", |o| o["b"] = json!(1)).unwrap(),
        "1:\n  overrides: {\n  \"a\": 1, \"b\": 1\n}"
    );
    // A last block scalar without line break would grow one: the new entry goes before it.
    assert_eq!(
        changed("1:\n  overrides:\n    a: |\n      x", |o| o["b"] = json!(1)).unwrap(),
        "1:\n  overrides:\n    b: 1\n    a: |\n      x"
    );
}

#[test]
fn anchors_hold_or_the_edit_is_refused() {
    let text = "1:\n  overrides:\n    base: &base {cpu: 1, mem: &m 2Gi}\n    web:\n      <<: *base\n      cpu: 2\n    same: *m\n    free: &f 1\n";
    let refusal = |change: fn(&mut Value)| changed(text, change).unwrap_err().to_string();
    assert!(refusal(|o| o["base"]["mem"] = json!("4Gi")).contains("overrides.base.mem is anchored as &m"));
    assert!(refusal(|o| o["same"] = json!("4Gi")).contains("overrides.same is the alias *m"));
    assert!(refusal(|o| o["web"]["mem"] = json!("4Gi")).contains("overrides.web.mem is merged in"));
    assert!(refusal(|o| drop(o["web"].as_object_mut().unwrap().shift_remove("mem"))).contains("merged in"));
    // What reads everywhere as meant is done, anchors kept.
    assert_eq!(changed(text, |o| o["free"] = json!(2)).unwrap(), text.replace("&f 1", "&f 2"));
    assert_eq!(changed(text, |o| o["web"]["cpu"] = json!(3)).unwrap(), text.replace("cpu: 2", "cpu: 3"));
    assert_eq!(changed(text, |o| o["base"]["cpu"] = json!(3)).unwrap(), text.replace("cpu: 1", "cpu: 3"));
    let all = |o: &mut Value| {
        ["/base/mem", "/web/mem", "/same"].iter().for_each(|at| *o.pointer_mut(at).unwrap() = json!("4Gi"))
    };
    assert_eq!(changed(text, all).unwrap(), text.replace("2Gi", "4Gi"));
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
