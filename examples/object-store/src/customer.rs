//! A customer's bucket in the embedded world, and a session of the grant's role in it.

use std::sync::Arc;

use bytes::Bytes;
use cube_sdk::byo::audit::{AuditEntry, AuditEvent, MemorySink, Recorder};
use cube_sdk::byo::{GrantRef, Scope, Storage};
use cube_sdk_server::local::World;
use object_store::ObjectStore;
use object_store::path::Path;

/// A customer and what EdgeGate reads of theirs. Ends with the value.
#[derive(Debug)]
pub struct Customer {
    world: World,
    audit: MemorySink,
    store: Arc<dyn ObjectStore>,
}

impl Customer {
    /// Starts the world with a session in it.
    ///
    /// # Errors
    /// When a port cannot be used.
    pub async fn start() -> anyhow::Result<Self> {
        let world = World::start().await?;
        let card = &world.card().aws;
        let audit = MemorySink::default();
        let storage = Storage::builder()
            .keys(&card.access_key_id, card.secret_access_key.clone(), None)
            .endpoint_url(card.endpoint_url.parse()?)
            .audit(Recorder::new(audit.clone()))
            .build()?;
        let external_id = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?;
        let grant = GrantRef::new(card.role_arn.parse()?, external_id, card.bucket.parse()?, card.region.parse()?);
        let store = Arc::new(storage.session(&grant, Scope::Bucket).object_store());
        Ok(Self { world, audit, store })
    }

    /// Puts an object into the bucket, as the customer does; how many bytes it has.
    ///
    /// # Errors
    /// When the bucket does not take it.
    pub fn put(&self, path: &Path, bytes: Bytes) -> anyhow::Result<u64> {
        let size = bytes.len() as u64;
        let bucket = &self.world.card().aws.bucket;
        let object = cube_sdk_testkit::aws::Object::bytes(bytes);
        self.world.aws().put_object(bucket, path.as_ref(), object)?;
        Ok(size)
    }

    /// The bucket, read by a session of the grant's role.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    /// The rows of all reads, in order.
    pub fn reads(&self) -> Vec<AuditEntry> {
        let rows = self.audit.entries();
        rows.into_iter().filter(|row| row.event_type == AuditEvent::GetObject).collect()
    }
}
