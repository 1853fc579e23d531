//! What the database says in the end, beside what the clients were told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cube_sdk_components::Postgres;

use crate::PATIENCE;
use crate::client::Told;

#[derive(Clone)]
pub struct Rows {
    server: Arc<Postgres>,
    database: &'static str,
}

impl Rows {
    pub fn of(server: Postgres, database: &'static str) -> Self {
        Self { server: Arc::new(server), database }
    }

    fn ask(&self, statement: &str) -> String {
        let output = self.server.database_psql(self.database, statement).output().unwrap();
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn lines(&self, statement: &str) -> BTreeSet<String> {
        self.ask(statement).lines().map(str::to_owned).collect()
    }

    /// The runs in progress that the process of this name executes, which lives since then: the one before it in its place
    /// may have left some.
    pub fn held_by(&self, name: &str, since: u128) -> BTreeSet<String> {
        self.lines(&format!(
            "SELECT id FROM runs r WHERE completed_at IS NULL AND status <> 'queued' AND EXISTS
             (SELECT 1 FROM audit a WHERE a.run_id = r.id AND a.worker_hostname = '{name}' AND a.ts > {since})"
        ))
    }

    /// How a run ended.
    pub fn fate_of(&self, run: &str) -> String {
        self.ask(&format!("SELECT status || ' ' || coalesce(error_code, '') FROM runs WHERE id = '{run}'"))
    }

    /// For how many milliseconds the run that waits longest has been without a holder.
    pub fn longest_lapse(&self) -> u128 {
        let lapse = self.ask(
            "SELECT coalesce(max((extract(epoch FROM clock_timestamp()) * 1000)::bigint - lease_until), 0) FROM runs
             WHERE completed_at IS NULL AND status <> 'queued' AND lease_until > 0",
        );
        lapse.parse::<i64>().unwrap().max(0).unsigned_abs().into()
    }

    pub fn judge(&self, told: &Told) {
        let began = Instant::now();
        while self.ask("SELECT count(*) FROM runs WHERE completed_at IS NULL") != "0" {
            assert!(began.elapsed() < PATIENCE, "stuck: {}", self.ask("SELECT id, status, lease_until FROM runs"));
            thread::sleep(Duration::from_millis(500));
        }
        let told = told.kept();
        let ends =
            self.ask("SELECT status, error_code, count(*) FROM runs GROUP BY 1, 2 ORDER BY 1").replace('\n', ", ");
        eprintln!("calls: {:?}", told.calls);
        eprintln!(
            "{} runs, {} artifacts and {} audit rows were told; runs ended: {ends}; {} audit rows",
            told.runs.len(),
            told.artifacts.len(),
            told.rows.len(),
            self.ask("SELECT count(*) FROM audit")
        );
        assert!(told.unexpected.is_empty(), "{:?}", told.unexpected);
        let runs = self.lines("SELECT id FROM runs");
        assert!(told.runs.is_subset(&runs), "lost runs: {:?}", told.runs.difference(&runs));
        let artifacts = self.lines("SELECT id FROM artifacts");
        assert!(told.artifacts.is_subset(&artifacts), "lost artifacts: {:?}", told.artifacts.difference(&artifacts));
        let rows: BTreeSet<i64> = self.lines("SELECT id FROM audit").iter().map(|id| id.parse().unwrap()).collect();
        assert!(told.rows.is_subset(&rows), "lost rows: {:?}", told.rows.difference(&rows));
        assert!(told.runs.len() > 3 && told.artifacts.len() > 10 && told.rows.len() > 10, "it was under load");
        let odd = "SELECT r.id, r.status, c.status, c.completed_at - r.completed_at FROM cells c JOIN runs r
             ON r.id = c.run_id WHERE c.completed_at IS NULL OR c.completed_at > r.completed_at
             OR c.status NOT IN ('passed', 'failed')
             OR (r.status = 'passed') <> (c.status = 'passed') AND r.error_code <> 'RUN_INTERRUPTED'";
        assert_eq!(self.ask(odd), "", "one result a cell, none after the run's end");
        let of = |what: &str| self.ask(&format!("SELECT count(*) FROM runs WHERE {what}"));
        assert_eq!(of("status = 'error' AND error_code <> 'RUN_INTERRUPTED'"), "0");
        assert_ne!(of("error_code = 'RUN_INTERRUPTED'"), "0", "somebody was hit");
        assert_ne!(of("status = 'passed'"), "0");
        let unseen = "status = 'passed' AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.run_id = runs.id
             AND a.event_type = 'get_object' AND a.outcome = 'success')";
        assert_eq!(of(unseen), "0", "what was read is in the audit");
        let twice = "SELECT attempt_id, outcome FROM audit GROUP BY 1, 2 HAVING count(*) > 1";
        assert_eq!(self.ask(twice), "", "a row is written once");
    }
}
