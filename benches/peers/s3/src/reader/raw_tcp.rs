//! The null client: HTTP over plain sockets or rustls, nothing done with the bytes. What it reaches is the physical bound.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use anyhow::Context;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sha2::{Digest, Sha256};

use super::Read;
use crate::child::Said;
use crate::object::hex;
use crate::peer::TRUSTED;

const STEP: usize = 256 << 10;

enum Socket {
    Open(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Open(socket) => socket.write_all(bytes),
            Self::Tls(socket) => socket.write_all(bytes),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Open(socket) => socket.read(into),
            Self::Tls(socket) => socket.read(into),
        }
    }
}

fn tls(server: &str, socket: TcpStream) -> anyhow::Result<Box<StreamOwned<ClientConnection, TcpStream>>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(std::env::var_os(TRUSTED).context(TRUSTED)?)? {
        roots.add(certificate?)?;
    }
    let provider = cube_sdk_core::transport::cryptography();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = server.rsplit_once(':').map_or(server, |(host, _)| host).to_owned();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(name)?)?;
    Ok(Box::new(StreamOwned::new(connection, socket)))
}

/// One keep-alive connection.
struct Connection {
    socket: Socket,
    request: String,
    step: Vec<u8>,
}

impl Connection {
    fn open(read: &Read) -> anyhow::Result<Self> {
        let (scheme, server) = read.endpoint.split_once("://").context("no URL")?;
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        let socket = if scheme == "https" { Socket::Tls(tls(server, socket)?) } else { Socket::Open(socket) };
        let request = format!("GET /{}/{} HTTP/1.1\r\nhost: {server}\r\n", read.bucket, read.key);
        Ok(Self { socket, request, step: vec![0; STEP] })
    }

    /// Asks for one part and hands its bytes on as they come.
    fn part(&mut self, first: u64, last: u64, mut take: impl FnMut(&[u8])) -> anyhow::Result<()> {
        let request = format!("{}range: bytes={first}-{last}\r\n\r\n", self.request);
        self.socket.write_all(request.as_bytes())?;
        let (mut filled, mut left) = (0, last - first + 1);
        let body = loop {
            let count = self.socket.read(&mut self.step[filled..])?;
            anyhow::ensure!(count > 0, "closed within the head");
            filled += count;
            if let Some(end) = self.step[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        anyhow::ensure!(self.step.starts_with(b"HTTP/1.1 206"), "not a 206");
        take(&self.step[body..filled]);
        left -= (filled - body) as u64;
        while left > 0 {
            let want = STEP.min(usize::try_from(left)?);
            let count = self.socket.read(&mut self.step[..want])?;
            anyhow::ensure!(count > 0, "closed within the body");
            take(&self.step[..count]);
            left -= count as u64;
        }
        Ok(())
    }
}

/// Each connection takes every n-th part and drops what comes.
pub(crate) fn discard(read: &Read) -> anyhow::Result<Said> {
    let began = Instant::now();
    let bytes: anyhow::Result<u64> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..read.connections)
            .map(|lane| {
                scope.spawn(move || -> anyhow::Result<u64> {
                    let mut connection = Connection::open(read)?;
                    let mut bytes = 0;
                    for (first, last) in read.parts().skip(lane).step_by(read.connections) {
                        connection.part(first, last, |chunk| bytes += chunk.len() as u64)?;
                    }
                    Ok(bytes)
                })
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().map_err(|_| anyhow::anyhow!("a lane died"))?).sum()
    });
    Ok(Said { bytes: bytes?, seconds: began.elapsed().as_secs_f64(), ..Said::default() })
}

/// The parts in order through SHA-256 on a thread of its own; the buffers go round.
pub(crate) fn digest(read: &Read) -> anyhow::Result<Said> {
    let began = Instant::now();
    let (bytes, found) = thread::scope(|scope| {
        let lanes: Vec<_> = (0..read.connections)
            .map(|lane| {
                let (full, parts) = sync_channel::<Vec<u8>>(1);
                let (back, empty) = sync_channel::<Vec<u8>>(2);
                let worker = scope.spawn(move || fill(read, lane, &full, &empty));
                (parts, back, worker)
            })
            .collect();
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        for index in 0..read.parts().count() {
            let (parts, back, _) = &lanes[index % lanes.len()];
            let Ok(part) = parts.recv() else { break };
            digest.update(&part);
            bytes += part.len() as u64;
            let _ = back.try_send(part);
        }
        for (parts, back, worker) in lanes {
            drop((parts, back));
            worker.join().map_err(|_| anyhow::anyhow!("a lane died"))??;
        }
        anyhow::Ok((bytes, hex(&digest.finalize())))
    })?;
    let wanted = read.sha256.as_deref().context("--sha256")?;
    anyhow::ensure!(wanted == found, "the digest is {found}");
    Ok(Said { bytes, seconds: began.elapsed().as_secs_f64(), ..Said::default() })
}

fn fill(read: &Read, lane: usize, full: &SyncSender<Vec<u8>>, empty: &Receiver<Vec<u8>>) -> anyhow::Result<()> {
    let mut connection = Connection::open(read)?;
    for (first, last) in read.parts().skip(lane).step_by(read.connections) {
        let mut part = empty.try_recv().unwrap_or_default();
        part.clear();
        connection.part(first, last, |chunk| part.extend_from_slice(chunk))?;
        if full.send(part).is_err() {
            break;
        }
    }
    Ok(())
}
