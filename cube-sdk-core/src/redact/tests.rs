#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn names() {
    for name in [
        "authToken",
        "password",
        "key",
        "monkey",
        "keyboard",
        "spwn",
        "upwind",
        "pem",
        "dsn",
        "databaseUrl",
        "connectionString",
        "tokens",
        "jwtIssuer",
        "bearerToken",
        "SASL_MECH",
        "privateKeyPath",
        "imagePullSecrets",
        "tempem",
        "max_tokens",
        "public_key",
        "secret_name",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in [
        "maxTokens",
        "publicKey",
        "keyspace",
        "keyName",
        "secretName",
        "tokenUrl",
        "apiKeyName",
        "sshKeyPath",
        "credentialMode",
        "redisUrl",
        "database_url",
        "DB_URL",
        "connection_string",
        "userName",
        "author",
        "temperature",
        "compliance",
        "powder",
        "Replicas",
        "",
    ] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn values() {
    for text in
        ["redis://:pw@h", "postgres://u:p@h/db", "x://a:b:c@h", "HTTP://U:P@h", "mqtt+ssl://u:p@h", "  redis://:pw@h "]
    {
        assert!(is_secret_value(text), "{text}");
    }
    for text in [
        "https://h/x",
        "https://u@h",
        "http://h:80/a@b",
        "http://u:p/x@h",
        "://u:p@h",
        "see redis://:pw@h",
        "",
        "x://:@h",
    ] {
        assert!(!is_secret_value(text), "{text}");
    }
}

#[test]
fn placeholders() {
    for (value, chars) in [
        (json!("abc"), 3),
        (json!("é"), 1),
        (json!(""), 0),
        (json!(null), 4),
        (json!(true), 4),
        (json!(12), 2),
        (json!({"a": 1}), 8),
        (json!([1, 2]), 6),
        (json!({"é": 1}), 13),
    ] {
        assert_eq!(placeholder(&value), format!("<hidden, {chars} chars>"), "{value}");
    }
    assert!(is_placeholder(" <hidden, 3 chars> "));
    for text in ["<hidden, x chars>", "<hidden,3 chars>", "a <hidden, 3 chars>", "<hidden,  chars>"] {
        assert!(!is_placeholder(text), "{text}");
    }
}

#[test]
fn names_that_are_secret_themselves() {
    let odd = json!({"redis://:xy@h": 1, "redis://:xy@i": {"a": 2}, "<hidden, 13 chars>": 3, "plain": 4});
    let shown = masked(&odd);
    assert!(!shown.to_string().contains("xy@"), "{shown}");
    // Each stays an entry of its own, in its place.
    let values: Vec<_> = shown.as_object().unwrap().values().cloned().collect();
    assert_eq!(values, [json!(1), json!({"a": 2}), json!(3), json!(4)]);
    assert_eq!(masked_name("plain"), "plain");
    assert_eq!(masked_name("postgres://u:p@h"), "<hidden, 16 chars>");
    // What was copied from the display is refused.
    assert_eq!(placeholder_positions(&shown).len(), 3, "{shown}");
    assert_eq!(placeholder_positions(&json!({"a": [{"<hidden, 3 chars>": 1}]})), ["a[0].<hidden, 3 chars>"]);
    assert_eq!(
        masked(&json!({"list": [{"x --password=hunter22": 1}]})),
        json!({"list": [{"<hidden, 21 chars>": "<hidden, 1 chars>"}]})
    );
}

#[test]
fn structures() {
    let shown = masked(&json!({
        "authToken": "abc",
        "db": {"password": "x", "host": "h"},
        "env": [{"name": "DB_PASSWORD", "value": "s3"}, {"name": "LOG", "value": "info"}],
        "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}},
        "url": "redis://:p@h",
        "list": ["amqp://u:p@h", "ok"],
        "secrets": {"a": 1},
        "keys": ["a", "b"],
        "imagePullSecrets": [{"name": "regcred"}],
    }));
    assert_eq!(
        shown,
        json!({
            "authToken": "<hidden, 3 chars>",
            "db": {"password": "<hidden, 1 chars>", "host": "h"},
            "env": [{"name": "DB_PASSWORD", "value": "<hidden, 2 chars>"}, {"name": "LOG", "value": "info"}],
            "valueFrom": {"secretKeyRef": {"name": "a", "key": "<hidden, 1 chars>"}},
            "url": "<hidden, 12 chars>",
            "list": ["<hidden, 12 chars>", "ok"],
            "secrets": "<hidden, 8 chars>",
            "keys": "<hidden, 10 chars>",
            "imagePullSecrets": "<hidden, 21 chars>",
        })
    );
}

#[test]
fn positions_of_placeholders() {
    let hidden = "<hidden, 3 chars>";
    let value = json!({"a": hidden, "b": [{"c": hidden}, hidden], "d": "x"});
    assert_eq!(placeholder_positions(&value), ["a", "b[0].c", "b[1]"]);
    assert_eq!(placeholder_positions(&json!(hidden)), ["(root)"]);
}

#[test]
fn urls_lose_what_may_be_secret() {
    let url = Url::parse("wss://u:p@h:8443/tunnel?token=k&x=1#f").unwrap();
    assert_eq!(SafeUrl(&url).to_string(), "wss://h:8443/tunnel?token=…&x=…");
}

#[test]
fn excerpts_are_masked_and_short() {
    assert_eq!(excerpt(br#"{"api_key":"abc","detail":"no"}"#), r#"{"api_key":"<hidden, 3 chars>","detail":"no"}"#);
    assert_eq!(excerpt(br#"{"api_key":"ab"#), "14 bytes of broken JSON");
    assert_eq!(excerpt(b"<html>\n  <b>x</b>"), "<html> <b>x</b>");
    assert_eq!(excerpt("é".repeat(500).as_bytes()).chars().count(), 201);
}

#[test]
fn more_names_are_secret() {
    for name in [
        "passphrase",
        "keyPassphrase",
        "DB_PASS",
        "smtpPass",
        "pass",
        "PGPASS",
        "db-pass",
        "PASS_FILE",
        "Authorization",
        "Proxy-Authorization",
        ".dockerconfigjson",
        "passcode",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["compass", "bypass", "passthrough", "passive", "authorizationMode", "auth", "author", "oauth2Proxy"] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn texts_are_secret_by_their_form() {
    for text in [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "jwt eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "AKIAIOSFODNN7EXAMPLE",
        "key ASIAIOSFODNN7EXAMPLE;",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "Bearer abcdefgh12",
        "Basic dXNlcjpwYXNz",
        "--password=hunter2",
        "app --db-password hunter2",
        "--api-key \"x\"",
        "DB_PASS=x",
        "export DB_PASSWORD='x'",
        "Server=db;Password=x;",
        "https://h/x?access_token=x",
        "spring.datasource.password = x",
        "user: me\n  password: x\n",
        "- token: 'x'",
        "Authorization: Bearer x",
        r#"{"auths": {"r.example.com": {"auth": "dXNlcjpwYXNz"}}}"#,
        r#"{"password": "x"}"#,
    ] {
        assert!(is_secret_value(text), "{text}");
        assert_eq!(masked(&json!([text])), json!([placeholder(&json!(text))]), "{text}");
    }
    for text in [
        "eyJ",
        "eyJhbGciOi.x",
        "AKIA",
        "AKIAlowercase12345",
        "ghp_short",
        "Bearer authentication is required",
        "Basic",
        "--password",
        "--password=",
        "--password=$(DB_PASSWORD)",
        "PASSWORD=${PASSWORD}",
        "--port=80",
        "key=value",
        "secretName: db",
        "the token: expired",
        "password",
        "a = b",
        "{{ .Values.password }}",
        r#"{"a": "b"}"#,
        "-p x",
        "--password --quiet",
        "token ==",
        "<hidden, 3 chars>",
        "password: <hidden, 3 chars>",
    ] {
        assert!(!is_secret_value(text), "{text}");
        assert_eq!(masked(&json!([text])), json!([text]), "{text}");
    }
}

#[test]
fn secrets_within_other_texts_are_found() {
    for text in [
        "curl -H 'Authorization: Bearer opaque12345' https://h",
        "proxy_set_header X \"Bearer opaque12345\"",
        "user: a, password: b",
        "{\"user\":\"a\",\"password\":\"b\"} # more",
        "AKIAIOSFODNN7EXAMPLE.",
        "x_AKIAIOSFODNN7EXAMPLE",
        "AKIAIOSFODNN7EXAMPLE-old",
        "eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn",
        "identity: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlC",
        "config.json: eyJhdXRocyI6eyJyIjp7ImF1dGgiOiJkWE5sY2pwd1lYTnoifX19",
        "auth: dXNlcjpwYXNz",
        "_auth=dXNlcjpwYXNz",
        "${DB_PASSWORD:-hunter2}",
        "password: |\n  hunter2",
        "password:\n  hunter2",
        "--password\thunter2",
        "--password\nhunter2",
    ] {
        assert!(is_secret_value(text), "{text}");
    }
    for text in [
        "see the password: it is wrong",
        "use Bearer authentication here",
        "auth: enabled",
        "${DB_PASSWORD:-}",
        "${DB_PASSWORD:?required}",
        "secrets:\n  - name",
    ] {
        assert!(!is_secret_value(text), "{text}");
    }
    let shown = masked(&json!([{"name": "auth", "value": "x"}, {"key": "DB_PASSWORD", "value": "x"}]));
    assert_eq!((&shown[0]["value"], &shown[1]["value"]), (&json!("<hidden, 1 chars>"), &json!("<hidden, 1 chars>")));
}

#[test]
fn structures_hide_more() {
    let shown = masked(&json!({
        "auths": {"r.example.com": {"auth": "abc", "email": "e"}},
        "auth": {"enabled": true, "password": "x"},
        "args": ["--user", "me", "--password", "x", "--token", "--quiet"],
        "note": "see redis://u:p@h", "jdbc": "jdbc:postgresql://u:p@h/db", "site": "https://h:80/a@b",
        "env": [{"name": "DB_PASS", "value": "x"}],
        "headers": {"Authorization": "Bearer x", "X-Trace": "1"},
    }));
    assert_eq!(
        shown,
        json!({
            "auths": {"r.example.com": {"auth": "<hidden, 3 chars>", "email": "e"}},
            "auth": {"enabled": true, "password": "<hidden, 1 chars>"},
            "args": ["--user", "me", "--password", "<hidden, 1 chars>", "--token", "--quiet"],
            "note": "<hidden, 17 chars>", "jdbc": "<hidden, 26 chars>", "site": "https://h:80/a@b",
            "env": [{"name": "DB_PASS", "value": "<hidden, 1 chars>"}],
            "headers": {"Authorization": "<hidden, 8 chars>", "X-Trace": "1"},
        })
    );
}

proptest! {
    #[test]
    fn excerpt_never_shows_a_named_secret(secret in "[A-Z]{12,40}") {
        let body = json!({"password": secret, "nested": [{"token": secret}]}).to_string();
        prop_assert!(!excerpt(body.as_bytes()).contains(&secret));
        prop_assert!(!excerpt(&body.as_bytes()[..body.len() - 1]).contains(&secret));
    }

    #[test]
    fn value_rule_does_not_panic(text in ".*") {
        is_secret_value(&text);
    }
}

#[test]
fn plain_texts_lose_what_may_be_secret() {
    for (text, shown) in [
        ("see redis://:pw@h", "see redis://…@h"),
        ("at https://u:p@h/x?sig=abc&page=2#frag.", "at https://…@h/x?sig=…&page=…#…"),
        ("(https://tok3n@h:8443/a b)", "(https://…@h:8443/a b)"),
        ("x postgres://u:p@ss?#w@h/db y http://h:80/a@b", "x postgres://…@h/db y http://h:80/a@b"),
        ("https://h/x?t0k3n", "https://h/x?…"),
        ("api_key=abc, Host: h", "api_key=<hidden, 3 chars>, Host: h"),
        ("password = 'two words' end", "password = '<hidden, 9 chars>' end"),
        ("{\\\"token\\\": \\\"x y\\\"}", "{\\\"token\\\": \\\"<hidden, 4 chars>\"}"),
        ("env[DB_PASSWORD]=s3", "env[DB_PASSWORD]=<hidden, 2 chars>"),
        ("keys: [a, b], n=1", "keys: [<hidden, 4 chars>], n=1"),
        ("dsn=redis://:pw@h/0 next", "dsn=<hidden, 15 chars> next"),
        ("Authorization: Bearer abcDEF123", "Authorization: Bearer <hidden, 9 chars>"),
        ("token=Bearer abc x", "token=<hidden, 10 chars> x"),
        ("Bearer token is missing", "Bearer token is missing"),
        ("<SecretAccessKey>abc</SecretAccessKey>", "<SecretAccessKey><hidden, 3 chars></SecretAccessKey>"),
        ("body.kms_key_arn: Field required", "body.kms_key_arn: Field required"),
        ("of this key: AccessDenied: User is not", "of this key: AccessDenied: User is not"),
        ("the token: ExpiredToken: it has", "the token: ExpiredToken: it has"),
        ("key: KMSInvalidState: x", "key: KMSInvalidState: x"),
        ("key: AKIDSECRET: x", "key: <hidden, 11 chars> x"),
        ("key: AccessDenied", "key: <hidden, 12 chars>"),
        ("password: hunter", "password: <hidden, 6 chars>"),
        ("password: hunter2 was wrong", "password: <hidden, 7 chars> was wrong"),
        ("maxTokens=5 user=joe; no", "maxTokens=5 user=joe; no"),
        ("no such bucket: acme-models (eu-central-1)", "no such bucket: acme-models (eu-central-1)"),
        ("password=", "password="),
        ("", ""),
    ] {
        assert_eq!(masked_text(text), shown, "{text}");
    }
    assert_eq!(excerpt(br#"{"detail":"see https://u:p@h/x"}"#), r#"{"detail":"<hidden, 19 chars>"}"#);
    assert_eq!(excerpt(br#"{"detail":"see https://h/x?sig=y"}"#), r#"{"detail":"see https://h/x?sig=…"}"#);
    assert_eq!(excerpt(b"password=hunter2"), "password=<hidden, 7 chars>");
}

#[test]
fn a_line_is_one_line() {
    for text in [
        "\n", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{2066}", "\u{200b}", "\u{feff}",
        "\u{1b}",
    ] {
        let line = one_line(text, 40);
        assert!(line.is_ascii() && !line.contains(char::is_control), "{text:?}: {line}");
    }
    assert!(matches!(one_line("Zürich 東京 🚀 `x`\"\\", 40), std::borrow::Cow::Borrowed(_)));
    for (text, limit, line) in [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc…"),
        ("a\nb", 2, "a…"),
        ("a\nb", 3, "a\\n…"),
        ("éé", 1, "é…"),
        ("x", 0, "…"),
        ("", 0, ""),
    ] {
        assert_eq!(one_line(text, limit), line, "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_becomes_one_bounded_line(text: String, limit in 0usize..50) {
        let line = one_line(&text, limit);
        prop_assert!(line.chars().count() <= limit + 1);
        let breaks = |c: char| c.is_control() || (0x2028..=0x202e).contains(&u32::from(c));
        prop_assert!(!line.contains(breaks));
        prop_assert!(!excerpt(text.as_bytes()).contains(char::is_control));
    }

    #[test]
    fn no_named_value_shows_in_a_text(value in "[A-Z]{8,30}", lead in "[ -~]{0,20} ", sign in "=|: | = |=\"|: '") {
        for name in ["password", "api_key", "x-auth-token"] {
            let shown = masked_text(&format!("{lead}{name}{sign}{value}"));
            prop_assert!(!shown.contains(&value), "{shown}");
        }
        let shown = masked_text(&format!("{lead}https://u:{value}@h/x?a={value}"));
        prop_assert!(!shown.contains(&value), "{shown}");
    }
}

#[test]
fn a_text_full_of_secret_names_is_read_once() {
    for piece in ["password:", "auth:", "bearer ", "password: a ", "--password\t", "${DB_PASSWORD:"] {
        let hostile = piece.repeat(200_000);
        // Quadratic, each would take minutes.
        let _ = is_secret_value(&hostile);
    }
}
