//! The root that the Dockerfile lays out, entered as its own user and read-only. Runs with `CUBE_REAL=1`, as root.
//!
//! No image is built here: what the base image has is taken from this machine, what the Dockerfile copies is put where its
//! COPY lines say.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cube_sdk_components::{SYSTEM, component};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cube-server");
/// Of the base image, at the same place on Debian.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The last stage of the Dockerfile.
struct Image {
    /// From where in the first stage, for whom, to where.
    copies: Vec<(String, (u32, u32), String)>,
    user: (u32, u32),
    environment: Vec<(String, String)>,
    program: String,
    volume: String,
}

fn ids(text: &str) -> (u32, u32) {
    let (user, group) = text.split_once(':').unwrap();
    (user.parse().unwrap(), group.parse().unwrap())
}

fn first_string(line: &str) -> String {
    serde_json::from_str::<Vec<String>>(line).unwrap().remove(0)
}

impl Image {
    fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/Dockerfile");
        let text = fs::read_to_string(file).unwrap();
        let last = &text[text.rfind("\nFROM ").unwrap()..];
        let of = |word: &'static str| last.lines().filter_map(move |line| line.strip_prefix(word)?.strip_prefix(' '));
        let copies = of("COPY").map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [from, owner, source, target] = words[..] else { panic!("COPY {line}") };
            assert_eq!(from, "--from=build");
            (source.to_owned(), ids(owner.strip_prefix("--chown=").unwrap()), target.to_owned())
        });
        let environment = of("ENV").map(|line| line.split_once('=').unwrap());
        Self {
            copies: copies.collect(),
            user: ids(of("USER").next().unwrap()),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            program: first_string(of("ENTRYPOINT").next().unwrap()),
            volume: first_string(of("VOLUME").next().unwrap()),
        }
    }
}

/// A root, and how it is entered.
struct Root {
    image: Image,
    dir: tempfile::TempDir,
    unshare: PathBuf,
}

fn copy(from: &Path, root: &Path, to: &str) -> PathBuf {
    let target = root.join(to.trim_start_matches('/'));
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(from, &target).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    target
}

impl Root {
    fn lay_out(image: Image, unshare: PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        // As other users may look into it.
        fs::set_permissions(root, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        // The base image's: the program's libraries, and whom TLS trusts.
        let libraries = Command::new("ldd").arg(PROGRAM).output().unwrap();
        for word in String::from_utf8(libraries.stdout).unwrap().split_whitespace().filter(|word| word.starts_with('/'))
        {
            copy(&fs::canonicalize(word).unwrap(), root, word);
        }
        copy(Path::new(AUTHORITIES), root, AUTHORITIES);
        for (source, (user, group), target) in &image.copies {
            let put = match source.as_str() {
                "/made/cube-server" => copy(Path::new(PROGRAM), root, target),
                // A folder that the first stage made, without anything in it.
                _ => {
                    let folder = root.join(target.trim_start_matches('/'));
                    fs::create_dir_all(&folder).unwrap();
                    folder
                }
            };
            chown(put, Some(*user), Some(*group)).unwrap();
        }
        Self { image, dir, unshare }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let (root, volume) = (self.dir.path(), &self.image.volume);
        let (user, group) = self.image.user;
        // The root is bound onto itself to be made read-only, then the volume, which is not, onto its place in it.
        let script = format!(
            "mount --bind \"$1\" \"$1\" && mount --bind \"$1{volume}\" \"$1{volume}\" && mount -o remount,bind,ro \"$1\" &&
             root=\"$1\" && shift && exec chroot --userspec={user}:{group} --groups={group} \"$root\" \"$@\""
        );
        let mut command = Command::new(&self.unshare);
        command.args(["--mount", "--propagation", "private", "sh", "-euc", &script, "sh"]).arg(root);
        command.arg(&self.image.program).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs(self.image.environment.clone());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

/// May this process make a root of its own? Only root may, and nobody where the kernel refuses.
fn may_enter(unshare: &Path) -> bool {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert!(
        is_root || std::env::var("CUBE_REAL").as_deref() != Ok("1"),
        "run this as root: it makes mounts of its own"
    );
    let tried = Command::new(unshare).args(["--mount", "true"]).output().unwrap();
    if !tried.status.success() {
        eprintln!("SKIPPED: no mounts of one's own here: {}", String::from_utf8_lossy(&tried.stderr).trim());
    }
    tried.status.success()
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_images_root_starts_and_serves_read_only_as_nobody() {
    let Some(unshare) = component("unshare", SYSTEM) else { return };
    if !may_enter(&unshare) {
        return;
    }
    let root = Root::lay_out(Image::read(), unshare);
    assert_eq!(root.image.user, (65532, 65532));
    let mut doctor = root.command(&["edgegate", "doctor"]);
    let told = doctor.env("AWS_EC2_METADATA_DISABLED", "true").output().unwrap();
    let said = String::from_utf8(told.stdout).unwrap();
    assert!(said.lines().any(|line| line.starts_with("ok     trust store: ")), "{said}");

    let mut command = root.command(&["edgegate", "serve", "--listen", "127.0.0.1:0"]);
    let mut service = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(service.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{line}"));
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("ok\n"), "{reply}");
    let status = fs::read_to_string(format!("/proc/{}/status", service.0.id())).unwrap();
    assert!(status.contains("Uid:\t65532\t65532\t65532\t65532"), "{status}");

    let folder = root.dir.path().join(root.image.volume.trim_start_matches('/'));
    let file = fs::metadata(folder.join("edgegate.sqlite")).unwrap();
    assert_eq!((file.uid(), file.mode() & 0o777), (65532, 0o600));
    let refused = root.run(&["edgegate", "init", "--db", "/usr/local/elsewhere.sqlite"]);
    assert!(!refused.status.success(), "nothing else can be written");
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("/usr/local/elsewhere.sqlite"), "{refused}");
}
