//! The proxy's TLS: which certificate it shows, which clients it lets in, which protocol it picks.

use std::sync::Arc;

use cube_sdk_core::{Error, ErrorKind, Result};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::authority::{ServerPair, provider};
use super::cluster::Cluster;

fn refused(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Server, "the double's TLS cannot be set up").cause(cause)
}

/// A server that asks for a client certificate and checks it against the user authority;
/// `mandatory` refuses clients without one.
pub(crate) fn with_clients(cluster: &Cluster, pair: &ServerPair, mandatory: bool) -> Result<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(cluster.authority().user_ca()).map_err(refused)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = if mandatory { verifier } else { verifier.allow_unauthenticated() };
    let verifier = verifier.build().map_err(refused)?;
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(pair.chain.clone(), pair.key.clone_key())
        .map_err(refused)
}

/// A server that asks for no client certificate, such as a balancer.
pub(crate) fn without_clients(pair: &ServerPair, alpn: Vec<Vec<u8>>) -> Result<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(pair.chain.clone(), pair.key.clone_key())
        .map_err(refused)?;
    config.alpn_protocols = alpn;
    Ok(config)
}
