//! Login, logout, status: what is true of the key and of the service.

use cube_sdk::auth::Connectivity;
use cube_sdk::prelude::*;

use crate::support::{Script, cube, json};

async fn status(status: u16, body: &'static str, more: &[(&str, &str)]) -> (cube_sdk::auth::Status, usize) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("api_key"), "cube_kept").unwrap();
    let script = Script::new(move |_, _| Ok(json(status, body)));
    let status = cube(&script, dir.path(), more).auth().unwrap().status().await.unwrap();
    (status, script.count())
}

#[tokio::test]
async fn the_service_is_told_apart_from_the_key_and_from_the_profile() {
    let fine = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    let failed = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"apollo is away"}}"#;
    let is_error = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[{"type":"text","text":"away"}]}}"#;
    let (told, _) = status(200, fine, &[]).await;
    assert!(told.is_connected() && matches!(told.service, Connectivity::Connected), "{told}");
    for (code, body) in [(200, failed), (200, is_error), (403, r#"{"detail":"no such tool for you"}"#)] {
        let (told, _) = status(code, body, &[]).await;
        assert!(told.is_connected() && matches!(told.service, Connectivity::Limited(_)), "{body}: {told}");
    }
    let (told, _) = status(401, "{}", &[]).await;
    assert!(!told.is_connected() && matches!(told.service, Connectivity::KeyRefused(_)), "{told}");
    let (told, _) = status(404, "<html>", &[]).await;
    assert!(matches!(told.service, Connectivity::Unreachable(_)), "{told}");
}

#[tokio::test]
async fn the_source_of_the_key_is_told_honestly() {
    let (told, _) = status(401, "{}", &[]).await;
    let text = told.to_string();
    assert!(told.kept && text.starts_with("key: from file ") && text.contains("api_key"), "{text}");
    let (told, _) = status(401, "{}", &[("CUBE_API_KEY", "cube_env")]).await;
    let text = told.to_string();
    assert!(text.starts_with("key: from CUBE_API_KEY; the one kept in "), "{text}");
    assert!(!text.contains("cube_env") && !text.contains("cube_kept"));

    let dir = tempfile::tempdir().unwrap();
    let script = Script::new(|_, _| Ok(json(200, "{}")));
    let auth = cube(&script, dir.path(), &[]).auth().unwrap();
    let told = auth.status().await.unwrap();
    assert!(matches!(told.service, Connectivity::NotAsked) && told.key.is_none() && !told.kept, "{told}");
    assert_eq!(script.count(), 0, "the service was asked without a key");
}

#[tokio::test]
async fn a_logout_tells_what_it_did_and_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::new(|_, _| Ok(json(200, "{}")));
    let auth = cube(&script, dir.path(), &[("CUBE_API_KEY", "cube_env")]).auth().unwrap();
    auth.keep(" cube_given\n".into()).await.unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("api_key")).unwrap(), "cube_given");
    let out = auth.logout().await.unwrap();
    assert!(out.removed && out.still_set.as_deref() == Some("from CUBE_API_KEY"), "{out:?}");
    assert!(!auth.logout().await.unwrap().removed);
    for bad in ["", "a\nb"] {
        assert_eq!(auth.keep(bad.into()).await.unwrap_err().kind(), ErrorKind::Config, "{bad:?}");
    }
    assert_eq!(script.count(), 0);
}
