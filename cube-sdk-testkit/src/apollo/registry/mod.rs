//! A double of an OCI registry: as strict as the real ones about ranges, digests, missing blobs and credentials, with
//! faults on request.

mod upload;

use std::collections::HashMap;

use std::fmt;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::lock;
use upload::{Upload, upload};

/// How callers prove who they are.
#[derive(Clone, Debug, Default)]
pub enum Guard {
    /// Not at all.
    #[default]
    Open,
    /// `user` and `password`, with each request.
    Basic(String, String),
    /// A token from the double's own `/token`, got with `user` and `password`.
    Token(String, String),
    /// This bearer token, without any way to get one.
    Bearer(String),
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers so, without doing anything.
    Status(u16),
    /// Takes so many bytes of the body, then drops the connection.
    DropAfter(u64),
    /// Does it, then drops the connection in place of an answer.
    DropAnswer,
    /// Forgets every upload first, then handles the request.
    Forget,
    /// Refuses the token that it gave before: it has ended.
    ExpireTokens,
    /// Sends uploads to this place.
    SendTo(String),
    /// Names another digest than it got.
    OtherDigest,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Came {
    /// Method and path with query.
    pub line: String,
    /// Its `Authorization`.
    pub authorization: Option<String>,
    /// Its `Content-Range`.
    pub range: Option<String>,
}

#[derive(Default)]
struct Held {
    blobs: HashMap<(String, String), (u64, Option<Bytes>)>,
    manifests: HashMap<(String, String), (String, Bytes)>,
    uploads: HashMap<String, Upload>,
    tokens: u64,
    serial: u64,
}

#[derive(Default)]
struct Shared {
    held: Mutex<Held>,
    faults: Mutex<Vec<(String, Fault)>>,
    came: Mutex<Vec<Came>>,
    guard: Guard,
    address: String,
}

/// The double, on loopback.
///
/// ```
/// use bytes::Bytes;
/// use cube_sdk_core::transport::{HttpClient, Transport};
/// use cube_sdk_testkit::apollo::registry::{Fault, Guard, Registry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::start(Guard::Basic("ci".into(), "a password".into())).await?;
/// registry.inject("/v2/", Fault::Status(503)); // for one request
///
/// let client = HttpClient::builder().no_proxy().build();
/// let ping = || http::Request::get(format!("http://{}/v2/", registry.host())).body(Bytes::new());
/// assert_eq!(client.send(ping()?).await?.status(), 503);
/// assert_eq!(client.send(ping()?).await?.status(), 401); // no password came with it
/// assert_eq!(registry.came().len(), 2);
/// # Ok(())
/// # }
/// ```
pub struct Registry {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// None where another server serves it.
    server: Option<JoinHandle<()>>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

type Reply = Response<Full<Bytes>>;

/// What answers the requests of a registry that another server serves.
#[derive(Clone)]
pub(super) struct Answers(Arc<Shared>);

impl Answers {
    pub(super) async fn to<B: Body<Data = Bytes>>(&self, request: Request<B>) -> Result<Reply, Dropped> {
        handle(Arc::clone(&self.0), request).await
    }
}

/// The connection is dropped without an answer.
#[derive(Debug)]
pub(super) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

impl Registry {
    /// Starts one.
    ///
    /// # Errors
    /// Where no loopback port is free.
    pub async fn start(guard: Guard) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { guard, address: format!("http://{address}"), ..Shared::default() });
        let serving = Arc::clone(&shared);
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    let service = hyper::service::service_fn(move |request| handle(Arc::clone(&shared), request));
                    let io = hyper_util::rt::TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
        Ok(Self { shared, address, server: Some(server) })
    }

    /// One that another server serves at this address, and guards.
    pub(super) fn beside(address: SocketAddr) -> Self {
        let shared = Arc::new(Shared { address: format!("http://{address}"), ..Shared::default() });
        Self { shared, address, server: None }
    }

    /// What answers its requests, once the server has looked at their proof.
    pub(super) fn answers(&self) -> Answers {
        Answers(Arc::clone(&self.shared))
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The next request whose method and path contain `on` meets a fault. Several wait in order.
    pub fn inject(&self, on: &str, fault: Fault) {
        lock(&self.shared.faults).push((on.to_owned(), fault));
    }

    /// Faults that no request has met yet.
    pub fn waiting(&self) -> usize {
        lock(&self.shared.faults).len()
    }

    /// Every request that came.
    pub fn came(&self) -> Vec<Came> {
        lock(&self.shared.came).clone()
    }

    /// The digest and bytes of a manifest.
    pub fn manifest(&self, repository: &str, tag: &str) -> Option<(String, Bytes)> {
        lock(&self.shared.held).manifests.get(&(repository.to_owned(), tag.to_owned())).cloned()
    }

    /// The length of a blob.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<u64> {
        lock(&self.shared.held).blobs.get(&(repository.to_owned(), digest.to_owned())).map(|(length, _)| *length)
    }

    /// Puts other bytes in a blob's place, as a broken disk would.
    pub fn spoil(&self, repository: &str, digest: &str) {
        if let Some((length, bytes)) =
            lock(&self.shared.held).blobs.get_mut(&(repository.to_owned(), digest.to_owned()))
        {
            *bytes = Some(Bytes::from(vec![b'x'; usize::try_from(*length).unwrap_or_default()]));
        }
    }

    /// How many uploads are open.
    pub fn open_uploads(&self) -> usize {
        lock(&self.shared.held).uploads.len()
    }
}

fn named(hash: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in hash {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn answer(status: u16) -> http::response::Builder {
    Response::builder().status(status)
}

fn done(builder: http::response::Builder, body: impl Into<Bytes>) -> Reply {
    builder.body(Full::new(body.into())).unwrap_or_default()
}

fn refuse(status: u16, code: &str) -> Reply {
    let body = format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"{}\"}}]}}\n", code.to_lowercase());
    done(answer(status).header(header::CONTENT_TYPE, "application/json"), body)
}

async fn handle<B: Body<Data = Bytes>>(shared: Arc<Shared>, request: Request<B>) -> Result<Reply, Dropped> {
    let (parts, body) = request.into_parts();
    let text = |name: header::HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let line = format!("{} {}", parts.method, parts.uri);
    let came =
        Came { line: line.clone(), authorization: text(header::AUTHORIZATION), range: text(header::CONTENT_RANGE) };
    lock(&shared.came).push(came);
    let fault = {
        let mut faults = lock(&shared.faults);
        let at = faults.iter().position(|(on, _)| line.contains(on.as_str()));
        at.map(|at| faults.remove(at).1)
    };
    match &fault {
        Some(Fault::Status(status)) => {
            // The body is read first: a server that answers early and closes may be met by a reset.
            let _ = body.collect().await;
            return Ok(refuse(*status, "INJECTED"));
        }
        Some(Fault::Forget) => lock(&shared.held).uploads.clear(),
        Some(Fault::ExpireTokens) => lock(&shared.held).tokens += 1,
        _ => {}
    }
    if parts.uri.path() == "/token" {
        return Ok(token(&shared, &parts.headers));
    }
    if let Some(refused) = unproved(&shared, &parts.headers) {
        let _ = body.collect().await;
        return Ok(refused);
    }
    let outcome = route(&shared, &parts, body, fault.as_ref()).await?;
    match fault {
        Some(Fault::DropAnswer) => Err(Dropped),
        _ => Ok(outcome),
    }
}

fn basic(user: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {pair}")
}

fn sent(headers: &HeaderMap) -> &str {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn token(shared: &Shared, headers: &HeaderMap) -> Reply {
    let Guard::Token(user, password) = &shared.guard else { return refuse(404, "NO_TOKENS") };
    if sent(headers) != basic(user, password) {
        return refuse(401, "UNAUTHORIZED");
    }
    let body = format!("{{\"token\":\"token-{}\",\"expires_in\":300}}", lock(&shared.held).tokens);
    done(answer(200), body)
}

/// The refusal of a caller who did not prove who he is.
fn unproved(shared: &Shared, headers: &HeaderMap) -> Option<Reply> {
    let (wanted, challenge) = match &shared.guard {
        Guard::Open => return None,
        Guard::Basic(user, password) => (basic(user, password), "Basic realm=\"double\"".to_owned()),
        Guard::Bearer(token) => (format!("Bearer {token}"), String::new()),
        Guard::Token(..) => {
            let realm = format!("Bearer realm=\"{}/token\",service=\"double\"", shared.address);
            (format!("Bearer token-{}", lock(&shared.held).tokens), realm)
        }
    };
    if sent(headers) == wanted {
        return None;
    }
    let mut refused = refuse(401, "UNAUTHORIZED");
    if !challenge.is_empty()
        && let Ok(challenge) = challenge.parse()
    {
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    Some(refused)
}

async fn route<B: Body<Data = Bytes>>(
    shared: &Shared,
    parts: &http::request::Parts,
    body: B,
    fault: Option<&Fault>,
) -> Result<Reply, Dropped> {
    let path = parts.uri.path();
    let Some(below) = path.strip_prefix("/v2/") else { return Ok(refuse(404, "NOT_FOUND")) };
    if below.is_empty() {
        return Ok(done(answer(200), "{}"));
    }
    if let Some((repository, id)) = below.split_once("/blobs/uploads/") {
        return upload(shared, parts, repository, id, body, fault).await;
    }
    let whole = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    if let Some((repository, digest)) = below.split_once("/blobs/") {
        let held = lock(&shared.held);
        let Some((length, bytes)) = held.blobs.get(&(repository.to_owned(), digest.to_owned())) else {
            return Ok(refuse(404, "BLOB_UNKNOWN"));
        };
        let head = answer(200).header("docker-content-digest", digest);
        return Ok(match (&parts.method, bytes) {
            (&Method::HEAD, _) => done(head.header(header::CONTENT_LENGTH, *length), Bytes::new()),
            (&Method::GET, Some(bytes)) => done(head, bytes.clone()),
            _ => refuse(405, "UNSUPPORTED"),
        });
    }
    if let Some((repository, reference)) = below.split_once("/manifests/") {
        return Ok(manifest(shared, parts, repository, reference, whole, fault));
    }
    Ok(refuse(404, "NOT_FOUND"))
}

fn manifest(
    shared: &Shared,
    parts: &http::request::Parts,
    repository: &str,
    reference: &str,
    body: Bytes,
    fault: Option<&Fault>,
) -> Reply {
    let mut held = lock(&shared.held);
    let key = (repository.to_owned(), reference.to_owned());
    if parts.method != Method::PUT {
        let found =
            held.manifests.get(&key).or_else(|| held.manifests.values().find(|(digest, _)| digest == reference));
        let Some((digest, bytes)) = found else { return refuse(404, "MANIFEST_UNKNOWN") };
        let head = answer(200).header("docker-content-digest", digest);
        return done(head.header(header::CONTENT_TYPE, "application/vnd.oci.image.manifest.v1+json"), bytes.clone());
    }
    let Ok(parsed) = serde_json::from_slice::<serde_json::Value>(&body) else { return refuse(400, "MANIFEST_INVALID") };
    let layers = parsed["layers"].as_array().into_iter().flatten();
    for descriptor in layers.chain([&parsed["config"]]) {
        let digest = descriptor["digest"].as_str().unwrap_or_default().to_owned();
        let known = held.blobs.get(&(repository.to_owned(), digest)).map(|(length, _)| *length);
        if known.is_none() || known != descriptor["size"].as_u64() {
            return refuse(400, "MANIFEST_BLOB_UNKNOWN");
        }
    }
    if parts.headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes)
        != parsed["mediaType"].as_str().map(str::as_bytes)
    {
        return refuse(400, "MANIFEST_INVALID");
    }
    let digest = named(&Sha256::digest(&body));
    held.manifests.insert(key, (digest.clone(), body));
    let told = if matches!(fault, Some(Fault::OtherDigest)) { named(&Sha256::digest(b"other")) } else { digest };
    done(answer(201).header("docker-content-digest", told), Bytes::new())
}
