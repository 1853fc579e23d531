//! API keys.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use cube_sdk_core::{Error, ErrorKind, Result};

use super::item::{Attributes, ID, Item, broken, id_of, text, time, ttl};
use super::users::user_id;
use super::{BY_OWNER, DynamoStore, carried_out, failed};
use crate::store::cloud::{Hash, Holder, KeyRow, NewKey};
use crate::store::{Id, Json, Time, USED_GRANULARITY};

/// How long an ended key is still listed.
const LISTED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const STORING: &str = "storing an API key";

fn pointer(key: Id) -> AttributeValue {
    text(format!("id#{key}"))
}

fn holds_now(item: &Item, now: Time) -> bool {
    item.maybe_time("revoked_at").is_none() && item.maybe_time("expires_at").is_none_or(|end| now < end)
}

impl DynamoStore {
    /// The writes that store a key: itself, and which one its id is.
    pub(super) fn writes_of(&self, key: &NewKey, now: Time) -> Result<[TransactWriteItem; 2]> {
        let id = id_of("key", &key.hash);
        let mut item = Item::from([
            (ID.to_owned(), id.clone()),
            ("id".to_owned(), text(key.id.to_string())),
            ("prefix".to_owned(), text(&key.prefix)),
            ("owner".to_owned(), text(&key.owner)),
            ("label".to_owned(), text(&key.label)),
            ("created_at".to_owned(), time(now)),
        ]);
        let mut pointed = Item::from([(ID.to_owned(), pointer(key.id)), ("key".to_owned(), id)]);
        if let Some(end) = key.expires_at {
            item.insert("expires_at".to_owned(), time(end));
            for item in [&mut item, &mut pointed] {
                item.insert("ttl".to_owned(), ttl(end.0.saturating_add(LISTED)));
            }
        }
        let put = |item: Item| {
            let put = Put::builder()
                .table_name(&self.keys)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(#hash)")
                .expression_attribute_names("#hash", ID);
            let put = put.build().map_err(|cause| Error::new(ErrorKind::Io, STORING).cause(cause))?;
            Ok::<_, Error>(TransactWriteItem::builder().put(put).build())
        };
        Ok([put(item)?, put(pointed)?])
    }

    pub(super) async fn keep_key(&self, key: &NewKey, now: Time) -> Result<()> {
        let writes = self.writes_of(key, now)?;
        let storing = self.client.transact_write_items().set_transact_items(Some(writes.into()));
        storing.send().await.map(drop).map_err(|cause| failed(STORING, cause))
    }

    pub(super) async fn holder(&self, hash: &Hash, now: Time) -> Result<Option<Holder>> {
        let doing = "looking up an API key";
        let Some(item) = self.get(&self.keys, id_of("key", hash), doing).await? else { return Ok(None) };
        if !holds_now(&item, now) {
            return Ok(None);
        }
        let owner = item.text("owner")?;
        let Some(user) = self.get(&self.keys, user_id(&owner), doing).await? else { return Ok(None) };
        // The index may not have shown this one when all of its owner's were revoked.
        if user
            .maybe_time("keys_revoked_at")
            .is_some_and(|all| item.maybe_time("created_at").is_none_or(|at| at <= all))
        {
            return Ok(None);
        }
        let used = item.maybe_time("last_used_at");
        if used.is_none_or(|used| now.0.since(used.0) >= USED_GRANULARITY) {
            let note = self
                .client
                .update_item()
                .table_name(&self.keys)
                .key(ID, id_of("key", hash))
                .update_expression("SET last_used_at = :now")
                .condition_expression("attribute_exists(#hash)")
                .expression_attribute_names("#hash", ID)
                .expression_attribute_values(":now", time(now));
            carried_out("noting the use of an API key", note.send().await)?;
        }
        Ok(Some(Holder {
            key: item.text("id")?.parse().map_err(|_| broken("id"))?,
            prefix: item.text("prefix")?,
            owner,
            groups: user.list("groups"),
            expires_at: item.maybe_time("expires_at"),
        }))
    }

    /// The items of keys, by the index or of the whole table.
    async fn items_of_keys(&self, owner: Option<&str>) -> Result<Vec<Item>> {
        let doing = "listing API keys";
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let (items, next) = match owner {
                Some(owner) => {
                    let page = self
                        .client
                        .query()
                        .table_name(&self.keys)
                        .index_name(BY_OWNER)
                        .key_condition_expression("#owner = :owner")
                        .expression_attribute_names("#owner", "owner")
                        .expression_attribute_values(":owner", text(owner))
                        .set_exclusive_start_key(from);
                    let page = page.send().await.map_err(|cause| failed(doing, cause))?;
                    (page.items, page.last_evaluated_key)
                }
                None => {
                    let page = self
                        .client
                        .scan()
                        .table_name(&self.keys)
                        .consistent_read(true)
                        .filter_expression("begins_with(#hash, :key)")
                        .expression_attribute_names("#hash", ID)
                        .expression_attribute_values(":key", text("key#"))
                        .set_exclusive_start_key(from);
                    let page = page.send().await.map_err(|cause| failed(doing, cause))?;
                    (page.items, page.last_evaluated_key)
                }
            };
            found.extend(items.into_iter().flatten());
            from = next;
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    pub(super) async fn keys(&self, owner: Option<&str>) -> Result<Vec<KeyRow>> {
        let mut rows = Vec::new();
        let mut groups = std::collections::HashMap::new();
        for item in self.items_of_keys(owner).await? {
            let owner = item.text("owner")?;
            if !groups.contains_key(&owner) {
                let user = self.get(&self.keys, user_id(&owner), "reading a user").await?;
                groups.insert(owner.clone(), user);
            }
            let user = groups.get(&owner).and_then(Option::as_ref);
            let created_at = item.time("created_at")?;
            let all = user.and_then(|user| user.maybe_time("keys_revoked_at")).filter(|all| created_at <= *all);
            rows.push(KeyRow {
                id: item.text("id")?.parse().map_err(|_| broken("id"))?,
                prefix: item.text("prefix")?,
                groups: Json(user.map(|user| user.list("groups")).unwrap_or_default()),
                label: item.text("label")?,
                created_at,
                expires_at: item.maybe_time("expires_at"),
                revoked_at: item.maybe_time("revoked_at").or(all),
                last_used_at: item.maybe_time("last_used_at"),
                owner,
            });
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.created_at.0));
        Ok(rows)
    }

    async fn revoke(&self, id: AttributeValue, now: Time) -> Result<bool> {
        let change = self
            .client
            .update_item()
            .table_name(&self.keys)
            .key(ID, id)
            .update_expression("SET revoked_at = :now")
            .condition_expression("attribute_exists(#hash) AND attribute_not_exists(revoked_at)")
            .expression_attribute_names("#hash", ID)
            .expression_attribute_values(":now", time(now));
        Ok(carried_out("revoking an API key", change.send().await)?.is_some())
    }

    pub(super) async fn revoke_key(&self, key: Id, now: Time) -> Result<bool> {
        let pointed = self.get(&self.keys, pointer(key), "revoking an API key").await?;
        match pointed.and_then(|item| item.get("key").cloned()) {
            Some(id) => self.revoke(id, now).await,
            None => Ok(false),
        }
    }

    pub(super) async fn revoke_keys_of(&self, owner: &str, now: Time) -> Result<u64> {
        let all = self
            .client
            .update_item()
            .table_name(&self.keys)
            .key(ID, user_id(owner))
            .update_expression("SET keys_revoked_at = :now")
            .condition_expression("attribute_exists(#hash)")
            .expression_attribute_names("#hash", ID)
            .expression_attribute_values(":now", time(now));
        if carried_out("revoking the API keys of an owner", all.send().await)?.is_none() {
            return Ok(0);
        }
        let mut revoked = 0;
        for item in self.items_of_keys(Some(owner)).await? {
            let id = item.get(ID).cloned().ok_or_else(|| broken(ID))?;
            revoked += u64::from(self.revoke(id, now).await?);
        }
        Ok(revoked)
    }
}
