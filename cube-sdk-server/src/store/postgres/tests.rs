#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use cube_sdk_components::Postgres as Server;
use cube_sdk_core::Clock;
use sqlx::Row as _;

use super::*;
use crate::store::{EdgeGateStore, Plan};

#[test]
fn a_far_host_is_spoken_to_by_checked_tls_and_no_password_is_shown() {
    for (url, mode) in [
        ("postgres://u:sesame@db.example/n", PgSslMode::VerifyFull),
        ("postgres://u:sesame@10.0.0.7:6000/n", PgSslMode::VerifyFull),
        ("postgres://u:sesame@db.example/n?sslmode=require", PgSslMode::Require),
        ("postgres://u:sesame@127.0.0.1/n", PgSslMode::Prefer),
        ("postgresql://u:sesame@[::1]/n", PgSslMode::Prefer),
        ("postgres://u:sesame@localhost/n", PgSslMode::Prefer),
        ("postgres://u:sesame@%2Frun%2Fpostgresql/n", PgSslMode::Prefer),
    ] {
        let (options, shown) = options(url).unwrap();
        assert_eq!(format!("{:?}", options.get_ssl_mode()), format!("{mode:?}"), "{url}");
        assert!(!shown.contains("sesame"), "{shown}");
    }
    for bad in ["", "edgegate.sqlite", "mysql://u:sesame@h/n", "postgres://u:sesame@h:port/n"] {
        let error = options(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{bad}");
        assert!(!format!("{error:#} {error:?}").contains("sesame"), "{error:?}");
    }
}

/// A process that was stopped between two statements, or whose machine is gone.
#[tokio::test]
async fn one_that_rests_within_a_transaction_holds_nobody_up() {
    let Some(server) = Server::start() else { return };
    let url: SecretString = server.database("resting").into();
    let asleep = Postgres::connect(&url).await.unwrap();
    let store = EdgeGateStore::postgres(&url).await.unwrap();
    let made = store.create_workspace("Acme", Plan::Team, "o@acme.example", Clock::system()).await.unwrap();
    let workspace: Id = made.id.parse().unwrap();
    let only = [workspace];
    let mut held = asleep.holding(&only).await.unwrap();
    sqlx::query("UPDATE workspaces SET plan = 'free' WHERE id = $1").bind(workspace).execute(&mut *held).await.unwrap();
    let others = Postgres::connect(&url).await.unwrap();
    let theirs = tokio::time::timeout(Duration::from_secs(120), others.holding(&only));
    theirs.await.expect("the lock is free again").unwrap().commit().await.unwrap();
    store.set_plan(&made.id, Plan::Pro).await.unwrap();
    // It wakes up: what it had not committed is gone, and it is told so.
    let late =
        sqlx::query("UPDATE workspaces SET plan = 'free' WHERE id = $1").bind(workspace).execute(&mut *held).await;
    assert!(crate::store::is_away(&late.unwrap_err()), "to be tried again");
    assert_eq!(store.plan_of(workspace).await.unwrap(), Some(Plan::Pro));
}

/// Asks each connection of the pool, by one message: within a transaction the time is that of its begin.
async fn nobody_rests_within_a_transaction(store: &Postgres) {
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = store.pool.acquire().await.unwrap();
        let asked = sqlx::raw_sql("SELECT transaction_timestamp() = statement_timestamp()");
        let alone = asked.fetch_one(&mut *connection).await.unwrap();
        assert!(alone.get::<bool, _>(0), "a connection came back within a transaction");
        all.push(connection);
    }
}

/// A client that hangs up, at any moment of the begin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_leaves_no_transaction_open() {
    let Some(server) = Server::start() else { return };
    let url: SecretString = server.database("hung_up").into();
    let store = Postgres::connect(&url).await.unwrap();
    let only = [Id::random()];
    let (mut given_up, mut begun) = (0, 0);
    // A timer is too coarse: the caller waits for so many turns of the runtime.
    for turns in 0.. {
        let waits = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = waits => {
                given_up += 1;
                nobody_rests_within_a_transaction(&store).await;
            }
            held = store.holding(&only) => {
                held.unwrap().commit().await.unwrap();
                begun += 1;
            }
        }
        if begun == 50 {
            break;
        }
    }
    assert!(given_up > 0);
}
