//! A double of Palantir Apollo: OAuth2 tokens that expire, and a stateful GraphQL endpoint that validates every
//! document against the schema.
//!
//! Change requests block until they are reviewed (or are approved by themselves, on request); installing makes a plan
//! that moves through its states, one step for each query that is answered, so that nothing depends on time. Lists
//! are paged. Faults are injected by [`Double::inject`].

pub mod charts;
mod faults;
mod http;
mod mutations;
pub mod people;
mod reads;
pub mod registry;
mod schema;
mod seed;
mod token;
mod world;
mod yaml;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cube_sdk_core::config::Environment;
use cube_sdk_core::transport::SharedTransport;
use serde_json::Value;
use tokio::task::JoinHandle;

pub use faults::{Fault, On};
pub use http::Recorded;
pub use world::{Execution, Requested};

use registry::Registry;
use world::World;

/// The schema that the double serves, byte for byte the one that the client is checked against.
pub const SCHEMA: &str = include_str!("schema.graphql");

/// The OAuth2 client that the double knows.
pub const CLIENT_ID: &str = "svc-edge";
/// Its secret.
pub const CLIENT_SECRET: &str = "a secret of the service";

pub(crate) struct Shared {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) tokens: Mutex<token::Tokens>,
    pub(crate) faults: Mutex<Vec<faults::Planned>>,
    pub(crate) requests: Mutex<Vec<Recorded>>,
    pub(crate) schema: async_graphql::dynamic::Schema,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The double. In process by [`Self::transport`]; on loopback once [`Self::serve`] was called.
///
/// ```
/// use cube_sdk_testkit::apollo::{Double, Fault, On};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let apollo = Double::seeded()?.serve().await?;
/// apollo.inject(On::Query, 1, 2, Fault::throttle(1)); // the second and third query are answered 429
///
/// assert_eq!(apollo.registry().unwrap().came().len(), 0); // charts go to `/v2/` of the same host
///
/// // The client under test gets `apollo.environment()`, or `apollo.transport()` without sockets. Afterwards:
/// assert_eq!((apollo.requests().len(), apollo.executed("createEnvironment")), (0, 0));
/// # Ok(())
/// # }
/// ```
pub struct Double {
    shared: Arc<Shared>,
    address: Option<SocketAddr>,
    server: Option<JoinHandle<()>>,
    registry: Option<Registry>,
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Double").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

impl Double {
    /// A double without any environment.
    ///
    /// # Errors
    /// When the schema file is broken.
    pub fn empty() -> Result<Self, String> {
        let world = Arc::new(Mutex::new(World::default()));
        let schema = schema::build(&world)?;
        let shared =
            Shared { world, tokens: Mutex::default(), faults: Mutex::default(), requests: Mutex::default(), schema };
        Ok(Self { shared: Arc::new(shared), address: None, server: None, registry: None })
    }

    /// A double with a small fleet: `cube-7` (a control-plane module, `mosquitto`, and `telemetry`, which the module
    /// manages), `cube-8`, and the products of these.
    ///
    /// # Errors
    /// When the schema file is broken.
    pub fn seeded() -> Result<Self, String> {
        let double = Self::empty()?;
        lock(&double.shared.world).seed();
        Ok(double)
    }

    /// Serves it on a loopback port of the system's choosing.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn serve(mut self) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        self.address = Some(address);
        let registry = self.registry.insert(Registry::beside(address));
        let router = http::router(self.shared.clone(), registry.answers());
        self.server = Some(tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        }));
        Ok(self)
    }

    /// The base URL; a name that is never resolved before [`Self::serve`].
    pub fn url(&self) -> String {
        self.address.map_or_else(|| "https://apollo.invalid".to_owned(), |address| format!("http://{address}"))
    }

    /// The container registry at the same host, which takes Apollo's token; none before [`Self::serve`].
    pub const fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// A transport that leads to the double without any socket, for tests on a paused clock.
    pub fn transport(&self) -> SharedTransport {
        Arc::new(http::InProcess(self.shared.clone()))
    }

    /// The settings under which a client finds the double.
    pub fn environment(&self) -> Environment {
        Environment::from_pairs([
            ("CUBE_APOLLO_URL", self.url()),
            ("CUBE_APOLLO_CLIENT_ID", CLIENT_ID.to_owned()),
            ("CUBE_APOLLO_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ])
    }

    /// Approves change requests by itself from now on.
    pub fn approve_all(&self) {
        lock(&self.shared.world).approve_all = true;
    }

    /// Lets Apollo's clock be this many seconds behind this machine's.
    pub fn clock_behind(&self, seconds: u64) {
        lock(&self.shared.world).behind = seconds;
    }

    /// Somebody else runs a mutation by its field and arguments: it is not counted among [`Self::executions`].
    ///
    /// # Errors
    /// Apollo's refusal.
    pub fn act(&self, field: &str, arguments: &Value) -> Result<Value, String> {
        lock(&self.shared.world).act(field, arguments).map_err(|refusal| refusal.message)
    }

    /// Adds an environment, though another may have its name; gives its id.
    pub fn add_environment(&self, name: &str) -> String {
        lock(&self.shared.world).add_environment(name, "DEV")
    }

    /// The id of the first environment of a name.
    pub fn environment_id(&self, name: &str) -> Option<String> {
        let world = lock(&self.shared.world);
        world.environments.iter().find(|environment| environment.name == name).map(|found| found.id.clone())
    }

    /// Id and RID of an entity.
    pub fn entity_ids(&self, environment: &str, entity: &str) -> Option<(String, String)> {
        let world = lock(&self.shared.world);
        let id = &world.environments.iter().find(|found| found.name == environment)?.id;
        let found = world.entities.iter().find(|found| found.environment == *id && found.name == entity)?;
        Some((found.id.clone(), found.rid.clone()))
    }

    /// Product of an entity.
    pub fn entity_product(&self, environment: &str, entity: &str) -> Option<String> {
        let world = lock(&self.shared.world);
        let id = &world.environments.iter().find(|found| found.name == environment)?.id;
        let found = world.entities.iter().find(|found| found.environment == *id && found.name == entity)?;
        Some(found.product.clone())
    }

    /// Removes an entity at once, as when its removal has been carried out.
    pub fn remove_entity(&self, environment: &str, entity: &str) {
        let mut world = lock(&self.shared.world);
        let id = world.environments.iter().find(|found| found.name == environment).map(|found| found.id.clone());
        world.entities.retain(|found| Some(&found.environment) != id.as_ref() || found.name != entity);
    }

    /// The change requests, oldest first.
    pub fn change_requests(&self) -> Vec<Requested> {
        let world = lock(&self.shared.world);
        let of = |change: &world::Change| Requested {
            rid: change.rid.clone(),
            environment: change.environment.clone(),
            title: change.title.clone(),
            status: change.status.to_owned(),
        };
        world.changes.iter().map(of).collect()
    }

    /// Forgets every change request, as a server does that keeps them for a while only.
    pub fn forget_change_requests(&self) {
        lock(&self.shared.world).changes.clear();
    }

    /// Adds environments `fleet-00000`, `fleet-00001` …
    pub fn add_fleet(&self, count: usize) {
        let mut world = lock(&self.shared.world);
        for index in 0..count {
            world.add_environment(&format!("fleet-{index:05}"), "DEV");
        }
    }

    /// Adds entities `<prefix>-000` … of one product to an environment, by its name.
    pub fn add_entities(&self, environment: &str, product: &str, prefix: &str, count: usize) {
        let mut world = lock(&self.shared.world);
        let Some(id) = world.environments.iter().find(|env| env.name == environment).map(|env| env.id.clone()) else {
            return;
        };
        for index in 0..count {
            world.add_entity(&id, &format!("{prefix}-{index:03}"), product);
        }
    }

    /// Lets tokens live this many seconds from now on.
    pub fn token_lifetime(&self, seconds: u64) {
        lock(&self.shared.tokens).lifetime = seconds;
    }

    /// Makes every token handed out so far invalid.
    pub fn revoke_tokens(&self) {
        lock(&self.shared.tokens).revoke();
    }

    /// A token as a program gets one that fetches its own.
    pub fn token(&self) -> String {
        lock(&self.shared.tokens).issue()
    }

    /// Tokens handed out so far.
    pub fn tokens_issued(&self) -> usize {
        lock(&self.shared.tokens).issued
    }

    /// Makes what [`On`] names go wrong, `times` times, after `skip` times have gone well.
    pub fn inject(&self, on: On, skip: usize, times: usize, fault: Fault) {
        lock(&self.shared.faults).push(faults::Planned { on, skip, times, fault });
    }

    /// Ends every fault.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
    }

    /// The mutations that ran, in order.
    pub fn executions(&self) -> Vec<Execution> {
        lock(&self.shared.world).executions.clone()
    }

    /// How often a mutation's field ran.
    pub fn executed(&self, field: &str) -> usize {
        lock(&self.shared.world).executions.iter().filter(|execution| execution.field == field).count()
    }

    /// The GraphQL requests that arrived, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.requests).clone()
    }

    /// The value of a secret's key, which the client can never read.
    pub fn secret_value(&self, environment: &str, entity: &str, secret: &str, key: &str) -> Option<String> {
        let world = lock(&self.shared.world);
        let id = &world.environments.iter().find(|env| env.name == environment)?.id;
        let entity = world.entities.iter().find(|found| found.environment == *id && found.name == entity)?;
        entity
            .secrets
            .iter()
            .find(|found| found.name == secret)?
            .keys
            .iter()
            .find(|pair| pair.0 == key)
            .map(|pair| pair.1.clone())
    }

    /// Changes an entity's declared config, as if by hand.
    pub fn declare_config(&self, environment: &str, entity: &str, text: &str) {
        let mut world = lock(&self.shared.world);
        let id = world.environments.iter().find(|env| env.name == environment).map(|env| env.id.clone());
        if let Some(entity) =
            world.entities.iter_mut().find(|found| Some(&found.environment) == id.as_ref() && found.name == entity)
        {
            entity.declare(text);
        }
    }

    /// Takes back what an entity's agent reported of its config.
    pub fn unreport(&self, environment: &str, entity: &str) {
        let mut world = lock(&self.shared.world);
        let id = world.environments.iter().find(|env| env.name == environment).map(|env| env.id.clone());
        for found in &mut world.entities {
            if Some(&found.environment) == id.as_ref() && found.name == entity {
                found.overrides = Value::Null;
            }
        }
    }

    /// An entity's declared config.
    pub fn declared_config(&self, environment: &str, entity: &str) -> Vec<String> {
        let world = lock(&self.shared.world);
        let id = world.environments.iter().find(|env| env.name == environment).map(|env| env.id.clone());
        let found = world.entities.iter().find(|found| Some(&found.environment) == id.as_ref() && found.name == entity);
        found.map(|entity| entity.config.clone()).unwrap_or_default()
    }

    /// Runs a document as the endpoint would, without HTTP and token.
    pub async fn execute(&self, query: &str, variables: Value) -> Value {
        let request = async_graphql::Request::new(query).variables(async_graphql::Variables::from_json(variables));
        serde_json::to_value(self.shared.schema.execute(request).await).unwrap_or_default()
    }
}

/// Runs a story against a seeded double that is served on loopback: for examples in documentation.
///
/// # Panics
/// When the double cannot start or the story fails: an example that fails must fail its test.
pub fn tour<E: fmt::Display>(story: impl AsyncFnOnce(&Double) -> Result<(), E>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            let double = Double::seeded()?.serve().await.map_err(|error| error.to_string())?;
            story(&double).await.map_err(|error| error.to_string())
        })
    });
    assert!(outcome.is_ok(), "{}", outcome.err().unwrap_or_default());
}
