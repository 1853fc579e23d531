//! What the client makes of answers: each form of success, each form of failure.

use std::time::Duration;

use cube_sdk::cloud::{Cloud, ToolEvent};
use cube_sdk::core::error::Sent;
use cube_sdk::prelude::*;
use serde_json::{Value, json};

use crate::support::{Script, cube, json as answer, reply};

fn cloud(script: &std::sync::Arc<Script>) -> Cloud {
    cube(script, std::path::Path::new("/nonexistent"), &[("CUBE_API_KEY", "cube_canary-key")]).cloud().unwrap()
}

fn result(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#)
}

const STREAM: &str = "text/event-stream";

#[tokio::test]
async fn json_and_every_form_of_event_stream_are_one_answer() {
    let text =
        result(r#"{"content":[{"type":"text","text":"a"},{"type":"image","data":"x"},{"type":"text","text":"b"}]}"#);
    // Between two words: lines are put together with a line end.
    let (head, tail) = text.split_at(text.find('[').unwrap());
    let progress =
        r#"data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#;
    for (kind, body) in [
        ("application/json", text.clone()),
        ("application/json; charset=utf-8", text.clone()),
        ("", text.clone()),
        (STREAM, format!("data: {text}\n\n")),
        ("text/event-stream;charset=utf-8", format!("data: {text}\n\n")),
        ("Text/Event-Stream", format!("data:{text}\r\n\r\n")),
        (STREAM, format!("data: {text}")),
        (STREAM, format!("event: message\nid: 1\ndata: {head}\ndata: {tail}\n\n")),
        (STREAM, format!(": hello\n\n{progress}\n\nretry: 3\n\ndata: {text}\n\n: bye\n\n")),
    ] {
        let sent = body.clone();
        let script = Script::new(move |_, _| Ok(reply(200, kind, sent.clone())));
        let got = cloud(&script).call_tool("app_list", json!({})).await.map_err(|error| format!("{body}: {error}"));
        assert_eq!(got.unwrap().text(), "a\nb", "{kind} {body}");
        let mut stream = cloud(&script).call_tool("app_list", Value::Null).stream();
        let mut last = None;
        while let Some(event) = stream.try_next().await.unwrap() {
            last = Some(event);
        }
        assert!(matches!(last, Some(ToolEvent::Reply(reply)) if reply.text() == "a\nb"), "{kind} {body}");
    }
}

#[tokio::test]
async fn what_is_sent_is_what_a_server_without_sessions_takes() {
    let script = Script::new(|_, _| Ok(answer(200, &result("{}"))));
    cloud(&script).call_tool("app_list", json!({ "company": "acme" })).await.unwrap();
    let seen = script.seen.lock().unwrap();
    let (request, header) = (&seen[0], |name: &str| seen[0].headers()[name].to_str().unwrap());
    assert_eq!(
        (request.method().as_str(), request.uri().to_string().as_str()),
        ("POST", "https://cloud.invalid/base/mcp/")
    );
    assert_eq!(header("authorization"), "Bearer cube_canary-key");
    assert_eq!(header("accept"), "application/json, text/event-stream");
    assert_eq!(header("content-type"), "application/json");
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(
        body,
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": "app_list", "arguments": { "company": "acme" } } })
    );
}

#[tokio::test]
async fn failures_are_kinds_with_words_and_a_next_step() {
    let error = |code: i64| format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"because"}}}}"#);
    let failed = result(r#"{"isError":true,"content":[{"type":"text","text":"because"}],"structuredContent":{"a":1}}"#);
    for (status, body, kind, fault) in [
        (200, error(-32602), ErrorKind::InvalidInput, Some(Some(-32602))),
        (200, error(-32601), ErrorKind::Unsupported, Some(Some(-32601))),
        (200, error(-32600), ErrorKind::Protocol, Some(Some(-32600))),
        (200, error(-32700), ErrorKind::Protocol, Some(Some(-32700))),
        (200, error(-32603), ErrorKind::Server, Some(Some(-32603))),
        (200, error(-32000), ErrorKind::Server, Some(Some(-32000))),
        (200, error(-32003), ErrorKind::PermissionDenied, Some(Some(-32003))),
        (200, error(-32800), ErrorKind::Cancelled, Some(Some(-32800))),
        (200, r#"{"jsonrpc":"2.0","id":null,"error":{"message":"because"}}"#.into(), ErrorKind::Server, Some(None)),
        (200, failed, ErrorKind::Server, Some(None)),
        (401, r#"{"detail":"because"}"#.into(), ErrorKind::Unauthenticated, None),
        (403, r#"{"detail":"because"}"#.into(), ErrorKind::PermissionDenied, None),
        (404, "because".into(), ErrorKind::NotFound, None),
        (307, "because".into(), ErrorKind::Protocol, None),
        (413, r#"{"detail":"because"}"#.into(), ErrorKind::InvalidInput, None),
        (421, r#"{"detail":"because"}"#.into(), ErrorKind::InvalidInput, None),
        (200, "because".into(), ErrorKind::Decode, None),
        (200, "".into(), ErrorKind::Decode, None),
        (202, "".into(), ErrorKind::Decode, None),
        (200, "[]".into(), ErrorKind::Protocol, None),
        (200, r#"{"jsonrpc":"2.0","id":9,"result":{}}"#.into(), ErrorKind::Protocol, None),
        (200, r#"{"jsonrpc":"2.0","id":"1","result":{}}"#.into(), ErrorKind::Protocol, None),
    ] {
        let sent = body.clone();
        let script = Script::new(move |_, _| Ok(answer(status, &sent)));
        let error = cloud(&script).call_tool("install_entity", json!({})).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert_eq!(error.tool_fault().map(|fault| fault.code), fault, "{status} {body}");
        assert_eq!(script.count(), 1, "{status} {body}");
        assert_ne!(error.sent(), Sent::No, "{status} {body}");
        assert_eq!(error.target(), Some("install_entity"), "{status} {body}: {error}");
        if fault.is_some() || body.contains("detail") {
            assert!(error.to_string().contains("because"), "{status} {body}: {error}");
        }
    }
}

#[tokio::test]
async fn a_failure_has_the_kind_that_the_service_gives_unless_it_is_the_service_s_own() {
    let told = |kind: &str| json!({ "kind": kind, "code": "Apollo:Word", "request_id": "up-1", "retry_after_s": 7 });
    for (kind, wanted, transient) in [
        ("not_found", ErrorKind::NotFound, false),
        ("conflict", ErrorKind::Conflict, false),
        ("throttled", ErrorKind::Throttled, true),
        ("unavailable", ErrorKind::Unavailable, true),
        ("timeout", ErrorKind::Timeout, false),
        ("permission_denied", ErrorKind::PermissionDenied, false),
        // Not the caller's key, connection or file.
        ("unauthenticated", ErrorKind::Server, false),
        ("credentials", ErrorKind::Server, false),
        ("connect", ErrorKind::Server, false),
        ("io", ErrorKind::Server, false),
        ("server", ErrorKind::Server, false),
        ("a_kind_of_tomorrow", ErrorKind::Server, false),
    ] {
        let failed = json!({ "isError": true, "content": [{ "type": "text", "text": "because" }],
            "_meta": { "cube/fault": told(kind) } });
        let answers = [
            json!({ "jsonrpc": "2.0", "id": 1, "result": failed }),
            json!({ "jsonrpc": "2.0", "id": 1,
                "error": { "code": -32000, "message": "because", "data": told(kind) } }),
        ];
        for body in answers.map(|body| body.to_string()) {
            let sent = body.clone();
            let script = Script::new(move |_, _| Ok(answer(200, &sent)));
            let error = cloud(&script).call_tool("list_environments", json!({})).await.unwrap_err();
            assert_eq!((error.kind(), error.is_transient()), (wanted, transient), "{body}: {error}");
            assert_eq!(
                (error.code(), error.retry_after()),
                (Some("Apollo:Word"), Some(Duration::from_secs(7))),
                "{body}"
            );
            let fault = error.tool_fault().unwrap();
            assert_eq!(fault.upstream_request_id.as_deref(), Some("up-1"));
            assert_eq!(fault.kind.map(ErrorKind::name).is_some(), kind != "a_kind_of_tomorrow", "{body}");
            assert_eq!(script.count(), 1, "the service has tried already: {body}");
        }
    }
    // What is of another form says nothing.
    for data in [json!("x"), json!({ "kind": 7 }), json!([])] {
        let body =
            json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32000, "message": "because", "data": data } });
        let script = Script::new(move |_, _| Ok(answer(200, &body.to_string())));
        let error = cloud(&script).call_tool("list_environments", json!({})).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Server, Some("-32000")), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_changes_nothing_is_sent_again() {
    let flaky = || Script::new(|at, _| Ok(if at == 0 { answer(503, "{}") } else { answer(200, &result("{}")) }));
    for (tool, tries) in [("list_environments", 2), ("kubectl_exec", 2), ("install_entity", 1), ("brand_new_tool", 1)] {
        let script = flaky();
        let outcome = cloud(&script).call_tool(tool, json!({})).await;
        assert_eq!((script.count(), outcome.is_ok()), (tries, tries == 2), "{tool}");
    }
    // What the service says counts more than the published list.
    let said = |name: &str, reads: bool| {
        let tools = json!({ "tools": [{ "name": name, "inputSchema": {}, "annotations": { "readOnlyHint": reads } }] });
        Script::new(move |at, _| {
            Ok(match at {
                0 => answer(200, &result(&tools.to_string())),
                1 => answer(503, "{}"),
                _ => answer(200, &result("{}").replace("\"id\":1", "\"id\":2")),
            })
        })
    };
    for (tool, reads, tries) in [("brand_new_tool", true, 3), ("list_environments", false, 2)] {
        let script = said(tool, reads);
        let cloud = cloud(&script);
        assert_eq!(cloud.list_tools().collect_up_to(9).await.unwrap()[0].is_read_only(), reads);
        let outcome = cloud.call_tool(tool, json!({})).await;
        assert_eq!((script.count(), outcome.is_ok()), (tries, tries == 3), "{tool}");
    }
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let script = Script::new(|_, _| Ok(answer(200, &result("{}"))));
    let cloud = cloud(&script);
    let mut errors = vec![
        cloud.call_tool("", json!({})).await.unwrap_err(),
        cloud.call_tool("x", json!([1])).await.unwrap_err(),
        cloud.call_tool("x", json!("text")).await.unwrap_err(),
        cloud.cube_status(" ").await.unwrap_err(),
        cloud.compare_product_versions("a:b", Vec::<String>::new()).await.unwrap_err(),
        cloud.compare_product_versions("a:b", ["one,two"]).await.unwrap_err(),
        cloud.update_module_variables("e", "m", json!([1])).await.unwrap_err(),
        cloud.create_secret("e", "n", "s").secret_keys(Vec::<(String, _)>::new()).await.unwrap_err(),
    ];
    errors.push(cloud.call_tool("x", json!(1)).stream().try_next().await.unwrap_err());
    errors.push(cloud.cube_status("").stream().try_next().await.unwrap_err());
    for error in errors {
        assert_eq!((error.kind(), error.sent()), (ErrorKind::InvalidInput, Sent::No), "{error}");
    }
    assert_eq!(script.count(), 0);
}

#[tokio::test]
async fn secrets_of_a_call_stand_in_no_error_and_no_debug_text() {
    let words = "no: hunter2-canary and cube_canary-key";
    for (status, body) in [
        (403, format!(r#"{{"detail":"{words}"}}"#)),
        (500, words.to_owned()),
        (200, format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":-32000,"message":"{words}"}}}}"#)),
        (200, result(&format!(r#"{{"isError":true,"content":[{{"type":"text","text":"{words}"}}]}}"#))),
    ] {
        let script = Script::new(move |_, _| Ok(answer(status, &body)));
        let call = cloud(&script).create_secret("cube-7", "mosquitto", "admin").secret_value("hunter2-canary".into());
        let shown = format!("{call:?}");
        let error = call.await.unwrap_err();
        let shown = format!("{shown} {error} {error:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("canary-key"), "{shown}");
        assert!(script.seen.lock().unwrap()[0].body().windows(14).any(|it| it == b"hunter2-canary"), "it was sent");
    }
    let kept = result(r#"{"content":[{"type":"text","text":"canary"}],"structuredContent":{"token":"canary"}}"#);
    let script = Script::new(move |_, _| Ok(answer(200, &kept)));
    let got = cloud(&script).acr_get_token().await.unwrap();
    assert!(!format!("{got:?} {:?} {:?}", got.data(), got.reply()).contains("canary"));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let long = format!("data: \"{}\"\n\n", "x".repeat(1 << 20)).repeat(17);
    let script = Script::new(move |_, _| Ok(reply(200, STREAM, long.clone())));
    let error = cloud(&script).call_tool("app_list", json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    let mut stream = cloud(&script).call_tool("app_list", json!({})).stream();
    let error = stream.try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(stream.try_next().await.unwrap().is_none(), "an error is the last item");
}

#[tokio::test]
async fn progress_is_that_of_the_call() {
    let note = |token: &str, done: u32| {
        format!(
            "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":\
             {{\"progressToken\":{token},\"progress\":{done},\"total\":2,\"message\":\"at {done}\"}}}}\n\n"
        )
    };
    let body = [
        note("1", 1),
        note("77", 9),
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n".to_owned(),
        "data: {\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"}\n\n".to_owned(),
        note("1", 2),
        format!("data: {}\n\n", result(r#"{"content":[{"type":"text","text":"done"}]}"#)),
        note("1", 3),
    ]
    .concat();
    let script = Script::new(move |_, _| Ok(reply(200, STREAM, body.clone())));
    let mut stream = cloud(&script).compare_product_versions("a:b", ["c", "d"]).stream();
    let mut told = Vec::new();
    while let Some(event) = stream.try_next().await.unwrap() {
        told.push(match event {
            ToolEvent::Progress(it) => format!("{} of {:?}: {}", it.done, it.total, it.message.unwrap()),
            ToolEvent::Reply(reply) => reply.text().to_owned(),
            _ => unreachable!(),
        });
    }
    assert_eq!(told, ["1 of Some(2.0): at 1", "2 of Some(2.0): at 2", "done"]);
    let sent: Value = serde_json::from_slice(script.seen.lock().unwrap()[0].body()).unwrap();
    assert_eq!(sent["params"]["_meta"]["progressToken"], 1);
    assert_eq!(sent["params"]["arguments"]["environments"], "c,d");
}

#[tokio::test]
async fn an_old_service_that_gives_text_only_is_read_as_far_as_it_goes() {
    let with = |text: &str| {
        let body = result(&json!({ "content": [{ "type": "text", "text": text }] }).to_string());
        cloud(&Script::new(move |_, _| Ok(answer(200, &body))))
    };
    let listed = with("cube-7\ncube-8").list_environments().await.unwrap();
    assert_eq!((listed.text(), listed.data().is_none()), ("cube-7\ncube-8", true));
    assert_eq!(listed.into_data().unwrap_err().kind(), ErrorKind::Unsupported);
    use cube_sdk::core::secret::ExposeSecret as _;
    let login =
        with(r#"{"kubeconfig":"apiVersion: v1","cluster":"cube-7"}"#).cube_cluster_login("cube-7").await.unwrap();
    let login = login.into_data().unwrap();
    assert_eq!((login.kubeconfig.expose_secret(), login.cluster.as_str()), ("apiVersion: v1", "cube-7"));
    let token = "t".repeat(120);
    let got = with(&format!("Your token:\n  {token}  \nis valid for an hour")).acr_get_token().await.unwrap();
    assert_eq!(got.into_data().unwrap().token.expose_secret(), token);
    // Data of another shape is no failure of a call that went well.
    let odd = result(r#"{"content":[{"type":"text","text":"made"}],"structuredContent":{"change_request":7}}"#);
    let made = cloud(&Script::new(move |_, _| Ok(answer(200, &odd)))).delete_environment("x").await.unwrap();
    assert_eq!((made.text(), made.data().is_none()), ("made", true));
    assert_eq!(made.reply().data().unwrap()["change_request"], 7);
}

#[tokio::test]
async fn a_list_of_tools_goes_on_by_its_cursor_and_ends() {
    let page = |at: usize, next: &str| {
        let tool = json!({ "name": format!("t{at}"), "inputSchema": { "type": "object" }, "extra": 1 });
        let mut page = json!({ "tools": [tool] });
        if !next.is_empty() {
            page["nextCursor"] = next.into();
        }
        answer(200, &result(&page.to_string()).replace("\"id\":1", &format!("\"id\":{}", at + 1)))
    };
    let script = Script::new(move |at, _| Ok(page(at, ["b", "c", ""][at])));
    let tools = cloud(&script).list_tools().collect_up_to(9).await.unwrap();
    assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["t0", "t1", "t2"]);
    let last: Value = serde_json::from_slice(script.seen.lock().unwrap()[2].body()).unwrap();
    assert_eq!(last["params"]["cursor"], "c");
    // A server that names one page for ever.
    let script = Script::new(move |at, _| Ok(page(at, "b")));
    assert!(cloud(&script).list_tools().collect_up_to(99).await.is_err());
}
