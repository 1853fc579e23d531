//! A cluster with one echo app, its proxy, and a tbot output for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cube_sdk_core::Error;
use cube_sdk_teleport::dial::{AppConfig, AppDialer, AppStream, DialConfig, Limits};
use cube_sdk_teleport::tbot::directory::ReadPolicy;
use cube_sdk_teleport::tbot::{Identities, OutputRoot};
use cube_sdk_teleport::tunnel::AppName;
use cube_sdk_teleport::{AppErrorExt, AppFault};
use cube_sdk_testkit::teleport::{AppKind, Cluster, Proxy, TbotDirectory};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Proxy,
    pub(crate) root: TempDir,
}

pub(crate) const APP: &str = "db";

impl World {
    /// Everything up, nothing written by tbot yet.
    pub(crate) async fn bare() -> Self {
        let cluster = Cluster::new("cube.teleport.sh").unwrap();
        cluster.add_app(APP, AppKind::Tcp, echo().await);
        let proxy = Proxy::start(&cluster).await.unwrap();
        Self { cluster, proxy, root: tempfile::tempdir().unwrap() }
    }

    /// Everything up, and the output written once.
    pub(crate) async fn start() -> Self {
        let world = Self::bare().await;
        world.tbot().rotate().await.unwrap();
        world
    }

    pub(crate) fn path(&self, app: &str) -> PathBuf {
        self.root.path().join(format!("app-{app}"))
    }

    pub(crate) fn tbot(&self) -> TbotDirectory {
        TbotDirectory::new(&self.cluster, APP, self.path(APP))
    }

    pub(crate) fn identities(&self) -> Identities {
        let policy = ReadPolicy::default().patience(Duration::from_millis(300));
        Identities::new(OutputRoot::new(self.root.path()), policy)
    }

    /// For outputs that stay broken.
    pub(crate) fn impatient(&self) -> Identities {
        Identities::new(OutputRoot::new(self.root.path()), ReadPolicy::default().patience(Duration::ZERO))
    }

    pub(crate) fn config_at(&self, addr: SocketAddr) -> DialConfig {
        let limits = Limits::default().verdict(Duration::from_secs(4));
        DialConfig::new(addr.to_string().parse().unwrap())
            .trust_pem(self.cluster.authority().public_ca_pem().as_bytes())
            .unwrap()
            .limits(limits)
    }

    pub(crate) fn config(&self) -> DialConfig {
        self.config_at(self.proxy.addr())
    }

    /// A dialer that waits long for a refusal and not at all for an echo's silence.
    pub(crate) fn dialer(&self) -> AppDialer {
        self.dialer_with(self.config())
    }

    pub(crate) fn dialer_with(&self, config: DialConfig) -> AppDialer {
        AppDialer::new(self.identities(), config)
    }

    /// For apps that say nothing first: the dial returns as soon as TLS stands.
    pub(crate) fn quick(&self) -> AppDialer {
        self.dialer_with(self.config().limits(Limits::default().verdict(Duration::ZERO)))
    }
}

pub(crate) fn app(name: &str) -> AppConfig {
    AppConfig::new(AppName::new(name).unwrap())
}

/// Sends bytes and hears them back.
pub(crate) async fn echoed(stream: &mut AppStream, data: &[u8]) -> Vec<u8> {
    let mut back = vec![0; data.len()];
    let (mut read, mut write) = tokio::io::split(stream);
    let (wrote, got) = tokio::join!(
        async {
            write.write_all(data).await?;
            write.flush().await
        },
        read.read_exact(&mut back)
    );
    wrote.unwrap();
    got.unwrap();
    back
}

#[track_caller]
pub(crate) fn fault(outcome: Result<AppStream, Error>) -> (AppFault, Error) {
    let error = outcome.expect_err("the dial must fail");
    let fault = *error.app_fault().unwrap_or_else(|| panic!("no fault in {error:?}"));
    assert!(error.to_string().contains(fault.name()), "the line names its fault: {error}");
    assert!(error.next_step().is_some(), "the line says what to do: {error}");
    (fault, error)
}

/// An app that sends back what it hears.
pub(crate) async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    addr
}

/// An app that greets and waits.
pub(crate) async fn greeter(greeting: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(greeting).await;
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            });
        }
    });
    addr
}

/// Bytes without a pattern that a lost or doubled block would keep.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}
