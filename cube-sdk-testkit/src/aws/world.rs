//! The running world: its listener, and the ways to look at it and to change it from outside.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use s3s::service::{S3Service, S3ServiceBuilder};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::builder::AwsWorldBuilder;
use super::clock::Clock;
use super::connection::{Connection, Socket};
use super::fault::Faults;
use super::iam::{Iam, Role};
use super::identity::Directory;
use super::kms::{KmsKeyState, KmsRefusal};
use super::mint::Mint;
use super::object::Object;
use super::persist::{self, Saved};
use super::policy::{Document, Guard, Kind, Malformed};
use super::request_log::{LoggedRequest, RequestLog};
use super::s3::{Backend, Keys, Reads};
use super::serve::respond;
use super::standard::{AwsCard, Standard, standard};
use super::state::{State, WrongRegion};
use super::store::{Bucket, Store};
use super::traffic::Traffic;
use super::trail::{self, Trail};

/// One customer's AWS account on loopback, served until it is shut down or dropped.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let world = AwsWorld::builder().seed(7).start().await?;
/// world.faults().add(Fault::new(Effect::ResetBody { after: 65_536 }).on("GetObject").nth(2));
/// let card = world.card(); // endpoint, keys, role and bucket, for the client under test
/// assert!(world.object(&card.bucket, &card.object_key).is_some());
/// assert_eq!(world.traffic().served("GetObject"), 0); // and what CloudTrail saw: world.cloudtrail()
/// world.shutdown(Duration::from_secs(1)).await;
/// # Ok(())
/// # }
/// ```
pub struct AwsWorld {
    state: Arc<State>,
    card: AwsCard,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
}

impl std::fmt::Debug for AwsWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsWorld").field("address", &self.address).finish_non_exhaustive()
    }
}

impl AwsWorld {
    /// A world with the standard contents (see [`AwsCard`]) and default settings, still to be started.
    pub fn builder() -> AwsWorldBuilder {
        AwsWorldBuilder::default()
    }

    async fn open(setup: AwsWorldBuilder) -> io::Result<Self> {
        let saved = setup.data_dir.as_deref().map(persist::load).transpose()?.flatten();
        let first = saved.is_none();
        let saved = saved.unwrap_or_else(|| Saved { seed: setup.seed, ..Saved::default() });
        let (seed, boots) = (saved.seed, saved.boots + 1);
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, setup.port)).await?;
        let address = socket.local_addr()?;

        let store = Store::default();
        let Standard { card, users, roles } =
            standard(&setup, seed, &store, format!("http://{address}")).map_err(unreadable)?;
        let iam = Iam::new(setup.iam_delay.clone());
        let stored: Vec<Role> =
            saved.roles.into_iter().map(Role::try_from).collect::<Result<_, _>>().map_err(unreadable)?;
        let roles = if first { roles } else { stored };
        iam.change_now(|all| {
            all.extend(roles.into_iter().map(|role| (role.name.clone(), role)));
            Ok::<_, io::Error>(())
        })?;
        let state = Arc::new(State {
            region: setup.region,
            account_id: setup.account_id,
            settings: setup.settings,
            kms: Default::default(),
            guards: Mutex::default(),
            clock: Clock::start(),
            // Not the seed itself: what is minted later must not repeat the standard contents' ids.
            mint: Mint::new(seed.rotate_left(17) ^ boots),
            directory: Directory::new(users),
            iam,
            store,
            faults: Faults::default(),
            traffic: Arc::default(),
            trail: Trail::default(),
            log: RequestLog::new(setup.request_log),
            data_dir: setup.data_dir,
            saving: Mutex::default(),
            seed,
            boots,
        });
        if let Some(dir) = &state.data_dir {
            persist::restore(&state, dir, &saved.buckets)?;
        }
        persist::save(&state).await?;
        let (stop, stopped) = watch::channel(false);
        let listener = tokio::spawn(listen(socket, state.clone(), stopped));
        Ok(Self { state, card, address, stop, listener })
    }

    /// Names and values of the standard contents.
    #[must_use]
    pub fn card(&self) -> &AwsCard {
        &self.card
    }

    /// `http://127.0.0.1:PORT`: S3 (path style), STS and IAM.
    #[must_use]
    pub fn endpoint_url(&self) -> &str {
        &self.card.endpoint_url
    }

    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The home region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.state.region
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// Live counters.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.state.traffic
    }

    /// Every request that has arrived so far, in order, with what became of it; empty unless
    /// [`AwsWorldBuilder::request_log`] was set. Those that [were served](LoggedRequest::was_served) are what a caller's
    /// own books should show.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state.log.entries()
    }

    /// Ends every open session: each answers `ExpiredToken` from now on.
    pub fn expire_sessions(&self) {
        self.state.directory.end_sessions();
    }

    /// Changes how a wrong region is answered.
    pub fn set_wrong_region(&self, shape: WrongRegion) {
        self.state.settings.switches().wrong_region = shape;
    }

    /// Switches STS off in a region for the customer's account (or on again): AssumeRole that is signed for it answers 403
    /// `RegionDisabledException`, whoever calls.
    pub fn set_sts_disabled(&self, region: &str, disabled: bool) {
        let mut switches = self.state.settings.switches();
        if disabled {
            switches.sts_disabled.insert(region.to_owned());
        } else {
            switches.sts_disabled.remove(region);
        }
    }

    /// Changes the state of a KMS key; keys are enabled until something else is said.
    pub fn set_kms_key_state(&self, key_arn: &str, state: KmsKeyState) {
        self.state.kms.edit(key_arn, |key| key.state = state);
    }

    /// Sets a KMS key's own policy (JSON text), or removes it: without one, IAM alone decides, as with AWS's default.
    ///
    /// # Errors
    /// `InvalidInput` for a text that is no policy with principals and resources.
    pub fn set_kms_key_policy(&self, key_arn: &str, policy: Option<&str>) -> io::Result<()> {
        let policy = parse(policy, Kind::Resource)?;
        self.state.kms.edit(key_arn, |key| key.policy = policy);
        Ok(())
    }

    /// Chooses the words in which S3 refuses a read for want of `kms:Decrypt`.
    pub fn set_kms_refusal(&self, words: KmsRefusal) {
        self.state.settings.switches().kms_refusal = words;
    }

    /// Sets or removes a policy that only takes away (JSON text, without principals).
    ///
    /// # Errors
    /// `InvalidInput` for a text that is no such policy.
    pub fn set_guard(&self, guard: Guard, policy: Option<&str>) -> io::Result<()> {
        let policy = parse(policy, Kind::Identity)?;
        let mut guards = self.state.guards.lock().unwrap_or_else(PoisonError::into_inner);
        match policy {
            Some(policy) => guards.insert(guard, policy),
            None => guards.remove(&guard),
        };
        Ok(())
    }

    /// Makes an empty bucket, or leaves the one of that name as it is. Not kept in the data directory.
    pub fn create_bucket(&self, name: &str, region: &str) {
        self.state.store.buckets().entry(name.to_owned()).or_insert_with(|| Bucket::new(region));
    }

    /// Removes a bucket and its objects; whether there was one.
    pub fn delete_bucket(&self, name: &str) -> bool {
        self.state.store.buckets().remove(name).is_some()
    }

    /// Sets or removes a bucket's policy (JSON text).
    ///
    /// # Errors
    /// `NotFound` without such a bucket; `InvalidInput` for a text that is no bucket policy.
    pub fn set_bucket_policy(&self, bucket: &str, policy: Option<&str>) -> io::Result<()> {
        let policy = parse(policy, Kind::Resource)?;
        let mut buckets = self.state.store.buckets();
        let bucket = buckets.get_mut(bucket).ok_or_else(|| no_bucket(bucket))?;
        bucket.policy = policy;
        Ok(())
    }

    /// Stores an object without a request: no record, no permission, not kept in the data directory.
    ///
    /// # Errors
    /// `NotFound` without such a bucket.
    pub fn put_object(&self, bucket: &str, key: &str, object: Object) -> io::Result<()> {
        let stored = self.state.store.put(bucket, key, object, self.state.clock.now(), false);
        if stored { Ok(()) } else { Err(no_bucket(bucket)) }
    }

    /// Removes an object without a request; whether there was one.
    pub fn delete_object(&self, bucket: &str, key: &str) -> bool {
        self.state.store.buckets().get_mut(bucket).is_some_and(|bucket| bucket.objects.remove(key).is_some())
    }

    /// The object under a key: its size, ETag, SHA-256 and content to compare with.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Object> {
        self.state.store.get(bucket, key).map(|entry| entry.object)
    }

    /// Makes or replaces a role at once, without a request: name, trust policy, and one inline policy `permissions`.
    /// Its ARN is returned.
    ///
    /// # Errors
    /// `InvalidInput` for a text that is no policy.
    pub fn put_role(&self, name: &str, trust: &str, permissions: Option<&str>) -> io::Result<String> {
        let trust = Document::parse(trust, Kind::Trust).map_err(invalid)?;
        let permissions = parse(permissions, Kind::Identity)?;
        let arn = format!("arn:aws:iam::{}:role/{name}", self.state.account_id);
        let role = Role {
            name: name.to_owned(),
            path: "/".to_owned(),
            id: self.state.mint.unique_id("AROA"),
            arn: arn.clone(),
            created: self.state.clock.now(),
            description: None,
            max_session: 3_600,
            tags: Vec::new(),
            trust: Arc::new(trust),
            inline: permissions.map(|document| ("permissions".to_owned(), document)).into_iter().collect(),
        };
        self.state.iam.change_now(|roles| {
            roles.insert(name.to_owned(), role);
            Ok::<_, io::Error>(())
        })?;
        Ok(arn)
    }

    /// CloudTrail's records so far, oldest first, in the JSON of its log files: what the customer's account is told, with
    /// data events of S3 switched on.
    ///
    /// Recorded are calls of S3 that were authenticated or anonymous, refused ones with `errorCode`; the calls of the
    /// account's own users and sessions to STS and IAM; an AssumeRole by another account only if it succeeded; and, under
    /// request ids of their own, the uses of KMS keys that S3 made. `bytesTransferredOut` grows while a body is being sent.
    /// The page of [`aws`](crate::aws) tells it row by row.
    #[must_use]
    pub fn cloudtrail(&self) -> Vec<Value> {
        self.state.trail.render(&self.state.account_id)
    }

    /// Writes the records as log files into `dir`, named `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json`, with
    /// `.gz` and compressed where `gz` is set; at most 1 000 records a file. Each call writes all records anew.
    ///
    /// # Errors
    /// The directory or a file cannot be written.
    pub fn write_cloudtrail(&self, dir: impl AsRef<Path>, gz: bool) -> io::Result<Vec<PathBuf>> {
        let state = &self.state;
        trail::write(
            &self.cloudtrail(),
            &state.account_id,
            &state.region,
            state.clock.now(),
            &state.mint,
            dir.as_ref(),
            gz,
        )
    }

    /// Stops accepting, lets answers in progress finish for at most `grace`, then closes what is left.
    pub async fn shutdown(mut self, grace: Duration) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(grace, &mut self.listener).await.is_err() {
            self.listener.abort();
        }
    }
}

impl AwsWorldBuilder {
    /// Binds 127.0.0.1 and serves. Must be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// The port is taken; an account id is not 12 digits (`InvalidInput`); the data directory cannot be read or written,
    /// or holds a state that is none (`InvalidData`).
    pub async fn start(self) -> io::Result<AwsWorld> {
        for id in [&self.account_id, &self.edgegate_account_id] {
            if id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("account id {id} is not 12 digits")));
            }
        }
        AwsWorld::open(self).await
    }
}

impl Drop for AwsWorld {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn no_bucket(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no bucket {name}"))
}

fn invalid(bad: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, bad.0)
}

fn parse(text: Option<&str>, kind: Kind) -> io::Result<Option<Arc<Document>>> {
    text.map(|text| Document::parse(text, kind).map(Arc::new).map_err(invalid)).transpose()
}

fn unreadable(bad: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, bad.0)
}

/// Accepts until stopped, then waits for the open connections; aborting this task aborts them.
async fn listen(socket: TcpListener, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let s3 = s3_service(&state);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => {
                // A failed accept concerns one caller, or passes once descriptors are free again.
                let Ok((stream, peer)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                };
                let _ = stream.set_nodelay(true);
                state.traffic.add_connection();
                let connection = Arc::new(Connection::new(peer, state.settings.rate));
                let socket = Socket::new(stream, connection.clone());
                connections.spawn(serve(socket, connection, state.clone(), s3.clone(), stopped.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}

async fn serve(
    socket: Socket,
    connection: Arc<Connection>,
    state: Arc<State>,
    s3: S3Service,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| respond(state.clone(), s3.clone(), connection.clone(), request));
    let mut served = std::pin::pin!(http1::Builder::new().serve_connection(socket, service));
    // How a connection ended is the client's business; a fault may well be the reason.
    tokio::select! {
        _ = served.as_mut() => return,
        _ = stopped.changed() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

fn s3_service(state: &Arc<State>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Backend(state.clone()));
    builder.set_auth(Keys(state.clone()));
    builder.set_route(Reads(state.clone()));
    builder.build()
}
