//! All of these tests once more, with the rows in a real PostgreSQL.

use std::process::Command;

use cube_sdk_components::Postgres;
use cube_sdk_server::store::EdgeGateStore;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Set for the process that runs the tests on PostgreSQL: a URL of a role that may make databases.
const SERVER: &str = "CUBE_EDGEGATE_POSTGRES";

/// A database of its own; none where the rows are to lie in a file.
pub async fn fresh() -> Option<EdgeGateStore> {
    let server = std::env::var(SERVER).ok()?;
    let name = format!("world_{:016x}", fastrand::u64(..));
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    Some(EdgeGateStore::postgres(&format!("{base}/{name}").into()).await.unwrap())
}

#[test]
fn the_same_on_postgres() {
    if std::env::var_os(SERVER).is_some() {
        return;
    }
    let Some(server) = Postgres::start() else { return };
    let url = server.database("worlds");
    let given = server.psql(server.addr, "ALTER ROLE worlds CREATEDB").output().unwrap();
    assert!(given.status.success(), "{}", String::from_utf8_lossy(&given.stderr));
    // Those of `restart` copy files as a lost process leaves them.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--skip", "restart::", "--test-threads", "4"])
        .env(SERVER, url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("grants::") && said.contains("runs::"), "they did run: {said}");
}
