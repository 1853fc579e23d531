//! What a service of cube-cloud keeps its users, keys and logins in.

use std::fmt;
use std::sync::Arc;

use super::super::Store;
use super::Keeping;

/// Where cube-cloud keeps users, keys and logins: an embedded [`Store`], or tables of DynamoDB (feature `dynamodb`).
/// Clones are the same.
///
/// ```
/// use cube_sdk_core::Clock;
/// use cube_sdk_server::store::{CloudStore, Store};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = CloudStore::from(Store::open(&dir.path().join("cloud.sqlite")).await?);
/// store.add_user("ann", &["admin".to_owned()], "correct horse".to_owned().into(), Clock::system()).await?;
/// let made = store.create_key("ann", &[], "laptop", None, Clock::system()).await?;
/// assert_eq!(store.list_keys(Some("ann")).await?[0].id, made.id);
/// store.revoke_key_by_id(&made.id, Clock::system()).await?;
/// assert_eq!(store.revoke_keys_of("ann", Clock::system()).await?, 0);
/// store.close().await;
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct CloudStore(Arc<dyn Keeping>);

impl From<Store> for CloudStore {
    fn from(store: Store) -> Self {
        Self(Arc::new(store))
    }
}

impl CloudStore {
    /// Two tables of DynamoDB, with AWS's own settings (`AWS_REGION`, `AWS_ENDPOINT_URL`, keys, profiles), read as AWS's
    /// tools read them. Nothing is asked yet.
    ///
    /// ```no_run
    /// # async fn open() -> cube_sdk_core::Result<()> {
    /// use cube_sdk_server::store::CloudStore;
    ///
    /// let store = CloudStore::dynamodb("cube-keys", "cube-keys-sessions").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Config` when no region is set.
    #[cfg(feature = "dynamodb")]
    pub async fn dynamodb(keys: &str, sessions: &str) -> cube_sdk_core::Result<Self> {
        Ok(Self(Arc::new(super::DynamoStore::new(keys, sessions).await?)))
    }

    /// Makes the two tables of [`Self::dynamodb`]: paid by request, with expiry (`ttl`) and the index `by-owner`. Those
    /// that are there stay as they are.
    ///
    /// ```no_run
    /// # async fn make() -> cube_sdk_core::Result<()> {
    /// use cube_sdk_server::store::CloudStore;
    ///
    /// CloudStore::create_dynamodb_tables("cube-keys", "cube-keys-sessions").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Config` when no region is set; `Io` when DynamoDB refuses.
    #[cfg(feature = "dynamodb")]
    pub async fn create_dynamodb_tables(keys: &str, sessions: &str) -> cube_sdk_core::Result<()> {
        super::DynamoStore::new(keys, sessions).await?.create_tables().await
    }

    /// Waits for writes in flight and closes what is open.
    pub async fn close(&self) {
        self.0.close().await;
    }

    pub(crate) fn keeping(&self) -> Arc<dyn Keeping> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for CloudStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CloudStore")
    }
}
