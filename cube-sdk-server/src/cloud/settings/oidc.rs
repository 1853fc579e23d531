//! Sign-in by an OpenID Connect provider, as the operator sets it.

use std::path::{Path, PathBuf};

use cube_sdk_core::config::parse_base_url;
use cube_sdk_core::transport::RootCertificates;
use cube_sdk_core::{Error, Result, SecretString};
use serde::Deserialize;
use url::Url;

use super::{refused, secret};

/// Claims that groups are looked for in, unless told otherwise: Cognito's, then everybody else's.
const GROUPS: [&str; 2] = ["cognito:groups", "groups"];

/// Which signatures of the provider count; never what a token says of itself.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub(crate) enum Signature {
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
}

/// How the client proves itself to the token endpoint.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientAuth {
    #[default]
    ClientSecretBasic,
    ClientSecretPost,
}

/// The provider, and what we are to it.
#[derive(Clone, Debug)]
pub(crate) struct OidcSettings {
    /// Exactly as the provider writes it.
    pub(crate) issuer: String,
    pub(crate) issuer_url: Url,
    pub(crate) client_id: String,
    /// None for a public client, which PKCE alone protects.
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) client_auth: ClientAuth,
    pub(crate) signature: Signature,
    pub(crate) scopes: Vec<String>,
    pub(crate) name_claim: String,
    pub(crate) groups_claims: Vec<String>,
    /// What people call it.
    pub(crate) label: String,
    pub(crate) roots: Option<RootCertificates>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OidcFile {
    issuer: String,
    client_id: String,
    client_secret: Option<SecretString>,
    client_secret_file: Option<PathBuf>,
    #[serde(default)]
    client_auth: ClientAuth,
    #[serde(default)]
    signature: Signature,
    scopes: Option<Vec<String>>,
    name_claim: Option<String>,
    groups_claims: Option<Vec<String>>,
    label: Option<String>,
    ca_file: Option<PathBuf>,
}

impl OidcFile {
    pub(super) fn read(self, folder: &Path) -> Result<OidcSettings> {
        let named = |what: &'static str| move |error: Error| error.with_target(what);
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        let client_secret = match (self.client_secret, self.client_secret_file) {
            (None, None) => None,
            (text, file) => Some(secret(text, file, "oidc", folder)?),
        };
        let scopes: Vec<String> = self.scopes.unwrap_or_else(|| texts(&["openid", "email", "profile"]));
        if !scopes.iter().any(|scope| scope == "openid") {
            return Err(refused("oidc.scopes", "`openid` must be among them".to_owned()));
        }
        let roots = self.ca_file.map(|file| RootCertificates::from_file(&folder.join(file)));
        Ok(OidcSettings {
            issuer_url: parse_base_url(&self.issuer).map_err(named("oidc.issuer"))?,
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret,
            client_auth: self.client_auth,
            signature: self.signature,
            scopes,
            name_claim: self.name_claim.unwrap_or_else(|| "email".to_owned()),
            groups_claims: self.groups_claims.unwrap_or_else(|| texts(&GROUPS)),
            label: self.label.unwrap_or_else(|| "your organisation's account".to_owned()),
            roots: roots.transpose().map_err(named("oidc.ca_file"))?,
        })
    }
}
