//! The certificate authorities of a cluster, and what they sign.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cube_sdk_core::clock::NEVER;
use cube_sdk_core::{Error, ErrorKind, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::asn1_rs::{Any, FromDer};

/// How a client's private key is made and written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyForm {
    /// ECDSA P-256 in PKCS#8: newer clusters.
    #[default]
    EcPkcs8,
    /// ECDSA P-256 in SEC1.
    EcSec1,
    /// RSA 2048 in PKCS#8.
    RsaPkcs8,
    /// RSA 2048 in PKCS#1: the legacy suite.
    RsaPkcs1,
}

/// From when until when a certificate is valid, around now.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Life {
    /// It began this long ago.
    pub age: Duration,
    /// It lasts this long from its beginning.
    pub lasts: Duration,
}

impl Default for Life {
    /// As tbot's default: an hour, begun a minute ago.
    fn default() -> Self {
        Self { age: Duration::from_secs(60), lasts: Duration::from_secs(3660) }
    }
}

impl Life {
    /// Ended a minute ago.
    pub fn over() -> Self {
        Self { age: Duration::from_secs(3660), lasts: Duration::from_secs(3600) }
    }

    /// Begun a minute ago, with this much left.
    pub fn left(left: Duration) -> Self {
        let age = Duration::from_secs(60);
        Self { age, lasts: age + left.min(NEVER) }
    }

    pub(crate) fn ends(&self) -> SystemTime {
        SystemTime::now() - self.age + self.lasts
    }
}

/// A client credential as tbot writes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credential {
    /// The private key, PEM. A test's key, worth nothing outside it.
    pub key_pem: String,
    /// The client certificate, PEM.
    pub cert_pem: String,
    /// The app session that the certificate names.
    pub session: String,
}

/// What a client certificate says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    pub(crate) user: String,
    pub(crate) app: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) public_addr: Option<String>,
    pub(crate) cluster: String,
    pub(crate) kube_cluster: Option<String>,
}

/// Three authorities: the public one that signs web certificates, the cluster's host authority, and its
/// user authority.
pub struct Authority {
    cluster: String,
    public: CertifiedIssuer<'static, KeyPair>,
    host: CertifiedIssuer<'static, KeyPair>,
    user: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// A server's certificate and key.
pub(crate) struct ServerPair {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

pub(crate) fn failed(cause: rcgen::Error) -> Error {
    Error::new(ErrorKind::Server, "the test authority cannot sign").cause(cause)
}

impl Authority {
    pub(crate) fn new(cluster: &str) -> Result<Self> {
        Ok(Self {
            public: issuer("Public Test Authority", "public web")?,
            host: issuer(cluster, "host")?,
            user: issuer(cluster, "user")?,
            cluster: cluster.to_owned(),
        })
    }

    /// The authority of the public web certificates, PEM: what a client has to trust on a direct
    /// connection and on the outer side of a balancer.
    pub fn public_ca_pem(&self) -> String {
        self.public.pem()
    }

    /// The host authority, PEM: content of `teleport-host-ca.crt`.
    pub fn host_ca_pem(&self) -> String {
        self.host.pem()
    }

    /// The user authority, PEM: content of `teleport-user-ca.crt`.
    pub fn user_ca_pem(&self) -> String {
        self.user.pem()
    }

    pub(crate) fn user_ca(&self) -> CertificateDer<'static> {
        self.user.der().clone()
    }

    pub(crate) fn public_server(&self) -> Result<ServerPair> {
        server(&self.public)
    }

    pub(crate) fn host_server(&self) -> Result<ServerPair> {
        server(&self.host)
    }

    /// Signs a client certificate.
    pub(crate) fn client(&self, claims: &Claims, form: KeyForm, life: Life) -> Result<Credential> {
        let key = match form {
            KeyForm::EcPkcs8 | KeyForm::EcSec1 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyForm::RsaPkcs8 | KeyForm::RsaPkcs1 => KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256),
        }
        .map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(claims);
        params.not_before = (SystemTime::now() - life.age).into();
        params.not_after = life.ends().into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.user).map_err(failed)?;
        Ok(Credential {
            key_pem: key_pem(&key, form)?,
            cert_pem: certificate.pem(),
            session: claims.session.clone().unwrap_or_default(),
        })
    }
}

fn issuer(organization: &str, name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, format!("{organization} {name}"));
    let key = KeyPair::generate().map_err(failed)?;
    CertifiedIssuer::self_signed(params, key).map_err(failed)
}

fn server(issuer: &CertifiedIssuer<'static, KeyPair>) -> Result<ServerPair> {
    let names = ["localhost", "127.0.0.1", "kube-teleport-proxy-alpn.teleport.cluster.local"];
    let mut params = CertificateParams::new(names.map(str::to_owned)).map_err(failed)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.signed_by(&key, issuer).map_err(failed)?;
    Ok(ServerPair { chain: vec![certificate.der().clone()], key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() })
}

/// The subject of a Teleport identity: private attribute types for the route, both string types in use.
fn subject(claims: &Claims) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, claims.user.as_str());
    name.push(DnType::OrganizationName, "cube-operator");
    name.push(DnType::OrganizationalUnitName, "usage:apps");
    let mut push = |arc: u64, value: &Option<String>| {
        if let Some(value) = value {
            let printable = arc.is_multiple_of(2).then(|| value.as_str().try_into().ok()).flatten();
            let value = printable.map_or_else(|| DnValue::Utf8String(value.clone()), DnValue::PrintableString);
            name.push(DnType::CustomDnType(vec![1, 3, 9999, 1, arc]), value);
        }
    };
    push(3, &claims.kube_cluster);
    push(4, &claims.session);
    push(5, &claims.app.is_some().then(|| claims.cluster.clone()));
    push(6, &claims.public_addr);
    push(7, &Some(claims.cluster.clone()));
    push(10, &claims.app);
    name
}

fn key_pem(key: &KeyPair, form: KeyForm) -> Result<String> {
    let der = key.serialize_der();
    let label = match form {
        KeyForm::EcPkcs8 | KeyForm::RsaPkcs8 => return Ok(pem("PRIVATE KEY", &der)),
        KeyForm::EcSec1 => "EC PRIVATE KEY",
        KeyForm::RsaPkcs1 => "RSA PRIVATE KEY",
    };
    // PKCS#8 wraps the older form: SEQUENCE { version, algorithm, OCTET STRING { older form } }.
    let inner = || -> Option<Vec<u8>> {
        let (_, outer) = Any::from_der(&der).ok()?;
        let (rest, _version) = Any::from_der(outer.data).ok()?;
        let (rest, _algorithm) = Any::from_der(rest).ok()?;
        let (_, octets) = Any::from_der(rest).ok()?;
        Some(octets.data.to_vec())
    };
    let inner = inner().ok_or_else(|| Error::new(ErrorKind::Server, "the key cannot be re-encoded"))?;
    Ok(pem(label, &inner))
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// Reads the claims back out of a certificate, as the proxy does.
pub(crate) fn read_claims(der: &[u8]) -> Option<Claims> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let name = certificate.subject();
    let get = |oid: &str| {
        name.iter_attributes()
            .find(|attribute| attribute.attr_type().to_id_string() == oid)
            .and_then(|attribute| attribute.as_str().ok())
            .map(str::to_owned)
    };
    Some(Claims {
        user: get("2.5.4.3")?,
        app: get("1.3.9999.1.10"),
        session: get("1.3.9999.1.4"),
        public_addr: get("1.3.9999.1.6"),
        cluster: get("1.3.9999.1.7")?,
        kube_cluster: get("1.3.9999.1.3"),
    })
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
