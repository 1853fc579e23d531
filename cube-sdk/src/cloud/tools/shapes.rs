//! The data of answers. Unknown fields are kept where a shape is a thing of its own.

use cube_sdk_core::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Data of an answer.
pub trait Shape: DeserializeOwned {
    /// From the text of a service that gives no data: some of its texts are JSON.
    #[doc(hidden)]
    fn from_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        if value.is_object() { Self::deserialize(value).ok() } else { None }
    }
}

/// Shapes with every field optional on the wire.
macro_rules! shapes {
    (@shape RegistryToken) => {};
    (@shape $name:ident) => { impl Shape for $name {} };
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, Deserialize)]
            #[serde(default)]
            #[non_exhaustive]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $kind,)*
            }

            shapes!(@shape $name);
        )*
    };
}

shapes! {
    /// The clusters that a profile may see.
    Clusters {
        /// Their names, sorted.
        clusters: Vec<String>,
    }
    /// The nodes of a cluster.
    ClusterStatus {
        /// The cluster.
        cluster: String,
        /// Its nodes.
        nodes: Vec<Node>,
    }
    /// A node of a cluster.
    Node {
        /// Its name.
        name: String,
        /// It takes work.
        ready: bool,
        /// The version of its kubelet.
        version: Option<String>,
        /// Its processors, as Kubernetes writes quantities.
        cpu: Option<String>,
        /// Its memory, as Kubernetes writes quantities.
        memory: Option<String>,
        /// How many pods it takes.
        pods: Option<String>,
        /// Conditions that are not as they should be, for people.
        problems: Vec<String>,
    }
    /// What a command printed.
    Output {
        /// Its output, secrets masked.
        output: String,
    }
    /// Services of a cluster.
    Services {
        /// A row for each port.
        services: Vec<ServicePort>,
    }
    /// A port of a Service.
    ServicePort {
        /// The Service.
        name: String,
        /// Its namespace.
        namespace: String,
        /// The port.
        port: u16,
        /// Where it is reached from inside the cluster, with a guess at what it speaks.
        app_uri: String,
    }
    /// The apps that tunnels reach.
    Apps {
        /// Their names, sorted.
        apps: Vec<String>,
    }
    /// Environments that fit.
    Environments {
        /// The environments.
        environments: Vec<EnvironmentFound>,
        /// There are more than these.
        more: bool,
        /// Where to go on, where there are more.
        cursor: Option<String>,
    }
    /// An environment (cube).
    EnvironmentFound {
        /// Its id.
        id: String,
        /// Its RID.
        rid: Option<String>,
        /// Its name.
        name: String,
        /// Its accreditation level.
        accreditation: Option<String>,
        /// The teams that look after it.
        teams: Vec<String>,
        /// What else the service tells.
        #[serde(flatten)]
        more: Map<String, Value>,
    }
    /// An environment that was made.
    EnvironmentMade {
        /// The environment.
        environment: EnvironmentFound,
    }
    /// An environment that something was done to.
    EnvironmentDone {
        /// Its name or RID, as it was given.
        environment: String,
    }
    /// How a replication ended.
    Replicated {
        /// Everything was carried over.
        complete: bool,
        /// What is left to do.
        pending: Vec<PendingStep>,
        /// What cannot be carried over, and why: values of secrets above all.
        not_carried: Vec<Value>,
    }
    /// A step that is left to do.
    PendingStep {
        /// The step.
        step: String,
        /// Why it was not done.
        why: String,
    }
    /// A change request that was opened.
    Opened {
        /// The change request.
        change_request: ChangeRequestFound,
    }
    /// Whether a config was changed.
    ConfigChanged {
        /// It was another one before.
        changed: bool,
        /// The change request; none where nothing changed.
        change_request: Option<ChangeRequestFound>,
    }
    /// A change request.
    ChangeRequestFound {
        /// Its RID.
        rid: String,
        /// Its title.
        title: Option<String>,
        /// Its status, such as `PENDING_APPROVALS`.
        status: Option<String>,
        /// When it was made, RFC 3339.
        created_at: Option<String>,
        /// The name of its environment.
        environment_name: Option<String>,
        /// What else the service tells.
        #[serde(flatten)]
        more: Map<String, Value>,
    }
    /// Change requests that fit.
    ChangeRequests {
        /// The change requests.
        change_requests: Vec<ChangeRequestFound>,
        /// There are more than these.
        more: bool,
        /// Where to go on, where there are more.
        cursor: Option<String>,
    }
    /// A change request that was decided.
    Reviewed {
        /// Its RID.
        rid: String,
        /// Its status now.
        status: Option<String>,
    }
    /// Entities that fit.
    Entities {
        /// Each with `entity`, `config` (masked) and `plans`.
        entities: Vec<Value>,
        /// There are more than these.
        more: bool,
        /// Where to go on, where there are more.
        cursor: Option<String>,
    }
    /// A plan of an entity.
    PlanFound {
        /// The plan, with tasks and events.
        plan: Value,
    }
    /// A plan that was interrupted.
    Interrupted {
        /// The plan's RID.
        plan: String,
        /// The agent that ran it, which comes back by itself.
        agent: String,
    }
    /// A module of an environment.
    ModuleDone {
        /// The module.
        module: Value,
    }
    /// Modules that fit.
    Modules {
        /// Each with coordinate, state and variables (masked).
        modules: Vec<Value>,
        /// There are more than these.
        more: bool,
    }
    /// A secret that was written; its values are never told.
    SecretDone {
        /// Its name.
        secret: String,
        /// The keys that were written.
        keys: Vec<String>,
    }
    /// Products that fit.
    Products {
        /// The products.
        products: Vec<ProductFound>,
        /// There are more than these.
        more: bool,
        /// Where to go on, where there are more.
        cursor: Option<String>,
    }
    /// A product.
    ProductFound {
        /// `group:artifact`.
        id: String,
        /// Its labels.
        labels: Vec<Label>,
    }
    /// A label of a product.
    Label {
        /// Its id, such as `customer`.
        id: String,
        /// Its value.
        value: Option<String>,
    }
    /// A product whose labels were changed.
    ProductDone {
        /// The product with its labels now.
        product: ProductFound,
    }
    /// Versions of a product, side by side.
    Compared {
        /// A row for each environment, with `environment` and `entities`.
        environments: Vec<Value>,
    }
    /// Release channels that fit.
    Channels {
        /// The channels.
        channels: Vec<ChannelFound>,
        /// There are more than these.
        more: bool,
    }
    /// A release channel.
    ChannelFound {
        /// Its RID.
        rid: Option<String>,
        /// Its name.
        name: String,
        /// What it is for.
        description: Option<String>,
    }
    /// Releases of a product.
    Releases {
        /// The releases, newest first.
        releases: Vec<ReleaseFound>,
        /// There are more than these.
        more: bool,
        /// Where to go on, where there are more.
        cursor: Option<String>,
    }
    /// A release.
    ReleaseFound {
        /// Its RID.
        rid: String,
        /// `group:artifact:version`.
        coordinate: String,
        /// The channels that it is in.
        channels: Vec<String>,
    }
    /// A release that was moved between channels.
    Promoted {
        /// `group:artifact:version`.
        release: String,
        /// The channels that were named.
        channels: Vec<String>,
    }
    /// A release that was published.
    Published {
        /// The release.
        release: ReleaseFound,
    }
    /// The credentials of a cluster.
    ClusterLogin {
        /// A whole kubeconfig, credentials included.
        kubeconfig: SecretString,
        /// When they end: RFC 3339, or `unknown`.
        expires_at: String,
        /// The cluster.
        cluster: String,
    }
    /// A token for the registry.
    RegistryToken {
        /// The registry's host.
        registry: Option<String>,
        /// Whom to log in as.
        username: Option<String>,
        /// The token.
        token: SecretString,
    }
    /// A build of an image.
    ImageBuild {
        /// Its id.
        job_id: String,
        /// Where the build context goes by one PUT, once.
        upload_url: Option<SecretString>,
        /// `PENDING`, `RUNNING`, `SUCCEEDED` or `FAILED`.
        state: Option<String>,
        /// The image that was built.
        image_uri: Option<String>,
        /// Why it stopped.
        stopped_reason: Option<String>,
        /// How the builder ended.
        exit_code: Option<i64>,
        /// The end of its log.
        logs_tail: Option<String>,
        /// Why it could not be done.
        error: Option<String>,
        /// What else the service tells.
        #[serde(flatten)]
        more: Map<String, Value>,
    }
}

impl Shape for RegistryToken {
    /// As every published client: the first line that can be a token, else the whole text.
    fn from_text(text: &str) -> Option<Self> {
        let line = text.lines().map(str::trim).find(|line| line.len() > 100 && !line.contains(' '));
        let token = line.unwrap_or_else(|| text.trim());
        (!token.is_empty()).then(|| Self { token: token.into(), ..Self::default() })
    }
}
