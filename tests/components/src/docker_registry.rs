//! Debian's docker-registry, open, with passwords, or with tokens of a server of ours.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::{Process, SYSTEM, component, free_port, wait_until};

/// How callers prove who they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Not at all.
    None,
    /// User and password.
    Basic,
    /// Tokens, got with user and password.
    Token,
}

/// A registry with a folder of its own.
#[derive(Debug)]
pub struct DockerRegistry {
    /// `127.0.0.1:port`.
    pub host: String,
    _process: Process,
    _dir: tempfile::TempDir,
}

impl DockerRegistry {
    /// The user that it knows.
    pub const USER: &str = "ci";
    /// The user's password.
    pub const PASSWORD: &str = "a-password";

    /// Starts one; none when it may be skipped.
    ///
    /// # Panics
    /// When it is required and missing, or does not start.
    pub fn start(proof: Proof) -> Option<Self> {
        let program = component("docker-registry", SYSTEM)?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (port, at) = (free_port(), dir.path().display().to_string());
        let auth = match proof {
            Proof::None => String::new(),
            Proof::Basic => {
                let file = format!("{at}/htpasswd");
                std::fs::write(
                    &file,
                    format!("{}:$2b$04$8N2dMwX8JVEiqaQv7x/f0eN2MWhGKB.us4jnqIEG5yDw3YaF8vNXG\n", Self::USER),
                )
                .expect("the file can be written");
                format!("auth:\n  htpasswd:\n    realm: tests\n    path: {file}\n")
            }
            Proof::Token => {
                let signer = Signer::new();
                std::fs::write(format!("{at}/root.pem"), &signer.pem).expect("the file can be written");
                let realm = signer.serve();
                format!(
                    "auth:\n  token:\n    realm: {realm}\n    service: tests\n    issuer: tests\n    rootcertbundle: {at}/root.pem\n"
                )
            }
        };
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {at}/data\n  delete:\n    enabled: true\n\
             http:\n  addr: 127.0.0.1:{port}\n{auth}"
        );
        let file = dir.path().join("config.yml");
        std::fs::write(&file, config).expect("the file can be written");
        let mut command = std::process::Command::new(program);
        command.arg("serve").arg(&file).env("OTEL_TRACES_EXPORTER", "none");
        let mut process = Process::start(command, &dir.path().join("log"));
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        wait_until(&mut process, Duration::from_secs(60), |_| TcpStream::connect(address).is_ok());
        Some(Self { host: address.to_string(), _process: process, _dir: dir })
    }
}

/// Signs tokens that say who may do what.
struct Signer {
    key: EcdsaKeyPair,
    certificate: String,
    pem: String,
}

impl Signer {
    fn new() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let made = rcgen::CertificateParams::new(vec!["tests".to_owned()]).expect("a name");
        let certificate = made.self_signed(&pair).expect("a certificate");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der()).expect("a key");
        Self { key, certificate: STANDARD.encode(certificate.der()), pem: certificate.pem() }
    }

    fn token(&self, access: &serde_json::Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(&json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]}));
        let claims = part(&json!({
            "iss": "tests", "sub": "ci", "aud": "tests", "exp": now + 300, "nbf": now - 10, "iat": now, "jti": now.to_string(),
            "access": access,
        }));
        let text = format!("{head}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// Serves tokens until the process ends; where.
    fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = self.answer(stream);
            }
        });
        format!("http://{address}/token")
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let mut known = false;
        let wanted = STANDARD.encode(format!("{}:{}", DockerRegistry::USER, DockerRegistry::PASSWORD));
        for line in lines {
            let line = line?;
            if line.is_empty() {
                break;
            }
            known |=
                line.to_ascii_lowercase().starts_with("authorization:") && line.ends_with(&format!("Basic {wanted}"));
        }
        let url = url::Url::parse(&format!("http://h{}", first.split(' ').nth(1).unwrap_or("/"))).expect("a path");
        let scopes = url.query_pairs().filter(|(name, _)| name == "scope").map(|(_, scope)| scope.into_owned());
        let access: Vec<_> = scopes
            .filter_map(|scope| {
                let mut parts = scope.splitn(3, ':').map(str::to_owned).collect::<Vec<_>>().into_iter();
                let (kind, name, actions) = (parts.next()?, parts.next()?, parts.next()?);
                Some(json!({"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()}))
            })
            .collect();
        let (status, body) = if known {
            ("200 OK", json!({"token": self.token(&json!(access)), "expires_in": 300}).to_string())
        } else {
            ("401 Unauthorized", "{}".to_owned())
        };
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    }
}
