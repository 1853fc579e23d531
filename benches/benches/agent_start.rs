//! How soon an MCP agent answers its first `tools/list`, and how much memory it holds then:
//! `cargo bench -p cube-sdk-benches --bench agent_start -- ours=target/release/cube-agent python=PATH/cube-mcp`.
//!
//! Each start is cold for the process, not for the disk: one start of each before the first is counted. Programs take turns.
//! Without a program nothing is measured. One JSON line for each: median and all times in milliseconds, RSS and its peak in
//! KiB, the size of the file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

const STARTS: usize = 20;
const ASKED: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"#,
    r#""clientInfo":{"name":"bench","version":"1"}}}"#,
    "\n",
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    "\n",
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
    "\n",
);

struct Start {
    milliseconds: f64,
    rss: u64,
    peak: u64,
}

fn start(program: &str, home: &std::path::Path) -> Start {
    let began = Instant::now();
    let mut child = Command::new(program)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        // Nobody is signed in, and nothing listens there.
        .env("CUBE_CLOUD_URL", "http://127.0.0.1:9")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(ASKED.as_bytes()).unwrap();
    stdin.flush().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Whatever order a program writes the parts of a message in.
    let is_list = |line: &str| line.contains("\"id\":2") && line.contains("\"tools\"");
    while !is_list(&lines.next().unwrap_or_else(|| panic!("{program} ended")).unwrap()) {}
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let seen = Start { milliseconds, rss: of("VmRSS:"), peak: of("VmHWM:") };
    drop(stdin);
    let _ = child.kill();
    let _ = child.wait();
    seen
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn main() {
    let named = std::env::args().skip(1).filter_map(|argument| {
        let (name, program) = argument.split_once('=')?;
        Some((name.to_owned(), program.to_owned()))
    });
    let programs: Vec<_> = named.filter(|(name, _)| !name.starts_with('-')).collect();
    let home = std::env::temp_dir().join(format!("agent-start-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let mut seen: Vec<Vec<Start>> = programs.iter().map(|_| Vec::new()).collect();
    for round in 0..=STARTS {
        for ((_, program), seen) in programs.iter().zip(&mut seen) {
            let start = start(program, &home);
            if round > 0 {
                seen.push(start);
            }
        }
    }
    for ((name, program), seen) in programs.iter().zip(&seen) {
        let times: Vec<_> = seen.iter().map(|start| start.milliseconds).collect();
        let all: Vec<_> = times.iter().map(|time| format!("{time:.1}")).collect();
        let rss = seen.iter().map(|start| start.rss).max().unwrap_or_default();
        let peak = seen.iter().map(|start| start.peak).max().unwrap_or_default();
        let size = std::fs::metadata(program).map_or(0, |file| file.len());
        println!(
            "{{\"name\":\"{name}\",\"median_ms\":{:.1},\"all_ms\":[{}],\"rss_kib\":{rss},\"peak_kib\":{peak},\"file_bytes\":{size}}}",
            median(times),
            all.join(",")
        );
    }
    let _ = std::fs::remove_dir_all(&home);
}
