//! Whom the service answers to.

use crate::support::{Cloud, http, raw};

#[tokio::test]
async fn a_forged_host_is_refused_on_every_endpoint_but_the_probes() {
    let cloud = Cloud::start().await;
    for path in ["/auth/login?session_id=x", "/auth/session/x", "/mcp/", "/tunnel", "/admin/keys", "/nothing"] {
        let ask = |host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        for host in ["evil.example", "cube.example.evil.example", "cube.example:1", "a@cube.example", ""] {
            let reply = raw(cloud.address, &ask(host)).await;
            assert!(reply.starts_with("HTTP/1.1 4") && !reply.starts_with("HTTP/1.1 401"), "{path} {host}: {reply}");
        }
        let reply = raw(cloud.address, &ask("cube.example")).await;
        assert!(!reply.starts_with("HTTP/1.1 421"), "{path}: {reply}");
    }
    for path in ["/healthz", "/readyz"] {
        let reply =
            raw(cloud.address, &format!("GET {path} HTTP/1.1\r\nHost: 10.0.0.7\r\nConnection: close\r\n\r\n")).await;
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        assert!(reply.contains("x-request-id"));
    }
    assert_eq!(http().get(format!("{}/nothing", cloud.url)).send().await.unwrap().status(), 404);
}
