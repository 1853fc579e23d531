//! How soon an MCP agent answers its first `tools/list`, and how much memory it holds then; how long `cube status` takes, with
//! and without a service that answers at once:
//! `cargo bench -p cube-sdk-benches --bench agent_start -- ours=target/release/cube-agent python=PATH/cube-mcp
//! cube=target/release/cube`.
//!
//! Each start is cold for the process, not for the disk: one start of each before the first is counted. Programs take turns.
//! Without a program nothing is measured. One JSON line for each: median and all times in milliseconds, RSS and its peak in
//! KiB, the size of the file, the machine's load. What `cube=` names is measured as `cube_status` and `cube_status_offline`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
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

/// A command that ends by itself. Its memory is looked at in a run of its own, so that looking takes no time from it.
fn ended(program: &str, arguments: &[&str], service: &str, home: &std::path::Path) -> Start {
    let command = || {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("HOME", home).env("CUBE_CLOUD_URL", service);
        command.env("CUBE_API_KEY", "cube_bench").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let began = Instant::now();
    let status = command().status().unwrap_or_else(|error| panic!("{program}: {error}"));
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    assert!(status.success(), "{program} {arguments:?} ended with {status}");
    let mut child = command().spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let seen = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        peak = seen.unwrap_or_default().max(peak);
    }
    Start { milliseconds, rss: peak, peak }
}

/// A cube-cloud that answers every call of a tool at once: where it is.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    url
}

/// One request of a connection.
fn answer(mut stream: TcpStream) -> Option<()> {
    let mut request = Vec::new();
    let body = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            break body.to_owned();
        }
    };
    let id = body.split("\"id\":").nth(1)?.split([',', '}']).next()?.to_owned();
    let result = "{\"content\":[{\"type\":\"text\",\"text\":\"none\"}],\"isError\":false}";
    let reply = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{reply}", reply.len()).ok()
}

fn length(head: &str) -> usize {
    let named = head.lines().filter_map(|line| line.split_once(':'));
    let mut length = named.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.next().and_then(|(_, value)| value.trim().parse().ok()).unwrap_or_default()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What is measured, by its name.
struct Measured {
    name: String,
    program: String,
    /// The arguments of a command that ends by itself; none for an agent.
    arguments: Option<&'static [&'static str]>,
    seen: Vec<Start>,
}

fn measured(argument: &str) -> Vec<Measured> {
    let Some((name, program)) = argument.split_once('=').filter(|(name, _)| !name.starts_with('-')) else {
        return Vec::new();
    };
    let one = |name: &str, arguments| Measured {
        name: name.to_owned(),
        program: program.to_owned(),
        arguments,
        seen: Vec::new(),
    };
    if name == "cube" {
        let offline: &[&str] = &["status", "--offline"];
        return vec![one("cube_status", Some(&["status"])), one("cube_status_offline", Some(offline))];
    }
    vec![one(name, None)]
}

fn main() {
    let mut all: Vec<_> = std::env::args().skip(1).flat_map(|argument| measured(&argument)).collect();
    let home = std::env::temp_dir().join(format!("agent-start-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let service = service();
    for round in 0..=STARTS {
        for measured in &mut all {
            let start = match measured.arguments {
                Some(arguments) => ended(&measured.program, arguments, &service, &home),
                None => start(&measured.program, &home),
            };
            if round > 0 {
                measured.seen.push(start);
            }
        }
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    for Measured { name, program, seen, .. } in &all {
        let times: Vec<_> = seen.iter().map(|start| start.milliseconds).collect();
        let each: Vec<_> = times.iter().map(|time| format!("{time:.1}")).collect();
        let rss = seen.iter().map(|start| start.rss).max().unwrap_or_default();
        let peak = seen.iter().map(|start| start.peak).max().unwrap_or_default();
        let size = std::fs::metadata(program).map_or(0, |file| file.len());
        println!(
            "{{\"name\":\"{name}\",\"median_ms\":{:.1},\"all_ms\":[{}],\"rss_kib\":{rss},\"peak_kib\":{peak},\
             \"file_bytes\":{size},\"load\":{load}}}",
            median(times),
            each.join(",")
        );
    }
    let _ = std::fs::remove_dir_all(&home);
}
