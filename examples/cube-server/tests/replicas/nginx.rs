//! nginx before two replicas, as a balancer.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Running;

pub struct Nginx {
    pub address: String,
    _process: Running,
    _dir: tempfile::TempDir,
}

/// That of `CUBE_REAL_BIN`, else the system's, which need not be on the path.
fn program() -> PathBuf {
    let own = std::env::var_os("CUBE_REAL_BIN").map(PathBuf::from).into_iter();
    let known = own.chain(["/usr/sbin".into(), "/usr/bin".into(), "/usr/local/sbin".into()]);
    known.map(|dir| dir.join("nginx")).find(|program| program.exists()).expect("tests/real/install installs nginx")
}

/// A replica that does not answer is left out for a second; a request that may have been begun is not sent to another.
fn configuration(root: &Path, address: &str, replicas: [&str; 2]) -> String {
    let (root, [one, two]) = (root.display(), replicas);
    format!(
        "daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    upstream cube {{ server {one} max_fails=1 fail_timeout=1s; server {two} max_fails=1 fail_timeout=1s; }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://cube;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"
    )
}

impl Nginx {
    pub fn start(replicas: [&str; 2]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = dir.path().join("nginx.conf");
        std::fs::write(&config, configuration(dir.path(), &address, replicas)).unwrap();
        let mut command = Command::new(program());
        command.arg("-p").arg(dir.path()).arg("-c").arg(&config).args(["-e", "stderr"]);
        let mut process = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        while TcpStream::connect(&address).is_err() {
            assert!(process.0.try_wait().unwrap().is_none(), "nginx ended");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { address, _process: process, _dir: dir }
    }
}
