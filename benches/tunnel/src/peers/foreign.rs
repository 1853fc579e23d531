//! Other tunnels and proxies, each with its default settings on loopback and without encryption of its own.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::executable;
use crate::process::{Peer, free_address, listening};

pub(super) const NAMES: [&str; 6] = ["socat2", "bore", "rathole", "rusty-penguin", "wsrx", "websocat"];

/// Starts one; none when it is not installed.
pub(super) async fn start(name: &str, target: SocketAddr) -> Result<Option<Peer>> {
    let (program, install) = match name {
        "socat2" => ("socat", "apt-get install -y socat"),
        "bore" => ("bore", "cargo install --locked bore-cli"),
        "rathole" => ("rathole", "cargo install rathole"),
        "rusty-penguin" => ("penguin", "cargo install --locked rusty-penguin@^0.6"),
        "wsrx" => ("wsrx", "cargo install --locked wsrx"),
        _ => ("websocat", "cargo install --locked websocat"),
    };
    let Some(program) = executable(program, install)? else { return Ok(None) };
    let peer = match name {
        "socat2" => socat(&program, target).await,
        "bore" => bore(&program, target).await,
        "rathole" => rathole(&program, target).await,
        "rusty-penguin" => penguin(&program, target).await,
        "wsrx" => wsrx(&program, target).await,
        _ => websocat(&program, target).await,
    };
    peer.map(Some).with_context(|| format!("could not start {name}"))
}

async fn run(program: &Path, args: &[&str], address: SocketAddr) -> Result<Child> {
    let mut command = Command::new(program);
    command.args(args);
    listening(command, address).await
}

/// Two of them in a row, a process for each connection.
async fn socat(program: &Path, target: SocketAddr) -> Result<Peer> {
    let mut children = Vec::new();
    let mut to = target;
    for _ in 0..2 {
        let at = free_address().await?;
        let listen = format!("TCP-LISTEN:{},bind={},fork,reuseaddr,backlog=1024,nodelay", at.port(), at.ip());
        children.push(run(program, &[&listen, &format!("TCP:{to},nodelay")], at).await?);
        to = at;
    }
    Ok(Peer::new(to, children))
}

/// Its control port is fixed.
async fn bore(program: &Path, target: SocketAddr) -> Result<Peer> {
    let at = free_address().await?;
    let server = run(program, &["server", "--min-port", "1024"], SocketAddr::from(([127, 0, 0, 1], 7835))).await?;
    let (port, local) = (at.port().to_string(), target.port().to_string());
    let client = run(program, &["local", &local, "--to", "127.0.0.1", "--port", &port], at).await?;
    Ok(Peer::new(at, vec![server, client]))
}

async fn rathole(program: &Path, target: SocketAddr) -> Result<Peer> {
    let (control, at) = (free_address().await?, free_address().await?);
    let files = tempfile::tempdir()?;
    let file = |name: &str| files.path().join(name).display().to_string();
    let (server, client) = (file("server.toml"), file("client.toml"));
    let service = |side: &str, key: &str, value: SocketAddr| {
        format!("[{side}.services.bench]\ntoken = \"bench\"\n{key} = \"{value}\"\n")
    };
    std::fs::write(&server, format!("[server]\nbind_addr = \"{control}\"\n{}", service("server", "bind_addr", at)))?;
    std::fs::write(
        &client,
        format!("[client]\nremote_addr = \"{control}\"\n{}", service("client", "local_addr", target)),
    )?;
    let server = run(program, &["--server", &server], control).await?;
    let client = run(program, &["--client", &client], at).await?;
    Ok(Peer::new(at, vec![server, client]).with_files(files))
}

async fn penguin(program: &Path, target: SocketAddr) -> Result<Peer> {
    let (control, at) = (free_address().await?, free_address().await?);
    let port = control.port().to_string();
    let server = run(program, &["server", "--host", "127.0.0.1", "--port", &port], control).await?;
    let client = run(program, &["client", &format!("ws://{control}"), &format!("{at}:{target}")], at).await?;
    Ok(Peer::new(at, vec![server, client]))
}

/// Its server learns of a tunnel by a request to its own interface.
async fn wsrx(program: &Path, target: SocketAddr) -> Result<Peer> {
    let (control, at) = (free_address().await?, free_address().await?);
    let port = control.port().to_string();
    let server = run(program, &["serve", "--host", "127.0.0.1", "--port", &port], control).await?;
    let body = format!(r#"{{"from":"bench","to":"{target}"}}"#);
    let mut stream = TcpStream::connect(control).await?;
    let head = format!(
        "POST /pool HTTP/1.1\r\nHost: {control}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 2"), "the tunnel was refused: {answer}");
    let url = format!("ws://{control}/traffic/bench");
    let client = run(program, &["connect", &url, "--host", "127.0.0.1", "--port", &at.port().to_string()], at).await?;
    Ok(Peer::new(at, vec![server, client]))
}

async fn websocat(program: &Path, target: SocketAddr) -> Result<Peer> {
    let (control, at) = (free_address().await?, free_address().await?);
    let server = run(program, &["-b", "-E", &format!("ws-l:{control}"), &format!("tcp:{target}")], control).await?;
    let client = run(program, &["-b", "-E", &format!("tcp-l:{at}"), &format!("ws://{control}")], at).await?;
    Ok(Peer::new(at, vec![server, client]))
}
