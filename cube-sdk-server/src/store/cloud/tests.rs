//! One suite for every engine. DynamoDB is MiniStack's, with `CUBE_REAL=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::Timestamp;
use futures_util::future::join_all;

use super::{Hash, Keeping, NewKey, Redeemed, SessionState};
use crate::store::{Id, Store, Time};

fn at(seconds: i64) -> Time {
    Time::from(Timestamp::from_millisecond(1_800_000_000_000 + seconds * 1000))
}

/// A name or hash that no other test has: engines are shared.
fn fresh() -> (String, Hash) {
    let id = Id::random();
    let mut hash = Hash::default();
    hash[..16].copy_from_slice(id.0.as_bytes());
    (id.to_string(), hash)
}

fn key_of(owner: &str, end: Option<Time>) -> NewKey {
    let (_, hash) = fresh();
    let (prefix, owner, label) = ("cube_abcde".to_owned(), owner.to_owned(), "test".to_owned());
    NewKey { id: Id::random(), hash, prefix, owner, label, expires_at: end }
}

fn groups(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn users(store: &dyn Keeping) {
    use cube_sdk_core::secret::ExposeSecret as _;
    let (name, _) = fresh();
    assert!(store.cloud_user(&name).await.unwrap().is_none());
    store.keep_cloud_user(&name, &groups(&["b", "a"]), None, at(0)).await.unwrap();
    let user = store.cloud_user(&name).await.unwrap().unwrap();
    assert!(user.groups == ["b", "a"] && user.password.is_none());
    store.keep_cloud_user(&name, &[], Some(&"hash".to_owned().into()), at(1)).await.unwrap();
    store.keep_cloud_user(&name, &groups(&["c"]), None, at(2)).await.unwrap();
    let user = store.cloud_user(&name).await.unwrap().unwrap();
    assert!(user.groups == ["c"] && user.password.unwrap().expose_secret() == "hash", "a password stays");
    #[cfg(feature = "oidc")]
    {
        assert!(!store.keep_provider_user(&name, &groups(&["x"]), "https://p", at(3)).await.unwrap());
        assert_eq!(store.cloud_user(&name).await.unwrap().unwrap().groups, ["c"]);
        let (theirs, _) = fresh();
        assert!(store.keep_provider_user(&theirs, &groups(&["x"]), "https://p", at(3)).await.unwrap());
        assert!(store.keep_provider_user(&theirs, &groups(&["y"]), "https://p", at(4)).await.unwrap());
        assert!(!store.keep_provider_user(&theirs, &groups(&["z"]), "https://q", at(5)).await.unwrap());
        assert_eq!(store.cloud_user(&theirs).await.unwrap().unwrap().groups, ["y"]);
    }
}

async fn keys(store: &dyn Keeping) {
    let (owner, unknown) = fresh();
    store.keep_cloud_user(&owner, &groups(&["g"]), None, at(0)).await.unwrap();
    let (first, second) = (key_of(&owner, None), key_of(&owner, Some(at(100))));
    store.keep_cloud_key(&first, at(1)).await.unwrap();
    store.keep_cloud_key(&second, at(2)).await.unwrap();
    assert!(store.keep_cloud_key(&first, at(3)).await.is_err(), "a key is stored once");
    assert!(store.cloud_holder(&unknown, at(5)).await.unwrap().is_none());
    let holder = store.cloud_holder(&first.hash, at(5)).await.unwrap().unwrap();
    assert_eq!((holder.key, holder.owner.as_str(), holder.groups), (first.id, owner.as_str(), groups(&["g"])));
    assert_eq!(store.cloud_holder(&second.hash, at(99)).await.unwrap().unwrap().expires_at, Some(at(100)));
    assert!(store.cloud_holder(&second.hash, at(100)).await.unwrap().is_none(), "it has ended");
    store.cloud_holder(&first.hash, at(30)).await.unwrap();
    let rows = store.cloud_keys(Some(&owner)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [second.id, first.id], "newest first");
    assert_eq!(rows[1].last_used_at, Some(at(5)), "to the minute");
    assert!(store.cloud_keys(None).await.unwrap().iter().any(|row| row.id == first.id && row.owner == owner));
    assert!(store.revoke_cloud_key(first.id, at(40)).await.unwrap());
    assert!(!store.revoke_cloud_key(first.id, at(41)).await.unwrap(), "once for good");
    assert!(!store.revoke_cloud_key(Id::random(), at(41)).await.unwrap());
    assert!(store.cloud_holder(&first.hash, at(42)).await.unwrap().is_none());
    store.keep_cloud_key(&key_of(&owner, None), at(43)).await.unwrap();
    assert_eq!(store.revoke_cloud_keys_of(&owner, at(44)).await.unwrap(), 2);
    assert_eq!(store.revoke_cloud_keys_of(&owner, at(45)).await.unwrap(), 0);
    assert_eq!(store.revoke_cloud_keys_of(&fresh().0, at(45)).await.unwrap(), 0);
    assert!(store.cloud_keys(Some(&owner)).await.unwrap().iter().all(|row| row.revoked_at.is_some()));
    let after = key_of(&owner, None);
    store.keep_cloud_key(&after, at(50)).await.unwrap();
    assert!(store.cloud_holder(&after.hash, at(51)).await.unwrap().is_some(), "a later one is good");
}

async fn logins(store: &dyn Keeping) {
    let ((owner, id), (_, browser), (_, other)) = (fresh(), fresh(), fresh());
    store.keep_cloud_user(&owner, &groups(&["g"]), None, at(0)).await.unwrap();
    assert!(store.cloud_session(&id).await.unwrap().is_none());
    store.open_cloud_session(&id, at(0), at(600)).await.unwrap();
    store.open_cloud_session(&id, at(10), at(9999)).await.unwrap();
    let row = store.cloud_session(&id).await.unwrap().unwrap();
    assert_eq!((row.state, row.expires_at), (SessionState::Opened, at(600)), "opened once");
    store.note_cloud_poll(&id, "192.0.2.1", "curl", at(11)).await.unwrap();
    assert!(!store.decide_cloud_session(&id, &browser, true, at(12)).await.unwrap(), "nobody has signed in");
    assert!(!store.sign_in_cloud_session(&id, &owner, "p", &browser, at(600)).await.unwrap(), "too late");
    let both = [&browser, &other].map(|browser| store.sign_in_cloud_session(&id, &owner, "p", browser, at(13)));
    let both: Vec<bool> = join_all(both).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(both.iter().filter(|won| **won).count(), 1, "one browser");
    let (mine, theirs) = if both[0] { (browser, other) } else { (other, browser) };
    assert!(!store.decide_cloud_session(&id, &theirs, true, at(14)).await.unwrap());
    store.deny_cloud_session(&id).await.unwrap();
    let row = store.cloud_session(&id).await.unwrap().unwrap();
    assert_eq!((row.state, row.poll_program.as_deref()), (SessionState::SignedIn, Some("curl")));
    assert_eq!((row.user.as_deref(), row.browser.as_deref()), (Some(owner.as_str()), Some(mine.as_slice())));
    let early = store.redeem_cloud_session(&id, &key_of(&owner, None), b"s", at(60), at(15)).await.unwrap();
    assert!(matches!(early, Redeemed::NotReady), "nobody has allowed it");
    assert!(store.decide_cloud_session(&id, &mine, true, at(16)).await.unwrap());
    assert!(!store.decide_cloud_session(&id, &mine, false, at(17)).await.unwrap(), "decided");

    let minted: Vec<NewKey> = (0..4).map(|_| key_of(&owner, None)).collect();
    let redeemed = minted.iter().map(|key| async {
        loop {
            // Two that meet may both be told to ask again.
            match store.redeem_cloud_session(&id, key, b"sealed", at(47), at(17)).await {
                Ok(redeemed) => break redeemed,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    });
    let redeemed = join_all(redeemed).await;
    assert_eq!(redeemed.iter().filter(|it| matches!(it, Redeemed::Minted)).count(), 1, "{redeemed:?}");
    let again = |it: &&Redeemed| matches!(it, Redeemed::Again(sealed) if sealed == b"sealed");
    assert_eq!(redeemed.iter().filter(again).count(), 3, "{redeemed:?}");
    assert_eq!(store.cloud_keys(Some(&owner)).await.unwrap().len(), 1, "one key");
    let late = store.redeem_cloud_session(&id, &minted[0], b"s", at(60), at(48)).await.unwrap();
    assert!(matches!(late, Redeemed::Used), "{late:?}");
    store.forget_sealed_keys(at(46)).await.unwrap();
    assert!(store.cloud_session(&id).await.unwrap().unwrap().sealed.is_some(), "its time is not over");
    store.forget_sealed_keys(at(47)).await.unwrap();
    assert!(store.cloud_session(&id).await.unwrap().unwrap().sealed.is_none());

    let (_, denied) = fresh();
    store.open_cloud_session(&denied, at(0), at(600)).await.unwrap();
    store.deny_cloud_session(&denied).await.unwrap();
    assert_eq!(store.cloud_session(&denied).await.unwrap().unwrap().state, SessionState::Denied);
}

#[cfg(feature = "oidc")]
async fn sign_ins(store: &dyn Keeping) {
    let ((_, state), (_, browser), (_, other)) = (fresh(), fresh(), fresh());
    let new = super::NewSignIn { state, browser, sealed: b"sealed".to_vec(), expires_at: at(600) };
    store.begin_cloud_sign_in(&new, at(0)).await.unwrap();
    assert_eq!(store.end_cloud_sign_in(&state, &other, at(1)).await.unwrap(), None);
    assert_eq!(store.end_cloud_sign_in(&other, &browser, at(1)).await.unwrap(), None);
    assert_eq!(store.end_cloud_sign_in(&state, &browser, at(600)).await.unwrap(), None, "too late");
    let ends = (0..4).map(|_| store.end_cloud_sign_in(&state, &browser, at(2)));
    let ends: Vec<_> = join_all(ends).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(ends, [b"sealed".to_vec()], "once");
}

async fn suite(store: &dyn Keeping) {
    store.ping().await.unwrap();
    users(store).await;
    keys(store).await;
    logins(store).await;
    #[cfg(feature = "oidc")]
    sign_ins(store).await;
}

#[tokio::test]
async fn sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Keeping> = Arc::new(Store::open(&dir.path().join("db")).await.unwrap());
    suite(store.as_ref()).await;
    store.close().await;
    assert!(store.ping().await.is_err());
}

/// MiniStack on a free port, once it answers; none when real components are not asked for.
#[cfg(feature = "dynamodb")]
async fn ministack(dir: &std::path::Path) -> Option<(tokio::process::Child, String)> {
    if std::env::var("CUBE_REAL").as_deref() != Ok("1") {
        return None;
    }
    let bin = std::env::var("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with hypercorn");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = tokio::process::Command::new(std::path::Path::new(&bin).join("hypercorn"));
    command.args(["ministack.app:app", "-b", &format!("127.0.0.1:{port}")]).current_dir(dir);
    command.env("SERVICES", "dynamodb").env("GATEWAY_PORT", port.to_string());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).kill_on_drop(true);
    let child = command.spawn().expect("tests/real/install installs ministack");
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Some((child, format!("http://127.0.0.1:{port}")))
}

#[cfg(feature = "dynamodb")]
#[tokio::test]
async fn dynamodb() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_ministack, url)) = ministack(dir.path()).await else { return };
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).test_credentials().endpoint_url(url);
    let config = config.region("us-west-2").load().await;
    let store = super::DynamoStore::of(&config, "keys", "sessions");
    assert!(store.ping().await.is_err(), "the tables are not there yet");
    store.create_tables().await.unwrap();
    store.create_tables().await.unwrap();
    suite(&store).await;
}
