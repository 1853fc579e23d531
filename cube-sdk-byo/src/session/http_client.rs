//! The HTTP client under the AWS SDK: hyper with a read size that suits large bodies, rustls with
//! aws-lc-rs and the system's trust store.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector as AwsConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;

use super::prompt_ack::PromptAckConnector;

/// Bytes asked of the socket at once. Each chunk of a body is one such read, and keeps an allocation of
/// this size alive while it waits, so that memory can be accounted.
pub(crate) const READ_SIZE: usize = 64 * 1024;

/// Connections kept for reuse: as many as the reader may have in flight.
const MAX_IDLE: usize = 64;

/// S3 closes idle connections after some 20 s; one that is about to be closed is not worth a try.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

type Pooled = Client<HttpsConnector<PromptAckConnector>, SdkBody>;

/// One connection pool for every client of a [`Storage`](crate::storage::Storage). Nothing is read or
/// connected before the first call.
#[derive(Clone)]
pub(crate) struct AwsHttpClient {
    pool: Arc<OnceLock<Option<Pooled>>>,
    connect_timeout: Duration,
}

/// Wraps the cause of a connection that was never made: nothing was sent.
#[derive(Debug)]
pub(crate) struct NeverConnected(hyper_util::client::legacy::Error);

impl AwsHttpClient {
    pub(crate) fn new(connect_timeout: Duration) -> Self {
        Self { pool: Arc::default(), connect_timeout }
    }

    fn pool(&self) -> Option<&Pooled> {
        let pool = self.pool.get_or_init(|| {
            let mut tcp = HttpConnector::new();
            tcp.set_nodelay(true);
            tcp.set_connect_timeout(Some(self.connect_timeout));
            tcp.set_keepalive(Some(Duration::from_secs(30)));
            tcp.enforce_http(false);
            let mut builder = Client::builder(TokioExecutor::new());
            builder
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(MAX_IDLE)
                .http1_read_buf_exact_size(READ_SIZE);
            with_tls(PromptAckConnector(tcp)).map(|connector| builder.build(connector))
        });
        pool.as_ref()
    }
}

/// None when rustls takes no configuration at all.
fn with_tls(tcp: PromptAckConnector) -> Option<HttpsConnector<PromptAckConnector>> {
    let builder = match HttpsConnectorBuilder::new().with_provider_and_native_roots(aws_lc_rs::default_provider()) {
        Ok(builder) => builder,
        Err(error) => {
            // Plain endpoints on loopback must work on a machine without a trust store; TLS then trusts nobody.
            tracing::warn!(%error, "the system's trust store cannot be read: no TLS server will be trusted");
            let config = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
            let config = config.with_safe_default_protocol_versions().ok()?;
            let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
            HttpsConnectorBuilder::new().with_tls_config(config)
        }
    };
    Some(builder.https_or_http().enable_http1().wrap_connector(tcp))
}

impl AwsConnector for AwsHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let Some(pool) = self.pool() else {
            return HttpConnectorFuture::ready(Err(ConnectorError::user("TLS cannot be configured".into())));
        };
        let answer = pool.request(request);
        HttpConnectorFuture::new(async move {
            match answer.await {
                Ok(response) => HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                    .map_err(|error| ConnectorError::other(error.into(), None)),
                Err(error) if error.is_connect() => Err(ConnectorError::io(NeverConnected(error).into())),
                Err(error) => Err(ConnectorError::io(error.into())),
            }
        })
    }
}

impl HttpClient for AwsHttpClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Display for NeverConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection could not be made")
    }
}

impl std::error::Error for NeverConnected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Debug for AwsHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsHttpClient").field("connect_timeout", &self.connect_timeout).finish_non_exhaustive()
    }
}
