//! What the operator of the service sets, in one YAML file.

#[cfg(feature = "dynamodb")]
mod aws_secrets;
#[cfg(feature = "oidc")]
mod oidc;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cube_sdk_core::config::parse_base_url;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use cube_sdk_teleport::AppName;
use cube_sdk_teleport::dial::ProxyAddr;
use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

#[cfg(feature = "oidc")]
use self::oidc::OidcFile;
#[cfg(feature = "oidc")]
pub(crate) use self::oidc::{ClientAuth, OidcSettings, Signature};
use super::profiles::{ApolloCredentials, Patterns, Profile, Profiles};

/// Keys from a login end after this many days unless told otherwise.
const KEY_DAYS: u32 = 90;

/// The settings of a [`CloudService`](super::CloudService).
///
/// ```
/// use cube_sdk_server::cloud::CloudSettings;
///
/// let settings = CloudSettings::from_yaml(
///     r#"
/// url: https://cube.example.com        # what browsers and agents call it; its host is the only one answered to
/// trusted_proxies: [10.0.0.0/8]        # whose X-Forwarded-For and -Proto count; default none
/// key_days: 90                         # keys from a login end after so many days
/// apollo_url: https://apollo.example.com
/// apps: { postgres-cube7: "10.1.2.3:5432" }   # dialled directly; others through Teleport, if `tbot` is set
/// tbot: { outputs: /opt/tbot, proxy: "example.teleport.sh:443" }
/// kubectl: /usr/local/bin/kubectl
/// ## oidc: { issuer: "https://id.example.com", client_id: cube, client_secret_file: oidc }  # with the feature `oidc`
/// ## local_users: true                  # sign-in by passwords kept here; default only where there is no `oidc`
/// ## images: { repository: registry.example.com/edge, folder: /var/lib/cube/builds }  # build_image_* by docker buildx
/// ## aws_secrets: cube-mcp              # with the feature `dynamodb`: where `apollo_from_aws` profiles have theirs
/// profiles:
///   admin: { groups: [admin], clusters: ["*"], apps: ["*"], admin: true }
///   lear: { groups: [lear-dev], tools: ["list_*", "entity_health"], clusters: ["lear-*"], read_only: true }
/// "#,
/// )?;
/// assert_eq!(settings.url().as_str(), "https://cube.example.com/");
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CloudSettings {
    pub(crate) url: Url,
    pub(crate) hosts: Vec<String>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) key_life: Duration,
    pub(crate) apollo_url: Option<Url>,
    pub(crate) tbot: Option<Tbot>,
    /// Apps that are dialled at an address, without Teleport.
    pub(crate) apps: BTreeMap<AppName, String>,
    pub(crate) kubectl: PathBuf,
    pub(crate) profiles: Profiles,
    #[cfg(feature = "oidc")]
    pub(crate) oidc: Option<OidcSettings>,
    /// May people sign in by a password that is kept here?
    pub(crate) local_users: bool,
    /// Where images are built, if they are.
    pub(crate) images: Option<Images>,
}

/// How images are built.
#[derive(Clone, Debug)]
pub(crate) struct Images {
    /// What stands before an image's name.
    pub(crate) repository: String,
    pub(crate) docker: PathBuf,
    /// Where contexts wait.
    pub(crate) folder: PathBuf,
    /// Docker's own settings, with the credentials for the registry.
    pub(crate) config: PathBuf,
}

/// The directory that tbot writes to, and the proxy that its certificates are for.
#[derive(Clone, Debug)]
pub(crate) struct Tbot {
    pub(crate) outputs: PathBuf,
    pub(crate) proxy: Option<ProxyAddr>,
}

#[cfg(not(feature = "oidc"))]
type OidcFile = serde::de::IgnoredAny;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    url: String,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    key_days: Option<u32>,
    apollo_url: Option<String>,
    tbot: Option<TbotFile>,
    #[serde(default)]
    apps: BTreeMap<String, String>,
    kubectl: Option<PathBuf>,
    oidc: Option<OidcFile>,
    local_users: Option<bool>,
    aws_secrets: Option<String>,
    images: Option<ImagesFile>,
    profiles: BTreeMap<String, ProfileFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImagesFile {
    repository: String,
    docker: Option<PathBuf>,
    folder: PathBuf,
    config: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TbotFile {
    outputs: PathBuf,
    proxy: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    #[serde(default)]
    groups: Vec<String>,
    apollo: Option<ApolloFile>,
    /// They stand in `AWS_SECRETS/profiles/PROFILE`.
    #[serde(default)]
    apollo_from_aws: bool,
    tools: Option<Vec<String>>,
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    apps: Vec<String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    admin: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApolloFile {
    client_id: String,
    client_secret: Option<SecretString>,
    client_secret_file: Option<PathBuf>,
}

impl CloudSettings {
    /// Reads a file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// `Io` when it cannot be read; otherwise as [`Self::from_yaml`].
    pub async fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = tokio::fs::read_to_string(path)
            .await
            .map_err(|cause| Error::io(format!("reading the settings in {shown}"), cause))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let named = |error: Error| error.with_target(shown.to_string());
        let file = File::parse(&text).map_err(named)?;
        let fetched = file.fetch().await?;
        Self::made(file, folder, fetched).map_err(named)
    }

    /// From a text; paths in it are relative to the working directory.
    ///
    /// # Errors
    /// `Config`, naming the setting: no YAML of this shape, unknown names, a URL, address, app name or pattern that is
    /// none, a group of two profiles, Apollo credentials without a secret or with two; `Io` for a secret's file that cannot
    /// be read.
    pub fn from_yaml(text: &str) -> Result<Self> {
        Self::made(File::parse(text)?, Path::new("."), BTreeMap::new())
    }

    /// Where browsers and agents find the service.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// `fetched` are the Apollo credentials that do not stand in the file.
    fn made(file: File, folder: &Path, mut fetched: BTreeMap<String, ApolloCredentials>) -> Result<Self> {
        let url = parse_base_url(&file.url).map_err(|error| error.with_target("url"))?;
        let proxies = file.trusted_proxies.iter().map(|text| network(text)).collect::<Result<_>>()?;
        let mut apps = BTreeMap::new();
        for (name, address) in file.apps {
            let app = AppName::new(&name).map_err(|error| error.with_kind(ErrorKind::Config).with_target("apps"))?;
            if !address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
                return Err(refused("apps", format!("the address of `{name}` is not of the form host:port")));
            }
            apps.insert(app, address);
        }
        let tbot = file.tbot.map(|tbot| {
            let proxy = tbot.proxy.map(|text| text.parse::<ProxyAddr>()).transpose();
            let proxy = proxy.map_err(|error| error.with_target("tbot.proxy"))?;
            Ok::<_, Error>(Tbot { outputs: folder.join(tbot.outputs), proxy })
        });
        let profiles = file.profiles.into_iter().map(|(name, profile)| {
            let kept = fetched.remove(&name);
            profile.read(name, folder, kept)
        });
        let kubectl = match file.kubectl {
            // A bare name is looked for on PATH.
            Some(path) if path.components().count() == 1 => path,
            Some(path) => folder.join(path),
            None => PathBuf::from("kubectl"),
        };
        let local_users = file.local_users.unwrap_or(file.oidc.is_none());
        #[cfg(not(feature = "oidc"))]
        if file.oidc.is_some() {
            return Err(refused("oidc", "this program was built without the feature `oidc`".to_owned()));
        }
        Ok(Self {
            url,
            hosts: file.hosts,
            trusted_proxies: proxies,
            key_life: Duration::from_secs(u64::from(file.key_days.unwrap_or(KEY_DAYS)) * 24 * 60 * 60),
            apollo_url: file.apollo_url.map(|text| parse_base_url(&text)).transpose()?,
            tbot: tbot.transpose()?,
            apps,
            kubectl,
            profiles: Profiles::new(profiles.collect::<Result<_>>()?)?,
            local_users,
            images: file.images.map(|images| Images {
                repository: images.repository.trim_end_matches('/').to_owned(),
                docker: images.docker.unwrap_or_else(|| PathBuf::from("docker")),
                config: folder.join(images.config.unwrap_or_else(|| images.folder.clone())),
                folder: folder.join(images.folder),
            }),
            #[cfg(feature = "oidc")]
            oidc: file.oidc.map(|oidc| oidc.read(folder)).transpose()?,
        })
    }
}

impl File {
    fn parse(text: &str) -> Result<Self> {
        serde_saphyr::from_str(text).map_err(|cause| {
            // A snippet could show a secret; where and why is in the first line.
            let why = cause.to_string().lines().next().unwrap_or_default().to_owned();
            refused("the settings", format!("they are not readable: {why}"))
        })
    }

    /// The Apollo credentials that AWS keeps.
    async fn fetch(&self) -> Result<BTreeMap<String, ApolloCredentials>> {
        let wanted = self.profiles.iter().filter(|(_, profile)| profile.apollo_from_aws);
        let wanted: Vec<String> = wanted.map(|(name, _)| name.clone()).collect();
        match &self.aws_secrets {
            None if wanted.is_empty() => Ok(BTreeMap::new()),
            None => Err(refused("aws_secrets", "a profile has its credentials there, and it is not set".to_owned())),
            #[cfg(feature = "dynamodb")]
            Some(prefix) => aws_secrets::fetched(prefix, wanted).await,
            #[cfg(not(feature = "dynamodb"))]
            Some(_) => Err(refused("aws_secrets", "this program was built without the feature `dynamodb`".to_owned())),
        }
    }
}

impl ProfileFile {
    fn read(self, name: String, folder: &Path, kept: Option<ApolloCredentials>) -> Result<Profile> {
        let apollo = match (self.apollo, self.apollo_from_aws, kept) {
            (Some(apollo), false, _) => Some(apollo.read(&format!("profiles.{name}.apollo"), folder)?),
            (None, false, _) => None,
            (None, true, Some(kept)) => Some(kept),
            (None, true, None) => {
                let place = format!("profiles.{name}.apollo_from_aws");
                return Err(refused(&place, "only settings that are read from a file ask AWS".to_owned()));
            }
            (Some(_), true, _) => {
                let place = format!("profiles.{name}.apollo");
                return Err(refused(&place, "give either apollo or apollo_from_aws".to_owned()));
            }
        };
        let place = |what: &str| format!("profiles.{name}.{what}");
        let everything = || vec!["*".to_owned()];
        Ok(Profile {
            groups: self.groups,
            apollo,
            tools: Patterns::new(&self.tools.unwrap_or_else(everything), &place("tools"))?,
            clusters: Patterns::new(&self.clusters, &place("clusters"))?,
            apps: Patterns::new(&self.apps, &place("apps"))?,
            read_only: self.read_only,
            admin: self.admin,
            name,
        })
    }
}

impl ApolloFile {
    fn read(self, place: &str, folder: &Path) -> Result<ApolloCredentials> {
        let client_secret = secret(self.client_secret, self.client_secret_file, place, folder)?;
        Ok(ApolloCredentials { client_id: self.client_id, client_secret })
    }
}

/// A secret that stands in the settings, or alone in a file.
fn secret(text: Option<SecretString>, file: Option<PathBuf>, place: &str, folder: &Path) -> Result<SecretString> {
    match (text, file) {
        (Some(secret), None) => Ok(secret),
        (None, Some(path)) => {
            let path = folder.join(path);
            let text = std::fs::read_to_string(&path)
                .map_err(|cause| Error::io(format!("reading {} for {place}", path.display()), cause))?;
            Ok(SecretString::from(text.trim().to_owned()))
        }
        _ => Err(refused(place, "give either client_secret or client_secret_file".to_owned())),
    }
}

fn refused(what: &str, why: String) -> Error {
    Error::new(ErrorKind::Config, format!("{what} refused: {why}")).with_target(what.to_owned())
}

/// A network or a single address.
fn network(text: &str) -> Result<IpNet> {
    let found = text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    found.map_err(|_| refused("trusted_proxies", format!("`{}` is no address or network", text.escape_debug())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_refused_and_named() {
        for (text, named) in [
            ("profiles: {}", "url"),
            ("url: ftp://x\nprofiles: {}", "url"),
            ("url: http://x\nprofiles: {}\ncolour: red", "colour"),
            ("url: http://x\nprofiles: { a: { group: [x] } }", "group"),
            ("url: http://x\nprofiles: { a: { groups: [g] }, b: { groups: [g] } }", "`g`"),
            ("url: http://x\ntrusted_proxies: [10.0.0.0/40]\nprofiles: {}", "trusted_proxies"),
            ("url: http://x\napps: { db: nowhere }\nprofiles: {}", "apps"),
            ("url: http://x\nprofiles: { a: { apollo: { client_id: x } } }", "profiles.a.apollo"),
            (
                "url: http://x\nprofiles: { a: { apollo: { client_id: x, client_secret: s, client_secret_file: f } } }",
                "profiles.a.apollo",
            ),
            ("url: http://x\nprofiles: { a: { apps: ['['] } }", "profiles.a.apps"),
            ("url: http://x\naws_secrets: p\nprofiles: { a: { apollo_from_aws: true } }", "profiles.a.apollo_from_aws"),
            ("url: http://x\nprofiles: { a: { apollo: { client_id: x }, apollo_from_aws: true } }", "either apollo or"),
        ] {
            let error = CloudSettings::from_yaml(text).unwrap_err();
            let told = format!("{error} {:?}", error.target());
            assert!(error.kind() == ErrorKind::Config && told.contains(named), "{text}: {told}");
        }
    }

    #[test]
    fn a_broken_file_does_not_show_its_secrets() {
        let text = "url: http://x\nprofiles: { a: { apollo: { client_id: x, client_secret: hunter2-hunter2, oops } } }";
        let error = CloudSettings::from_yaml(text).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
        let good = "url: http://x\nprofiles: { a: { apollo: { client_id: x, client_secret: hunter2-hunter2 } } }";
        assert!(!format!("{:?}", CloudSettings::from_yaml(good).unwrap()).contains("hunter2"));
    }

    #[tokio::test]
    async fn secrets_may_stand_in_a_file_beside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "s3cr3t\n").unwrap();
        let file = folder.path().join("cloud.yaml");
        std::fs::write(
            &file,
            "url: http://x\nprofiles: { a: { apollo: { client_id: x, client_secret_file: secret } } }",
        )
        .unwrap();
        let settings = CloudSettings::read(&file).await.unwrap();
        let profile = settings.profiles.iter().next().unwrap();
        use cube_sdk_core::secret::ExposeSecret as _;
        assert_eq!(profile.apollo.as_ref().unwrap().client_secret.expose_secret(), "s3cr3t");
        assert!(profile.tools.matches("list_products") && !profile.apps.matches("db"), "tools are open, apps are not");
    }
}
