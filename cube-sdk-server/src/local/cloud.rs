//! cube-cloud of the world: a login user, two profiles, apps, and Apollo's double behind it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use cube_sdk_core::{Clock, Error, ErrorKind, Result, SecretString};
use cube_sdk_testkit::apollo::{CLIENT_ID, CLIENT_SECRET, Double};
use cube_sdk_testkit::kube::ApiServer;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::card::{ApolloCard, CloudCard, KubeCard};
use super::edgegate::answers;
use super::ready::write_private;
use crate::cloud::{CloudService, CloudSettings};
use crate::listener::Listener;
use crate::store::Store;

/// Who may sign in.
const USER: &str = "ann";
/// An app whose address refuses connections.
const DEAD: &str = "dead";
/// An app that no profile may reach.
const FORBIDDEN: &str = "vault";
/// The cluster that the API double stands for.
const CLUSTER: &str = "cube-7";
const OPERATORS: &str = "operators";
const VIEWERS: &str = "viewers";

/// cube-cloud and what stands behind it.
#[derive(Debug)]
pub(super) struct LocalCloud {
    listener: Listener,
    service: CloudService,
    echo: Echo,
    apollo: Double,
    cluster: ApiServer,
    pub(super) kube_card: KubeCard,
    pub(super) card: CloudCard,
    pub(super) apollo_card: ApolloCard,
}

impl LocalCloud {
    pub(super) async fn start(
        dir: &Path,
        seed: u64,
        more: &BTreeMap<String, String>,
        kubectl: Option<&Path>,
    ) -> Result<Self> {
        let failed = |what: &str| Error::new(ErrorKind::Io, format!("starting {what} failed"));
        let apollo = Double::seeded().map_err(|why| failed("the Apollo double").cause(why))?;
        let apollo = apollo.serve().await.map_err(|cause| Error::io("starting the Apollo double", cause))?;
        let echo = Echo::start().await.map_err(|cause| Error::io("starting the echo app", cause))?;
        let mut apps = BTreeMap::from([
            ("echo".to_owned(), echo.address.to_string()),
            (DEAD.to_owned(), "127.0.0.1:1".to_owned()),
            (FORBIDDEN.to_owned(), echo.address.to_string()),
        ]);
        let reachable = |name: &String| name != DEAD && name != FORBIDDEN;
        if let Some(name) = more.keys().find(|name| apps.contains_key(*name)) {
            return Err(Error::new(ErrorKind::Config, format!("the world has an app `{name}` of its own"))
                .advice("give yours another name"));
        }
        apps.extend(more.iter().map(|(name, at)| (name.clone(), at.clone())));
        let permitted: Vec<_> = apps.keys().filter(|name| *name != FORBIDDEN).cloned().collect();

        let credentials = json!({ "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET });
        let profile = |group: &str, read_only: bool| {
            json!({
                "groups": [group], "apollo": credentials, "clusters": ["*"], "apps": permitted,
                "read_only": read_only, "admin": !read_only,
            })
        };
        // JSON is YAML.
        let mut settings = json!({
            "url": "http://localhost", "apollo_url": apollo.url(), "apps": apps,
            "profiles": { OPERATORS: profile(OPERATORS, false), VIEWERS: profile(VIEWERS, true) },
        });
        let cluster = ApiServer::start(CLUSTER).await?;
        let outputs = dir.join("tbot");
        let output = outputs.join("kube").join(CLUSTER);
        let kubeconfig = output.join("kubeconfig.yaml");
        std::fs::create_dir_all(&output).map_err(|cause| Error::io(format!("making {}", output.display()), cause))?;
        write_private(&kubeconfig, cluster.kubeconfig().as_bytes())?;
        settings["tbot"] = json!({ "outputs": outputs });
        if let Some(kubectl) = kubectl {
            settings["kubectl"] = json!(kubectl);
        }
        let clock = Clock::system();
        let store = Store::open(&dir.join("cloud.sqlite")).await?;
        let password = password(seed);
        store.add_user(USER, &[OPERATORS.to_owned()], password.clone(), clock).await?;
        let key = async |group: &str| {
            store.create_key(&format!("world-{group}"), &[group.to_owned()], "the world", None, clock).await
        };
        let (full, readonly) = (key(OPERATORS).await?, key(VIEWERS).await?);
        let service = CloudService::builder(store.clone(), CloudSettings::from_yaml(&settings.to_string())?).start()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(address, service.router()).await?;
        answers(listener.address(), "/readyz").await?;
        let card = CloudCard {
            url: listener.url(),
            api_key: full.api_key,
            readonly_api_key: readonly.api_key,
            user: USER.to_owned(),
            password,
            config_dir: dir.join("agent").display().to_string(),
            apps: apps.into_iter().filter(|(name, _)| reachable(name)).collect(),
            dead_app: DEAD.to_owned(),
            forbidden_app: FORBIDDEN.to_owned(),
        };
        let apollo_card = ApolloCard {
            url: apollo.url(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned().into(),
            environment: "cube-7".to_owned(),
        };
        let kube_card = KubeCard { kubeconfig: kubeconfig.display().to_string(), cluster: CLUSTER.to_owned() };
        Ok(Self { listener, service, echo, apollo, cluster, kube_card, card, apollo_card })
    }

    /// Apollo's double.
    pub(super) const fn apollo(&self) -> &Double {
        &self.apollo
    }

    /// The cluster's double.
    pub(super) const fn cluster(&self) -> &ApiServer {
        &self.cluster
    }

    pub(super) async fn shutdown(self, grace: Duration) {
        let Self { listener, service, echo, .. } = self;
        // Requests first: they need the database, which the service closes.
        listener.shutdown(grace).await;
        service.shutdown(grace).await;
        drop(echo);
    }
}

/// Repeatable, and no word that anybody else on this machine knows.
fn password(seed: u64) -> SecretString {
    let digest = Sha256::digest(format!("cube-local:{seed}:password"));
    digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// A TCP app that answers each byte with itself.
#[derive(Debug)]
struct Echo {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Echo {
    async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        Ok(Self { address, task })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}
