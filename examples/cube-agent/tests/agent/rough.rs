//! What no host should send.

use serde_json::json;

use crate::host::{Host, program};

#[test]
fn lines_that_are_no_messages_do_not_end_it() {
    let mut host = Host::start(&[("CUBE_CLOUD_URL".to_owned(), "http://127.0.0.1:9".to_owned())], &[]);
    let long = format!("{{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"{}\"}}", "x".repeat(17 * 1024 * 1024));
    for line in [
        b"".as_slice(),
        b"   ",
        b"no json",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        br#"{"jsonrpc":"1.0","id":1}"#,
        br#"{"jsonrpc":"2.0","method":"notifications/none"}"#,
        br#"{"jsonrpc":"2.0","id":99999,"result":{}}"#,
        br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12345}}"#,
        long.as_bytes(),
    ] {
        host.raw(line);
    }
    assert!(host.ask("ping", json!({}))["result"].is_object());
    assert!(host.ask("no/such", json!({}))["error"].is_object());
    for (params, word) in [
        (json!({ "name": "no_such_tool", "arguments": {} }), "no_such_tool"),
        (json!({ "name": "app_proxy", "arguments": { "app": 7 } }), "app_proxy"),
        (json!({ "name": "app_proxy" }), "app"),
        (json!({ "name": "agent_login", "arguments": { "api_key": null } }), "api_key"),
        (json!({ "name": "agent_login", "arguments": { "api_key": "a\nb" } }), "key"),
    ] {
        let answer = host.ask("tools/call", params);
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        let said = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(said.contains(word) && said.lines().count() <= 3, "{said}");
    }
    assert!(host.close().success());
}

#[test]
fn a_host_that_goes_at_once_or_speaks_otherwise_ends_it_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(folder.path(), &[], &[]).spawn().unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
