//! Users, keys and logins in DynamoDB, for many machines.
//!
//! Two tables with the partition key `hash`, a text: the one of keys holds `key#…`, `id#…` (which key an id is) and
//! `user#…`, with an index by `owner`; the one of sessions `login#…` and `sign-in#…`. Both have their expiry in `ttl`.
//! Every change is one conditional write, or one transaction.

mod item;
mod keeping;
mod keys;
mod sessions;
mod tables;
mod users;

use std::sync::{Arc, Mutex};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use cube_sdk_core::{Error, ErrorKind, Result};

use self::item::{ID, Item};
use super::Hash;
use crate::store::Time;

/// The index of keys by their owner.
const BY_OWNER: &str = "by-owner";

/// The two tables.
#[derive(Clone, Debug)]
pub(crate) struct DynamoStore {
    client: Client,
    keys: String,
    sessions: String,
    /// Logins whose keys this process handed out: it forgets them itself, which DynamoDB's expiry does only in days.
    handed_out: Arc<Mutex<Vec<(Hash, Time)>>>,
}

impl DynamoStore {
    /// With AWS's own settings, read as AWS's tools read them. Nothing is asked yet.
    pub(crate) async fn new(keys: &str, sessions: &str) -> Result<Self> {
        let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
        if config.region().is_none() {
            return Err(Error::new(ErrorKind::Config, "no AWS region is set").advice("set AWS_REGION"));
        }
        Ok(Self::of(&config, keys, sessions))
    }

    pub(super) fn of(config: &aws_config::SdkConfig, keys: &str, sessions: &str) -> Self {
        let (keys, sessions) = (keys.to_owned(), sessions.to_owned());
        Self { client: Client::new(config), keys, sessions, handed_out: Arc::default() }
    }

    /// One item as it is now, not as some replica of the table remembers it.
    async fn get(&self, table: &str, id: AttributeValue, doing: &'static str) -> Result<Option<Item>> {
        let asked = self.client.get_item().table_name(table).key(ID, id).consistent_read(true);
        Ok(asked.send().await.map_err(|cause| failed(doing, cause))?.item)
    }
}

/// A call failed; `doing` says which, in a few words.
fn failed<E>(doing: &'static str, cause: aws_sdk_dynamodb::error::SdkError<E>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let code = cause.code().unwrap_or("no answer").to_owned();
    let mut error = Error::new(ErrorKind::Io, format!("{doing} failed: DynamoDB says {code}")).with_code(code.clone());
    if code == "ResourceNotFoundException" {
        error = error.advice("make the tables: cube-server cloud create-tables");
    }
    error.cause(cause)
}

/// What a conditional write gave; none when its condition did not hold.
fn carried_out<T, E>(
    doing: &'static str,
    done: std::result::Result<T, aws_sdk_dynamodb::error::SdkError<E>>,
) -> Result<Option<T>>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match done {
        Ok(done) => Ok(Some(done)),
        Err(cause) if cause.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(cause) => Err(failed(doing, cause)),
    }
}
