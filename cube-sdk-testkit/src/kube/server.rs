//! The server: TLS, HTTP, and the handle that owns both.

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cube_sdk_core::{Error, Result, Timestamp};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::certificates::Certificates;
use super::respond::respond;
use super::state::State;

/// An API server with a small cluster in it: two nodes, three namespaces, some pods. Dropping it ends it.
///
/// ```
/// use cube_sdk_testkit::kube::ApiServer;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let server = ApiServer::start("cube-7").await?;
/// server.put("pods", json!({ "metadata": { "name": "web-3", "namespace": "shop" } }));
/// server.log("shop", "web-3", "listening\n");
/// // The client under test gets `server.kubeconfig()`; afterwards the server tells what was asked:
/// assert!(server.kubeconfig().contains(&server.url()));
/// assert!(server.requests().is_empty());
/// # Ok(())
/// # }
/// ```
pub struct ApiServer {
    name: String,
    address: SocketAddr,
    certificates: Certificates,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").field("name", &self.name).field("address", &self.address).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Starts one on a loopback port of the system's choosing.
    ///
    /// # Errors
    /// `Io` when no port can be used.
    pub async fn start(name: &str) -> Result<Self> {
        let certificates = Certificates::make()?;
        let failed = |cause| Error::io("starting the API double", cause);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let state = Arc::new(Mutex::new(State::seeded()));
        let acceptor = TlsAcceptor::from(Arc::clone(&certificates.server));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, acceptor.clone(), Arc::clone(&shared)));
            }
        });
        Ok(Self { name: name.to_owned(), address, certificates, state, task })
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A kubeconfig that stands by itself, as tbot writes it with `disable_exec_plugin`: the cluster's name is that of its
    /// context.
    pub fn kubeconfig(&self) -> String {
        let (name, data) = (&self.name, |pem: &str| STANDARD.encode(pem));
        format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: {}\n  name: {name}\n\
             contexts:\n- context:\n    cluster: {name}\n    user: {name}\n  name: {name}\ncurrent-context: {name}\n\
             kind: Config\npreferences: {{}}\nusers:\n- name: {name}\n  user:\n    client-certificate-data: {}\n    \
             client-key-data: {}\n",
            data(&self.certificates.authority_pem),
            self.url(),
            data(&self.certificates.client_pem),
            data(&self.certificates.client_key_pem),
        )
    }

    /// Adds an object, or replaces the one of its name. `kind` is the plural, such as `pods`; what is not known is left out.
    pub fn put(&self, kind: &str, object: Value) {
        self.state().put(kind, object);
    }

    /// Adds to the log of a pod, as of now.
    pub fn log(&self, namespace: &str, pod: &str, text: &str) {
        self.state().log(namespace, pod, Timestamp::now(), text);
    }

    /// Method and path with query of each request that was answered.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: TcpStream, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    // One without a certificate of the cluster's never gets in.
    let Ok(stream) = acceptor.accept(socket).await else { return };
    let service = service_fn(|request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let answer: Response<Bytes> = respond(&mut state, &parts, &body);
            Ok::<_, Infallible>(answer.map(Full::new))
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
