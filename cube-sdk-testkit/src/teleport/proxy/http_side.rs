//! The proxy's HTTP: information, connection upgrade, HTTP apps, Kubernetes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Entrance, Shared};
use crate::teleport::answer::{Body, answer};
use crate::teleport::authority::{Claims, read_claims};
use crate::teleport::cluster::{AppKind, Refused};
use crate::teleport::websocket;

fn json_answer(value: &serde_json::Value) -> Response<Body> {
    let mut response = answer(StatusCode::OK, value.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Serves HTTP/1.1 on a connection whose TLS is done.
pub(crate) async fn serve<S>(
    shared: &Arc<Shared>,
    io: S,
    certificates: Option<Vec<CertificateDer<'static>>>,
    kube: bool,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let claims = certificates.as_ref().and_then(|chain| read_claims(chain.first()?));
    let service = service_fn(|request| {
        let (shared, claims) = (Arc::clone(shared), claims.clone());
        async move { Ok::<_, Infallible>(respond(&shared, request, claims.as_ref(), kube).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades()
        .await
        .map_err(io::Error::other)
}

/// One request; `claims` are those of the client certificate that reached the proxy.
pub(crate) async fn respond(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    claims: Option<&Claims>,
    kube: bool,
) -> Response<Body> {
    if kube {
        return kube_api(shared, &request, claims);
    }
    // A certificate decides before the path does; neither Host nor SNI is looked at.
    if let Some(claims) = claims {
        return app(shared, request, claims).await;
    }
    match request.uri().path() {
        "/webapi/find" | "/webapi/ping" => json_answer(&find(shared)),
        "/webapi/connectionupgrade" => upgrade(shared, request),
        _ => {
            let mut response = answer(StatusCode::FOUND, "");
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/web/launch/app"));
            response
        }
    }
}

fn find(shared: &Shared) -> serde_json::Value {
    let addr = shared.behaviour().public_addr.unwrap_or_else(|| shared.addr.to_string());
    json!({
        "cluster_name": shared.cluster.name(),
        "server_version": "18.2.0",
        "min_client_version": "17.0.0",
        "proxy": {
            "kube": {"enabled": true, "public_addr": addr, "listen_addr": "0.0.0.0:3026"},
            "ssh": {"public_addr": addr, "web_listen_addr": shared.addr.to_string()},
            "tls_routing_enabled": true,
        },
    })
}

fn upgrade(shared: &Arc<Shared>, mut request: Request<Incoming>) -> Response<Body> {
    let headers = request.headers();
    let text = |headers: &HeaderMap, name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned).unwrap_or_default()
    };
    let protocol = text(headers, "sec-websocket-protocol");
    let key = text(headers, "sec-websocket-key");
    let asked = text(headers, "upgrade").eq_ignore_ascii_case("websocket")
        && text(headers, "connection").to_ascii_lowercase().contains("upgrade");
    if !asked || text(headers, "sec-websocket-version") != "13" || key.is_empty() {
        return answer(StatusCode::BAD_REQUEST, "no upgrade was asked for");
    }
    if protocol != "alpn" && protocol != "alpn-ping" {
        return answer(StatusCode::NOT_FOUND, "unknown sub-protocol");
    }
    let mut response = answer(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    let agreed = HeaderValue::from_static(if protocol == "alpn" { "alpn" } else { "alpn-ping" });
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, agreed);
    if let Ok(accept) = HeaderValue::from_str(&websocket::accept_key(&key)) {
        response.headers_mut().insert("sec-websocket-accept", accept);
    }
    shared.saw(|seen| seen.upgrades += 1);
    let upgraded = hyper::upgrade::on(&mut request);
    let every = (protocol == "alpn-ping").then(|| shared.behaviour().ping_every);
    let (tasks, shared) = (shared.tasks.clone(), Arc::clone(shared));
    tasks.spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let (outer, inner) = tokio::io::duplex(64 * 1024);
        let serving = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            let _ = Box::pin(super::serve(&serving, inner, Entrance::Upgrade)).await;
        });
        let _ = websocket::bridge(TokioIo::new(upgraded), outer, every, Arc::clone(&shared.pongs)).await;
    });
    response
}

async fn app(shared: &Arc<Shared>, request: Request<Incoming>, claims: &Claims) -> Response<Body> {
    let app = match shared.cluster.route(claims) {
        Ok(app) if app.kind == AppKind::Http => app,
        Ok(_) => return answer(StatusCode::BAD_REQUEST, "this is a TCP app"),
        Err(Refused::NoRoute | Refused::BadSession | Refused::Expired) => {
            return answer(StatusCode::FORBIDDEN, "invalid session");
        }
        Err(Refused::Denied) => {
            let mut response = answer(StatusCode::FORBIDDEN, "access to app denied");
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
        Err(Refused::AgentDown) => {
            return answer(StatusCode::BAD_GATEWAY, "no application servers remaining to connect");
        }
    };
    forward(shared, request, app.upstream)
        .await
        .unwrap_or_else(|_| answer(StatusCode::BAD_GATEWAY, "the upstream does not answer"))
}

/// Passes one request on, WebSocket upgrades included.
async fn forward(
    shared: &Arc<Shared>,
    mut request: Request<Incoming>,
    upstream: std::net::SocketAddr,
) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(upstream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    shared.tasks.spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    let client = hyper::upgrade::on(&mut request);
    let headers = request.headers_mut();
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    headers.insert("teleport-jwt-assertion", HeaderValue::from_static("eyJhbGciOiJub25lIn0.e30."));
    let mut response = sender.send_request(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let server = hyper::upgrade::on(&mut response);
        shared.tasks.spawn(async move {
            if let (Ok(client), Ok(server)) = (client.await, server.await) {
                let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await;
            }
        });
    }
    Ok(response.map(BodyExt::boxed))
}

/// Just enough of Kubernetes access to show where a request was routed: the cluster named by the path
/// (`/v1/teleport/<cluster>/<kube cluster>/…`) or else by the certificate.
fn kube_api(shared: &Shared, request: &Request<Incoming>, claims: Option<&Claims>) -> Response<Body> {
    let Some(claims) = claims else { return answer(StatusCode::FORBIDDEN, "no client certificate") };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok().and_then(|text| String::from_utf8(text).ok());
    let path = request.uri().path();
    let (cluster, kube, path) = match path.strip_prefix("/v1/teleport/") {
        Some(rest) => {
            let mut parts = rest.splitn(3, '/');
            let cluster = parts.next().and_then(decode).unwrap_or_default();
            let kube = parts.next().and_then(decode);
            (cluster, kube, format!("/{}", parts.next().unwrap_or_default()))
        }
        None => (claims.cluster.clone(), claims.kube_cluster.clone(), path.to_owned()),
    };
    match kube {
        Some(kube) if cluster == shared.cluster.name() => {
            json_answer(&json!({"kind": "Routed", "cluster": cluster, "kubeCluster": kube, "path": path}))
        }
        _ => answer(StatusCode::NOT_FOUND, json!({"kind": "Status", "code": 404}).to_string()),
    }
}
