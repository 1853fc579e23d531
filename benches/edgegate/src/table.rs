//! The figures as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::load::Times;
use crate::round::Round;
use crate::{Kind, Options};

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => "PostgreSQL",
        Kind::Sqlite => "SQLite",
    }
}

fn both(times: &Times) -> String {
    format!("{:.2} / {:.2}", times.percentile(50), times.percentile(99))
}

pub(crate) fn markdown(rounds: &[Round]) -> String {
    let mut text = "\
| database | rows before | processes | registrations/s | one takes p50 / p99 ms | audit rows/s | bare rows/s, 1 a commit · 50 | \
newest page p50 / p99 ms | bare | filtered page p50 / p99 ms | bare |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for round in rounds {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} | {} | {:.0} | {:.0} · {:.0} | {} | {} | {} | {} |",
            name(round.kind),
            round.rows,
            round.processes,
            round.registrations,
            both(&round.registered),
            round.appended,
            round.bare_single,
            round.bare_grouped,
            both(&round.newest),
            both(&round.bare_newest),
            both(&round.filtered),
            both(&round.bare_filtered),
        );
    }
    text
}

pub(crate) fn json(options: &Options, rounds: &[Round]) -> String {
    let times = |times: &Times| json!({ "p50_ms": times.percentile(50), "p99_ms": times.percentile(99) });
    let rounds: Vec<Value> = rounds
        .iter()
        .map(|round| {
            json!({
                "database": name(round.kind), "rows_before": round.rows, "processes": round.processes,
                "registrations_per_s": round.registrations, "registration": times(&round.registered),
                "audit_rows_per_s": round.appended, "newest_page": times(&round.newest),
                "filtered_page": times(&round.filtered),
                "bare": { "rows_per_s_1_a_commit": round.bare_single, "rows_per_s_50_a_commit": round.bare_grouped,
                    "newest_page": times(&round.bare_newest), "filtered_page": times(&round.bare_filtered) },
            })
        })
        .collect();
    json!({ "seconds": options.time.as_secs(), "clients": options.clients, "pages": options.pages, "rounds": rounds })
        .to_string()
}
