//! Where the key is kept, and which one counts.

use cube_sdk::auth::{KeyFile, KeyStore as _};
use cube_sdk::prelude::*;

use crate::support::{Script, cube, json};

fn of_call(request: &http::Request<bytes::Bytes>) -> String {
    request.headers()["authorization"].to_str().unwrap().to_owned()
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x"}]}}"#;

#[tokio::test]
async fn the_variable_wins_over_the_file_and_the_file_is_read_anew() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::new(|at, _| Ok(json(200, &LIST.replace("\"id\":1", &format!("\"id\":{}", at + 1)))));
    let cloud = cube(&script, dir.path(), &[]).cloud().unwrap();
    let error = cloud.app_list().await.unwrap_err();
    assert_eq!((error.kind(), script.count()), (ErrorKind::Credentials, 0), "{error}");
    let line = error.to_string();
    assert!(line.contains("CUBE_API_KEY") && line.contains("api_key") && line.contains("log in"), "{line}");
    // As the published agent writes it, or an editor.
    for (text, sent) in [("cube_one", "Bearer cube_one"), (" cube_two\n", "Bearer cube_two")] {
        std::fs::write(dir.path().join("api_key"), text).unwrap();
        // Ids go on with each call that was begun.
        let _ = cloud.app_list().await;
        assert_eq!(of_call(script.seen.lock().unwrap().last().unwrap()), sent);
    }
    let cloud = cube(&script, dir.path(), &[("CUBE_API_KEY", "cube_env")]).cloud().unwrap();
    let _ = cloud.app_list().await;
    assert_eq!(of_call(script.seen.lock().unwrap().last().unwrap()), "Bearer cube_env");
}

#[tokio::test]
async fn a_key_that_was_renewed_by_another_program_is_tried_after_a_401() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("api_key");
    std::fs::write(&file, "cube_old").unwrap();
    let renewed = file.clone();
    let script = Script::new(move |at, _| {
        if at == 0 {
            std::fs::write(&renewed, "cube_new").unwrap();
            return Ok(json(401, r#"{"detail":"API key missing, unknown, expired or revoked: log in again"}"#));
        }
        Ok(json(200, LIST))
    });
    let cloud = cube(&script, dir.path(), &[]).cloud().unwrap();
    cloud.app_list().await.unwrap();
    let sent: Vec<_> = script.seen.lock().unwrap().iter().map(of_call).collect();
    assert_eq!(sent, ["Bearer cube_old", "Bearer cube_new"]);
}

#[tokio::test]
async fn a_key_that_can_be_none_is_told_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::new(|_, _| Ok(json(200, LIST)));
    for bad in ["a\nb", "schl\u{fc}ssel", "a\u{0}b"] {
        let error = cube(&script, dir.path(), &[("CUBE_API_KEY", bad)]).cloud().unwrap_err();
        assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some("CUBE_API_KEY (from CUBE_API_KEY)")));
        std::fs::write(dir.path().join("api_key"), bad).unwrap();
        let error = cube(&script, dir.path(), &[]).cloud().unwrap().app_list().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
        assert!(!format!("{error:?}").contains("schl"), "{error:?}");
    }
    std::fs::write(dir.path().join("api_key"), vec![b'x'; 70_000]).unwrap();
    let error = cube(&script, dir.path(), &[]).cloud().unwrap().app_list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(script.count(), 0);
}

#[tokio::test]
async fn clear_text_to_another_machine_is_refused() {
    let error = Cube::builder()
        .environment(cube_sdk::core::config::Environment::from_pairs([("CUBE_CLOUD_URL", "http://cloud.example")]))
        .build()
        .cloud()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("CUBE_CLOUD_URL") && error.to_string().contains("https"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone_from_the_first_byte_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = tempfile::tempdir().unwrap();
    let store = KeyFile::new(dir.path().join("made/api_key"));
    store.save(&"cube_one".into()).await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(store.path()), mode(&dir.path().join("made"))), (0o600, 0o700));
    // One that others may read is not written into: it is replaced.
    std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let before = std::fs::File::open(store.path()).unwrap();
    store.save(&"cube_two".into()).await.unwrap();
    assert_eq!(mode(store.path()), 0o600);
    assert_eq!(std::io::read_to_string(before).unwrap(), "cube_one", "a reader keeps what it opened");
    let link = dir.path().join("link");
    symlink(store.path(), &link).unwrap();
    KeyFile::new(&link).save(&"cube_three".into()).await.unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(store.path()).unwrap(), "cube_three");
    assert_eq!(std::fs::read_dir(dir.path().join("made")).unwrap().count(), 1, "something is left behind");
}

#[tokio::test]
async fn readers_beside_a_writer_see_whole_keys() {
    let dir = tempfile::tempdir().unwrap();
    let store = KeyFile::new(dir.path().join("api_key"));
    let key = |letter: &str| format!("cube_{}", letter.repeat(3_000));
    store.save(&key("a").into()).await.unwrap();
    let reader = store.clone();
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let over = done.clone();
    let reading = tokio::spawn(async move {
        use cube_sdk::core::secret::ExposeSecret as _;
        while !over.load(std::sync::atomic::Ordering::SeqCst) {
            let found = reader.load().await.unwrap().expect("there is always one");
            let text = found.expose_secret();
            let last = text.chars().last().unwrap();
            assert!(text.len() == 3_005 && text[5..].chars().all(|it| it == last), "half a key");
        }
    });
    for round in 0..40 {
        store.save(&key(if round % 2 == 0 { "b" } else { "a" }).into()).await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    reading.await.unwrap();
}
