//! Everyone who takes part, and how each is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::component;
use crate::nginx::{Place, Port};
use crate::object::{BUCKET, KEY, Object};
use crate::reader::{PART, REQUESTS};

/// Static keys that the server does not check.
const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")];

/// Names the file of the CAs that are trusted.
pub(crate) const TRUSTED: &str = "SSL_CERT_FILE";

/// Our reader with its default budget of 64 MiB.
pub(crate) const OURS: &str = "cube-sdk";
/// The same, with the digest checked in the stream.
pub(crate) const OURS_DIGEST: &str = "cube-sdk + SHA-256";

/// The same, compared with the checksum that the store keeps.
pub(crate) const OURS_STORED: &str = "cube-sdk + stored checksum";
/// Ours with a quarter of the default budget.
pub(crate) const OURS_SMALL: &str = "cube-sdk, budget 16 MiB";
/// What plain sockets reach with 16 MiB in flight.
pub(crate) const SMALL_BOUND: &str = "null 16 MiB";

/// What part a reader plays in the judgement.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Ours.
    Ours,
    /// A client library for Rust.
    RustPeer,
    /// Any other client.
    Peer,
    /// Computes a digest of its own besides; a yardstick for ours with digest.
    DigestPeer,
    /// Null client: the physical bound.
    Bound,
}

/// How a reader is started.
#[derive(Clone, Debug)]
enum Start {
    /// This program's `read` with these arguments.
    Inside(&'static str),
    /// Any other executable with its leading arguments.
    Program(Outside, PathBuf),
}

#[derive(Clone, Copy, Debug)]
enum Outside {
    TransferManager,
    Awscrt,
    S5cmd,
    CurlStream,
    CurlRanged,
}

/// One reader that takes part.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Short name, used in tables, by `--only` and in targets.
    pub(crate) name: &'static str,
    /// Which part it plays.
    pub(crate) role: Role,
    /// On which ports it runs.
    pub(crate) ports: &'static [Port],
    start: Start,
}

const BOTH: &[Port] = &[Port::Plain, Port::Cap, Port::Tls, Port::TlsCap];
const PLAIN: &[Port] = &[Port::Plain, Port::Tls];
const CAP: &[Port] = &[Port::Cap, Port::TlsCap];
const LATE: &[Port] = &[Port::Late];
const ALL: &[Port] = &[Port::Plain, Port::Cap, Port::Late, Port::Tls, Port::TlsCap];

/// All readers that are installed; the missing ones were reported.
pub(crate) fn all() -> anyhow::Result<Vec<Peer>> {
    let inside = |name, role, ports, arguments| Peer { name, role, ports, start: Start::Inside(arguments) };
    let mut peers = vec![
        inside(OURS, Role::Ours, BOTH, "ours"),
        inside(OURS_DIGEST, Role::Ours, BOTH, "ours --digest"),
        inside(OURS_STORED, Role::Ours, PLAIN, "ours --stored"),
        inside(OURS_SMALL, Role::Ours, ALL, "ours --budget 16MiB"),
        inside("cube-sdk, budget 256 MiB", Role::Ours, BOTH, "ours --budget 256MiB"),
        inside("null 16 MiB in parts of 256 KiB", Role::Bound, LATE, "raw --connections 64 --part-size 256KiB"),
        inside("null 16 MiB in parts of 512 KiB", Role::Bound, LATE, "raw --connections 32 --part-size 512KiB"),
        inside("null 16 MiB in parts of 1 MiB", Role::Bound, LATE, "raw --connections 16 --part-size 1MiB"),
        inside("null 1", Role::Bound, PLAIN, "raw"),
        inside("null 8×8", Role::Bound, PLAIN, "raw --connections 8"),
        inside("null 25×8", Role::Bound, CAP, "raw --connections 25"),
        inside("null 4×8 + SHA-256", Role::Bound, PLAIN, "raw-sha --connections 4"),
        inside("null 25×8 + SHA-256", Role::Bound, CAP, "raw-sha --connections 25"),
        inside("aws-sdk-s3 stream", Role::RustPeer, BOTH, "sdk-stream"),
        inside("aws-sdk-s3 ranged 8×8", Role::RustPeer, BOTH, "sdk-ranged"),
        inside("aws-sdk-s3 stream + SHA-256", Role::DigestPeer, PLAIN, "sdk-stream-sha"),
        inside("aws-sdk-s3 ranged 8×8 + SHA-256", Role::DigestPeer, PLAIN, "sdk-ranged-sha"),
        inside("object_store stream", Role::RustPeer, BOTH, "store-stream"),
        inside("object_store ranged 8×8", Role::RustPeer, BOTH, "store-ranged"),
    ];
    let outside = [
        ("transfer manager 8×8", Role::RustPeer, BOTH, Outside::TransferManager),
        ("awscrt 25", Role::Peer, BOTH, Outside::Awscrt),
        ("s5cmd cat 8×8", Role::Peer, BOTH, Outside::S5cmd),
        ("curl stream", Role::Peer, PLAIN, Outside::CurlStream),
        ("curl ranged 8×8", Role::Peer, BOTH, Outside::CurlRanged),
    ];
    for (name, role, ports, program) in outside {
        if let Some(path) = program.find()? {
            peers.push(Peer { name, role, ports, start: Start::Program(program, path) });
        }
    }
    Ok(peers)
}

impl Outside {
    fn find(self) -> anyhow::Result<Option<PathBuf>> {
        match self {
            Self::TransferManager => component::find("peer-transfer-manager", component::TRANSFER_MANAGER),
            Self::S5cmd => component::find("s5cmd", component::PYTHON),
            Self::CurlStream | Self::CurlRanged => component::find("curl", "apt-get install curl"),
            Self::Awscrt => {
                let Some(python) = component::find("python3", component::PYTHON)? else { return Ok(None) };
                let there = Command::new(&python).args(["-c", "import awscrt.s3"]).output()?.status.success();
                if there {
                    Ok(Some(python))
                } else {
                    component::find("awscrt (a package of python3)", component::PYTHON)
                }
            }
        }
    }

    fn command(self, path: &Path, place: &Place, object: &Object, scratch: &Path) -> anyhow::Result<Command> {
        let mut command = Command::new(path);
        command.envs(environment()).envs(trusted(place));
        // curl looks at a variable of its own first.
        command.envs(place.ca.as_ref().map(|ca| ("CURL_CA_BUNDLE", ca)));
        let endpoint = place.url.as_str();
        match self {
            Self::TransferManager => {
                command.args([endpoint, BUCKET, KEY, &PART.to_string(), &REQUESTS.to_string()]);
            }
            Self::Awscrt => {
                let script = scratch.join("awscrt_read.py");
                std::fs::write(&script, include_str!("../awscrt_read.py"))?;
                command.arg(script).args([endpoint, BUCKET, KEY, "25"]);
            }
            Self::S5cmd => {
                // The SDK in it reads this variable only.
                command.envs(place.ca.as_ref().map(|ca| ("AWS_CA_BUNDLE", ca)));
                command.args(["--endpoint-url", endpoint, "cat", "--concurrency", &REQUESTS.to_string()]);
                command.args(["--part-size", &(PART >> 20).to_string(), &format!("s3://{BUCKET}/{KEY}")]);
            }
            Self::CurlStream => {
                command.args(["--silent", "--fail", "--output", "/dev/null", &format!("{endpoint}/{BUCKET}/{KEY}")]);
            }
            Self::CurlRanged => {
                let list = scratch.join("curl.config");
                std::fs::write(&list, ranges(place, object.size))?;
                command.args(["--silent", "--fail", "--parallel", "--parallel-max", &REQUESTS.to_string(), "--config"]);
                command.arg(list);
            }
        }
        Ok(command)
    }

    fn speaks(self) -> bool {
        matches!(self, Self::TransferManager | Self::Awscrt)
    }
}

/// A curl configuration of one transfer for each part.
fn ranges(place: &Place, size: u64) -> String {
    // Of several transfers curl reads the variable for the first alone.
    let trusted = place.ca.as_ref().map(|ca| format!("cacert = {}\n", ca.display())).unwrap_or_default();
    let endpoint = &place.url;
    let part = |index: u64| {
        let (first, last) = (index * PART, ((index + 1) * PART).min(size) - 1);
        format!("url = {endpoint}/{BUCKET}/{KEY}\nrange = {first}-{last}\noutput = /dev/null\n{trusted}")
    };
    (0..size.div_ceil(PART)).map(part).collect::<Vec<_>>().join("next\n")
}

impl Peer {
    /// Can this reader say itself how long it read?
    pub(crate) fn speaks(&self) -> bool {
        match &self.start {
            Start::Inside(_) => true,
            Start::Program(program, _) => program.speaks(),
        }
    }

    /// The command that reads the object once.
    pub(crate) fn command(&self, place: &Place, object: &Object, scratch: &Path) -> anyhow::Result<Command> {
        match &self.start {
            Start::Inside(arguments) => inside(arguments, place, object),
            Start::Program(program, path) => program.command(path, place, object, scratch),
        }
    }
}

/// This program's `read` with a reader's name and further arguments.
pub(crate) fn inside(arguments: &str, place: &Place, object: &Object) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["read", "--endpoint", &place.url, "--bucket", BUCKET, "--key", KEY]);
    command.envs(environment()).envs(trusted(place));
    command.args(["--size", &object.size.to_string(), "--sha256", &object.sha256, "--reader"]);
    command.args(arguments.split(' '));
    Ok(command)
}

/// Whom the readers trust: each of them reads this variable, or is given its file.
fn trusted(place: &Place) -> Option<(&'static str, &PathBuf)> {
    place.ca.as_ref().map(|ca| (TRUSTED, ca))
}

fn environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.into_iter().chain([("AWS_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true")])
}
