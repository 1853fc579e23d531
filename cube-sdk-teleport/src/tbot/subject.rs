//! What an app certificate says about itself: user, app, clusters, validity.
//!
//! Teleport keeps the identity in the subject's name, the routing parts under private attribute types
//! (Teleport source, certificate authority of its TLS identities).

use std::time::Duration;

use cube_sdk_core::Timestamp;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::torn::Torn;

const KUBE_CLUSTER: &str = "1.3.9999.1.3";
const APP_SESSION: &str = "1.3.9999.1.4";
const APP_CLUSTER: &str = "1.3.9999.1.5";
const APP_PUBLIC_ADDR: &str = "1.3.9999.1.6";
const CLUSTER: &str = "1.3.9999.1.7";
const APP_NAME: &str = "1.3.9999.1.10";
const APP_TARGET_PORT: &str = "1.3.9999.1.21";
const COMMON_NAME: &str = "2.5.4.3";
const ORGANIZATION: &str = "2.5.4.10";

/// The identity inside a certificate. Fields that the certificate lacks are absent, not invented.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Subject {
    /// The user, `bot-<name>` for a bot.
    pub user: Option<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// The app that the certificate routes to.
    pub app: Option<String>,
    /// The app's public address.
    pub app_public_addr: Option<String>,
    /// The cluster of the app.
    pub app_cluster: Option<String>,
    /// True when the parts of a route are all there: session, public address, cluster.
    pub has_route: bool,
    /// Port of a TCP app with several.
    pub app_target_port: Option<u16>,
    /// The Kubernetes cluster that the certificate routes to.
    pub kube_cluster: Option<String>,
    /// The Teleport cluster.
    pub cluster: Option<String>,
    /// The cluster whose authority signed.
    pub issuer: Option<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
}

impl Subject {
    /// From a certificate, DER.
    ///
    /// # Errors
    /// `BadCertificate` when the bytes are not exactly one X.509 certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, Torn> {
        let Ok(([], certificate)) = x509_parser::parse_x509_certificate(der) else {
            return Err(Torn::BadCertificate);
        };
        let (name, validity) = (certificate.subject(), certificate.validity());
        let app_public_addr = first(name, APP_PUBLIC_ADDR);
        let app_cluster = first(name, APP_CLUSTER);
        // The session's id is a capability of its own on some paths, so only its presence is kept.
        let has_route = first(name, APP_SESSION).is_some() && app_public_addr.is_some() && app_cluster.is_some();
        Ok(Self {
            user: first(name, COMMON_NAME),
            roles: texts(name, ORGANIZATION).collect(),
            app: first(name, APP_NAME),
            app_public_addr,
            app_cluster,
            has_route,
            app_target_port: first(name, APP_TARGET_PORT).and_then(|port| port.parse().ok()),
            kube_cluster: first(name, KUBE_CLUSTER),
            cluster: first(name, CLUSTER),
            issuer: first(certificate.issuer(), ORGANIZATION),
            not_before: seconds(validity.not_before.timestamp()),
            not_after: seconds(validity.not_after.timestamp()),
        })
    }

    /// Whole life of the certificate, from first to last valid second.
    pub fn lifetime(&self) -> Duration {
        self.not_after.since(self.not_before)
    }

    /// Time left at `now`; zero once expired.
    pub fn left(&self, now: Timestamp) -> Duration {
        self.not_after.since(now)
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(seconds.saturating_mul(1000))
}

fn texts<'a>(name: &'a X509Name<'_>, oid: &'a str) -> impl Iterator<Item = String> + 'a {
    name.iter_attributes().filter(move |attribute| attribute.attr_type().to_id_string() == oid).filter_map(text)
}

fn first(name: &X509Name<'_>, oid: &str) -> Option<String> {
    texts(name, oid).next()
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    attribute.as_str().ok().filter(|text| !text.is_empty()).map(str::to_owned)
}
