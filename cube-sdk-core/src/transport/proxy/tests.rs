#![allow(clippy::unwrap_used)]

use http::HeaderValue;

use super::*;
use crate::error::ErrorKind;

fn proxies(pairs: &[(&str, &str)]) -> Proxies {
    Proxies::resolve(&ProxySetting::Environment, &Environment::from_pairs(pairs.iter().copied())).unwrap()
}

fn via(proxies: &Proxies, url: &str) -> Option<String> {
    proxies.intercept(&url.parse().unwrap()).map(|via| via.to_string())
}

#[test]
fn the_environment_chooses_by_scheme() {
    const A: &str = "http://a:1";
    const B: &str = "http://b:2";
    for (pairs, url, expected) in [
        (&[("HTTPS_PROXY", A)][..], "https://x.example/", Some(A)),
        (&[("HTTPS_PROXY", A)], "wss://x.example/", Some(A)),
        (&[("HTTPS_PROXY", A)], "http://x.example/", None),
        (&[("HTTP_PROXY", A)], "http://x.example/", Some(A)),
        (&[("HTTP_PROXY", A)], "ws://x.example:81/", Some(A)),
        (&[("HTTP_PROXY", A)], "https://x.example/", None),
        (&[("ALL_PROXY", A)], "http://x.example/", Some(A)),
        (&[("ALL_PROXY", A)], "wss://x.example/", Some(A)),
        (&[("ALL_PROXY", A), ("HTTPS_PROXY", B)], "https://x.example/", Some(B)),
        (&[("ALL_PROXY", A), ("HTTPS_PROXY", B)], "http://x.example/", Some(A)),
        // Lower case wins; an empty value is none.
        (&[("HTTPS_PROXY", A), ("https_proxy", B)], "https://x.example/", Some(B)),
        (&[("HTTPS_PROXY", A), ("https_proxy", " ")], "https://x.example/", Some(A)),
        (&[("http_proxy", A)], "ws://x.example/", Some(A)),
        (&[("all_proxy", A)], "http://x.example/", Some(A)),
        (&[("HTTPS_PROXY", "")], "https://x.example/", None),
        // A client of a CGI program may set HTTP_PROXY.
        (&[("HTTP_PROXY", A), ("REQUEST_METHOD", "GET")], "http://x.example/", None),
        (&[("http_proxy", A), ("REQUEST_METHOD", "GET")], "http://x.example/", Some(A)),
        (&[("HTTP_PROXY", A), ("ALL_PROXY", B), ("REQUEST_METHOD", "GET")], "http://x.example/", Some(B)),
        (&[("HTTPS_PROXY", A), ("REQUEST_METHOD", "GET")], "https://x.example/", Some(A)),
        // This machine is never behind a proxy.
        (&[("ALL_PROXY", A)], "http://127.0.0.1:8080/", None),
        (&[("ALL_PROXY", A)], "wss://localhost/", None),
        (&[("ALL_PROXY", A)], "https://[::1]/", None),
        (&[("ALL_PROXY", A)], "ftp://x.example/", None),
        (&[], "https://x.example/", None),
    ] {
        assert_eq!(via(&proxies(pairs), url).as_deref(), expected, "{pairs:?} {url}");
    }
}

#[test]
fn a_proxy_is_read_as_it_is_written() {
    for (value, shown, authorization) in [
        ("proxy.example", "http://proxy.example", None),
        ("proxy.example:3128", "http://proxy.example:3128", None),
        ("  http://proxy.example:3128/  ", "http://proxy.example:3128", None),
        ("proxy.example:3128/", "http://proxy.example:3128", None),
        ("HTTP://proxy.example:3128", "http://proxy.example:3128", None),
        ("https://proxy.example", "https://proxy.example", None),
        ("http://[fd00::1]:3128", "http://[fd00::1]:3128", None),
        ("http://10.0.0.1:3128", "http://10.0.0.1:3128", None),
        // user:p@w, user:, üser:pässe
        ("user:p%40w@proxy.example:3128", "http://proxy.example:3128", Some("Basic dXNlcjpwQHc=")),
        ("http://user:p%40w@proxy.example:3128", "http://proxy.example:3128", Some("Basic dXNlcjpwQHc=")),
        ("http://user@proxy.example:3128", "http://proxy.example:3128", Some("Basic dXNlcjo=")),
        ("http://%C3%BCser:p%C3%A4sse@proxy.example", "http://proxy.example", Some("Basic w7xzZXI6cMOkc3Nl")),
    ] {
        let found = proxies(&[("HTTPS_PROXY", value)]).intercept(&"https://x.example/".parse().unwrap()).unwrap();
        assert_eq!(found.to_string(), shown, "{value}");
        assert_eq!(found.authorization.as_ref().map(|value| value.to_str().unwrap()), authorization, "{value}");
        assert!(found.authorization.as_ref().is_none_or(HeaderValue::is_sensitive), "{value}");
        assert_eq!(found.origin, Origin::Env("HTTPS_PROXY"));
        assert_eq!(found.uri.authority().unwrap().as_str(), shown.split_once("://").unwrap().1, "{value}");
    }
    let v6 = proxies(&[("ALL_PROXY", "https://[fd00::1]")]).of_scheme("http").cloned().unwrap();
    assert_eq!((v6.host(), v6.port(), v6.is_tls()), ("fd00::1", 443, true));
    let named = proxies(&[("ALL_PROXY", "p:3128")]).of_scheme("https").cloned().unwrap();
    assert_eq!((named.host(), named.port(), named.is_tls()), ("p", 3128, false));
}

#[test]
fn what_cannot_be_used_names_its_variable_and_shows_nothing_of_its_value() {
    for value in [
        "socks5://user:canary@proxy.example:1080",
        "SOCKS5h://proxy.example:1080",
        "socks4://proxy.example",
        "socks://proxy.example",
        "ftp://user:canary@proxy.example",
        "://canary",
        "http://",
        "http://:3128",
        "http://user:canary@",
        "http://user:canary@:3128",
        "http://proxy.example:0",
        "http://proxy.example:99999",
        "http://proxy.example:canary",
        "http://proxy canary:3128",
        "http://user:can@ary@proxy.example:3128",
        "http://user:12/canary@proxy.example:3128",
        "http://user:12?canary@proxy.example:3128",
        "http://user:12#canary@proxy.example:3128",
        "user:can@ary@proxy.example",
        "http://[fd00::1:3128",
        "1canary://proxy.example",
        "a scheme with canary://proxy.example",
    ] {
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            let environment = Environment::from_pairs([(name, value)]);
            let error = Proxies::resolve(&ProxySetting::Environment, &environment).unwrap_err();
            assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some(name)), "{value}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("canary") && !shown.contains("proxy.example"), "{value}: {shown}");
            if let Some((scheme @ ("ftp" | "socks4"), _)) = value.split_once("://") {
                assert!(shown.contains(scheme), "{shown}");
            }
        }
    }
    // What is not consulted is not complained about.
    assert!(
        via(&proxies(&[("ALL_PROXY", "socks5://s"), ("HTTP_PROXY", "h"), ("HTTPS_PROXY", "h")]), "http://x/").is_some()
    );
}

#[test]
fn exceptions_are_read_as_people_write_them() {
    for (list, url, direct) in [
        ("*", "https://a.b/", true),
        ("*", "https://10.1.2.3/", true),
        ("*", "https://[fd00::1]/", true),
        ("a, *", "https://10.1.2.3/", true),
        ("example.com", "https://example.com/", true),
        ("example.com", "https://EXAMPLE.com:8443/", true),
        ("example.com", "https://api.example.com/", true),
        ("example.com", "https://example.com./", true),
        ("example.com.", "https://example.com/", true),
        (".example.com", "https://api.example.com/", true),
        (".example.com", "https://example.com/", true),
        ("*.example.com", "https://api.example.com/", true),
        ("example.com", "https://badexample.com/", false),
        ("example.com", "https://example.com.evil.example/", false),
        ("other.example,EXAMPLE.com:8443", "https://example.com/", false),
        ("other.example,EXAMPLE.com:8443", "https://example.com:8443/", true),
        ("example.com:443", "https://example.com/", true),
        ("example.com:443", "wss://example.com/", true),
        ("example.com:80", "http://example.com/", true),
        ("example.com:80", "https://example.com/", false),
        ("a.example example.com\tb.example", "https://example.com/", true),
        (",, ,example.com,", "https://example.com/", true),
        ("other:8443,example.com", "https://example.com:8443/", true),
        ("*:8443", "https://10.0.0.1:8443/", true),
        ("*:8443", "https://10.0.0.1/", false),
        ("10.0.0.0/8", "http://10.1.2.3/", true),
        ("10.9.9.9/8", "http://10.1.2.3/", true),
        ("10.0.0.0/8", "http://11.1.2.3/", false),
        ("10.0.0.0/8", "http://[::ffff:10.1.2.3]/", true),
        ("10.0.0.0/8:8080", "http://10.1.2.3:8080/", true),
        ("10.1.2.3", "http://10.1.2.3/", true),
        ("10.1.2.3:81", "http://10.1.2.3/", false),
        ("10.1.2.3:81", "http://10.1.2.3:81/", true),
        ("fd00::/8", "http://[fd12::1]/", true),
        ("[fd00::]/8", "http://[fd12::1]/", true),
        ("fd12::1", "http://[fd12::1]/", true),
        ("fd12:0:0::1", "http://[fd12::1]/", true),
        ("[fd12::1]", "http://[fd12::1]:81/", true),
        ("[fd12::1]:81", "http://[fd12::1]:81/", true),
        ("[fd12::1]:81", "http://[fd12::1]/", false),
        ("bücher.example", "https://xn--bcher-kva.example/", true),
        ("example.com:port", "https://example.com/", false),
        ("", "https://a.example/", false),
        (".", "https://a.example/", false),
    ] {
        let found = via(&proxies(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", list)]), url);
        assert_eq!(found.is_none(), direct, "{list} {url}");
        let fixed = ProxySetting::Fixed { url: "http://p:1".parse().unwrap(), no_proxy: list.to_owned() };
        let fixed = Proxies::resolve(&fixed, &Environment::from_pairs([("HTTPS_PROXY", "socks5://x")])).unwrap();
        assert_eq!(via(&fixed, url).is_none(), direct, "fixed, {list} {url}");
    }
    let both = proxies(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", "a.example"), ("no_proxy", "b.example")]);
    assert_eq!(via(&both, "http://b.example/"), None);
    assert!(via(&both, "http://a.example/").is_some());
    assert_eq!(both.no_proxy().origin, Origin::Env("no_proxy"));
}

#[test]
fn a_fixed_proxy_is_checked_and_holds_for_this_machine_too() {
    let fixed = |url: &str| {
        let setting = ProxySetting::Fixed { url: url.parse().unwrap(), no_proxy: String::new() };
        assert!(!format!("{setting:?}").contains("canary"));
        Proxies::resolve(&setting, &Environment::from_pairs([("HTTPS_PROXY", "http://never:1")]))
    };
    let found = fixed("http://user:can%40ary@p:3128/").unwrap();
    assert_eq!(via(&found, "https://127.0.0.1/").as_deref(), Some("http://p:3128"));
    assert!(!format!("{found:?}").contains("dXNlcjp"));
    for url in ["socks5://user:canary@p:1", "file:///x", "http://p:0"] {
        let error = fixed(url).unwrap_err();
        assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some("proxy (set in code)")));
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let direct = Proxies::resolve(&ProxySetting::Direct, &Environment::from_pairs([("HTTPS_PROXY", "x")])).unwrap();
    assert_eq!(via(&direct, "https://x.example/"), None);
}
