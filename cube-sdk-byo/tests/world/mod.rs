//! What the tests of the storage half have in common: a customer's account and sessions in it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use cube_sdk_byo::audit::{MemorySink, Recorder};
use cube_sdk_byo::{GrantRef, S3Uri, Scope, Session, Storage, StorageBuilder};
use cube_sdk_core::retry::{Backoff, Retrier, RetryBudget, RetryPolicy};
use cube_sdk_testkit::aws::{AwsWorld, AwsWorldBuilder, Object};
use std::time::Duration;

pub const KEY: &str = "test/object.bin";
pub const EXTERNAL_ID: &str = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90";

/// The default patience in milliseconds instead of seconds.
pub fn quick(budget: RetryBudget) -> Retrier {
    let waits = Backoff::new(Duration::from_millis(2), Duration::from_millis(20));
    let policy = RetryPolicy::default().backoff(waits).throttle_backoff(waits).patience(Duration::from_millis(500));
    Retrier::new(policy, budget)
}

pub struct Account {
    pub world: AwsWorld,
    pub audit: MemorySink,
    pub storage: Storage,
}

pub async fn account() -> Account {
    account_with(AwsWorld::builder(), |storage| storage).await
}

pub async fn account_with(world: AwsWorldBuilder, storage: impl FnOnce(StorageBuilder) -> StorageBuilder) -> Account {
    let world = world.start().await.unwrap();
    let audit = MemorySink::default();
    let builder = Storage::builder()
        .keys(&world.card().worker.access_key_id, world.card().worker.secret_access_key.clone(), None)
        .endpoint_url(world.endpoint_url().parse().unwrap())
        .retrier(quick(RetryBudget::new(10_000)))
        .audit(Recorder::new(audit.clone()));
    Account { storage: storage(builder).build().unwrap(), world, audit }
}

impl Account {
    pub fn grant(&self) -> GrantRef {
        self.grant_of(&self.world.card().role_arn)
    }

    pub fn grant_of(&self, role_arn: &str) -> GrantRef {
        let card = self.world.card();
        GrantRef::new(
            role_arn.parse().unwrap(),
            EXTERNAL_ID.parse().unwrap(),
            card.bucket.parse().unwrap(),
            card.region.parse().unwrap(),
        )
    }

    pub fn session(&self) -> Session {
        self.storage.session(&self.grant(), Scope::Bucket)
    }

    pub fn put(&self, object: Object) -> S3Uri {
        self.world.put_object(&self.world.card().bucket, KEY, object).unwrap();
        self.uri(KEY)
    }

    pub fn uri(&self, key: &str) -> S3Uri {
        format!("s3://{}/{key}", self.world.card().bucket).parse().unwrap()
    }
}

/// Lets tokio's clock run some twenty times as fast as the machine's. A clock that is merely paused would leap over every
/// wait for a socket.
pub async fn hurry() {
    loop {
        // While a thread of the runtime blocks, the clock does not leap by itself.
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await.unwrap();
        tokio::time::advance(Duration::from_millis(20)).await;
    }
}
