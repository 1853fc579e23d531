//! Pages of the audit: one statement for each combination of filters, each a range of one index in its own order.

use cube_sdk_core::Result;
use sqlx::AssertSqlSafe;

use super::super::engine::{Engine, reading};
use super::super::{EdgeGateStore, Id, Time, failing};
use super::AuditRow;

/// Which rows to list; all given conditions hold at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AuditFilter {
    pub(crate) artifact_id: Option<Id>,
    pub(crate) run_id: Option<Id>,
    /// Only rows later than this.
    pub(crate) since: Option<Time>,
    /// Only rows with a lower id.
    pub(crate) cursor: Option<i64>,
}

impl AuditFilter {
    /// The statement for these filters. In SQLite its index is named, so that it can neither scan nor sort: what the
    /// database knows of the table's contents has no say. PostgreSQL names none.
    fn statement(&self, engine: &Engine) -> String {
        let (index, of) = match (self.run_id, self.artifact_id) {
            (None, None) => ("audit_of_workspace", ""),
            (Some(_), None) => ("audit_of_run", " AND run_id = $2"),
            (None, Some(_)) => ("audit_of_artifact", " AND artifact_id = $3"),
            (Some(_), Some(_)) => ("audit_of_run_and_artifact", " AND run_id = $2 AND artifact_id = $3"),
        };
        let by = |index: &str| match engine {
            Engine::Sqlite(_) => format!(" INDEXED BY {index}"),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => String::new(),
        };
        let below = if self.cursor.is_some() { " AND id < $4" } else { "" };
        // Rows before the first whose `latest` is later cannot be later themselves; some of those after it may be earlier.
        let since = if self.since.is_some() {
            let by = by("audit_by_time");
            format!(
                " AND ts > $5 AND id >= (SELECT id FROM audit{by}
                 WHERE workspace_id = $1 AND latest > $5 ORDER BY latest, id LIMIT 1)"
            )
        } else {
            String::new()
        };
        let by = by(index);
        format!(
            "SELECT id, event_type, operation, aws_request_id, attempt_id, probe_id, role_arn, bucket, s3_key, bytes_read,
             worker_hostname, outcome, error_code, artifact_id, run_id, ts FROM audit{by}
             WHERE workspace_id = $1{of}{below}{since} ORDER BY id DESC LIMIT $6"
        )
    }
}

impl EdgeGateStore {
    /// Up to `limit` rows of a workspace, newest first.
    pub(crate) async fn audit_page(&self, workspace: Id, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRow>> {
        // Made of our own words only; every value is bound.
        let statement = filter.statement(self.engine());
        reading!(self, pool => sqlx::query_as(AssertSqlSafe(statement))
            .bind(workspace)
            .bind(filter.run_id)
            .bind(filter.artifact_id)
            .bind(filter.cursor)
            .bind(filter.since)
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await)
        .map_err(failing("listing the audit"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
mod tests {
    use std::time::{Duration, Instant};

    use cube_sdk_core::Timestamp;
    use sqlx::Row as _;

    use super::super::super::Store;
    use super::super::tests::{row, store};
    use super::*;

    const WORKSPACE: Id = Id::from_u128(1);

    fn at(milliseconds: i64) -> Time {
        Time::from(Timestamp::from_millisecond(milliseconds))
    }

    /// Every combination of the filters.
    fn combinations(run: Id, artifact: Id, since: Time, cursor: i64) -> Vec<AuditFilter> {
        (0..16_u8)
            .map(|bits| AuditFilter {
                run_id: (bits & 1 != 0).then_some(run),
                artifact_id: (bits & 2 != 0).then_some(artifact),
                since: (bits & 4 != 0).then_some(since),
                cursor: (bits & 8 != 0).then_some(cursor),
            })
            .collect()
    }

    #[tokio::test]
    async fn no_filter_scans_or_sorts() {
        let (_dir, file, store) = store().await;
        for filter in combinations(Id::from_u128(2), Id::from_u128(3), at(5), 7) {
            let plan = plan(&file, &filter.statement(store.engine())).await;
            let shown = format!("{filter:?}: {plan:?}");
            assert!(goes_straight(&plan), "{shown}");
            let of = [(filter.run_id, "run_id=? AND "), (filter.artifact_id, "artifact_id=? AND ")];
            let of: String = of.iter().filter_map(|(id, words)| id.map(|_| *words)).collect();
            let range = match (filter.since, filter.cursor) {
                (None, None) => "",
                (None, Some(_)) => "id<?",
                (Some(_), None) => "id>?",
                (Some(_), Some(_)) => "id>? AND id<?",
            };
            let terms = format!("(workspace_id=? AND {of}{range}");
            assert!(plan[0].contains(terms.trim_end_matches(" AND ")), "{shown} without {terms}");
            if filter.since.is_some() {
                let bound = "USING COVERING INDEX audit_by_time (workspace_id=? AND latest>?)";
                assert!(plan.iter().any(|step| step.contains(bound)), "{shown}");
            }
        }
    }

    /// The steps of a statement.
    async fn plan(store: &Store, statement: &str) -> Vec<String> {
        let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
        explained.fetch_all(&store.reader).await.unwrap().iter().map(|step| step.get("detail")).collect()
    }

    fn goes_straight(plan: &[String]) -> bool {
        let slow =
            |step: &String| step.contains("SCAN") && !step.contains("CONSTANT ROW") || step.contains("TEMP B-TREE");
        !plan.is_empty() && !plan.iter().any(slow)
    }

    #[tokio::test]
    async fn appending_does_not_scan_and_what_scans_is_found_out() {
        let (_dir, store, _) = store().await;
        let append = plan(&store, super::super::append::SQLITE).await;
        assert!(goes_straight(&append), "{append:?}");
        for slow in [
            "SELECT * FROM audit WHERE bucket = 'b'",
            "SELECT * FROM audit WHERE workspace_id = ?1 AND latest > ?2 ORDER BY ts",
            "SELECT * FROM audit WHERE (?1 IS NULL OR run_id = ?1) ORDER BY ts DESC LIMIT 1",
        ] {
            let plan = plan(&store, slow).await;
            assert!(!goes_straight(&plan), "{plan:?}");
        }
        // Runs are listed as the audit is.
        for filter in ["", " AND pipeline_id = ?2"] {
            let runs = format!("SELECT * FROM runs WHERE workspace_id = ?1{filter} ORDER BY seq DESC LIMIT ?3");
            let plan = plan(&store, &runs).await;
            assert!(goes_straight(&plan), "{plan:?}");
        }
    }

    #[tokio::test]
    async fn every_filter_gives_what_it_says_though_times_go_back() {
        let (_dir, _, store) = store().await;
        let mut rows = Vec::new();
        for number in 0..300_u64 {
            let mut made = row(&number.to_string(), "success");
            // Other workspaces between, times that go up and down, some of them far.
            made.workspace_id = Id::from_u128(1 + u128::from(number % 7 == 3));
            made.run_id = Some(Id::from_u128(10 + u128::from(number % 3))).filter(|_| number % 5 != 0);
            made.artifact_id = Some(Id::from_u128(20 + u128::from(number % 4))).filter(|_| number % 11 != 0);
            let jump = [0, -40_000, 25_000, 0, 3_000][usize::try_from(number * 7 % 5).unwrap()];
            made.ts = at(1_000_000 + i64::try_from(number).unwrap() * 1000 + jump);
            rows.push(made);
        }
        for group in rows.chunks(13) {
            store.append_audit(group).await.unwrap();
        }
        for since in [0, 999_000, 1_060_000, 1_150_500, 1_299_000, 1_400_000] {
            for filter in combinations(Id::from_u128(11), Id::from_u128(22), at(since), 200) {
                let expected: Vec<i64> = (1..)
                    .zip(&rows)
                    .filter(|(id, row)| {
                        row.workspace_id == WORKSPACE
                            && filter.run_id.is_none_or(|run| row.run_id == Some(run))
                            && filter.artifact_id.is_none_or(|artifact| row.artifact_id == Some(artifact))
                            && filter.since.is_none_or(|since| row.ts > since)
                            && filter.cursor.is_none_or(|cursor| *id < cursor)
                    })
                    .map(|(id, _)| id)
                    .collect();
                let listed = store.audit_page(WORKSPACE, &filter, 500).await.unwrap();
                let listed: Vec<i64> = listed.iter().rev().map(|row| row.id).collect();
                assert_eq!(listed, expected, "{filter:?}");
            }
        }
    }

    /// Fills `CUBE_AUDIT_ROWS` rows (default: a million) into `CUBE_AUDIT_DIR` and prints how long pages take:
    /// `cargo test -p cube-sdk-server --lib pages_of_millions -- --ignored --nocapture`
    #[tokio::test]
    #[ignore = "fills gigabytes; run by hand, its result stands in docs/benchmarks.md"]
    async fn pages_of_millions() {
        const TIMES: usize = 9;
        let total: i64 = std::env::var("CUBE_AUDIT_ROWS").map_or(1_000_000, |text| text.parse().unwrap());
        let dir = match std::env::var_os("CUBE_AUDIT_DIR") {
            Some(parent) => tempfile::tempdir_in(parent).unwrap(),
            None => tempfile::tempdir().unwrap(),
        };
        let file = Store::open(&dir.path().join("db")).await.unwrap();
        let store = EdgeGateStore::from(file.clone());
        let began = Instant::now();
        sqlx::query("PRAGMA synchronous = OFF").execute(&file.writer).await.unwrap();
        sqlx::query("PRAGMA cache_size = -1000000").execute(&file.writer).await.unwrap();
        // Nine of ten rows are of one workspace: runs of 1 000 rows, each over 3 of 50 artifacts, a call every second.
        for from in (0..total).step_by(250_000) {
            sqlx::query(
                "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < min(?1 + 250000, ?2))
                 INSERT INTO audit (workspace_id, event_type, operation, aws_request_id, attempt_id, role_arn, bucket,
                 s3_key, bytes_read, worker_hostname, outcome, artifact_id, run_id, ts, latest)
                 SELECT format('00000000-0000-0000-0000-%012x', 1 + (i % 10 = 7)), 'get_object', 'GetObject',
                 format('%016X', i * 2654435761), format('%032x', i), 'arn:aws:iam::111122223333:role/edgegate-byo-read',
                 'acme-edge-models', format('vision/net-%d.onnx', i % 50), 8388608, 'worker-3', 'success',
                 format('00000000-0000-0000-0001-%012x', (i / 1000 * 3 + i % 3) % 50),
                 format('00000000-0000-0000-0002-%012x', i / 1000), i * 1000, i * 1000 FROM n",
            )
            .bind(from)
            .bind(total)
            .execute(&file.writer)
            .await
            .unwrap();
        }
        println!("{total} rows in {:.0?}", began.elapsed());
        let middle = total / 2;
        let run = Id::from_u128((2 << 64) + u128::try_from(middle / 1000).unwrap());
        let artifact = Id::from_u128((1 << 64) + u128::try_from(middle / 1000 * 3 % 50).unwrap());
        let nobody = Id::from_u128(9);
        let mut worst = Duration::ZERO;
        for (run, artifact) in [(run, artifact), (run, nobody), (nobody, artifact)] {
            for since in [0, middle, total - 5, total + 1] {
                for cursor in [total, middle + 300, 3] {
                    for filter in combinations(run, artifact, at(since * 1000), cursor) {
                        let mut times = Vec::new();
                        for _ in 0..TIMES {
                            let began = Instant::now();
                            store.audit_page(WORKSPACE, &filter, 101).await.unwrap();
                            times.push(began.elapsed());
                        }
                        times.sort();
                        // The best: other processes slow the others down, and nothing speeds a page up.
                        if times[0] > worst {
                            worst = times[0];
                            println!("{:.2} ms (median {:.2}): {filter:?}", ms(times[0]), ms(times[TIMES / 2]));
                        }
                    }
                }
            }
        }
        println!("the slowest page of 100 takes {:.2} ms at {total} rows", ms(worst));
        assert!(worst < Duration::from_millis(5));
    }

    fn ms(time: Duration) -> f64 {
        time.as_secs_f64() * 1000.0
    }
}
