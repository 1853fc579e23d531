//! Users.

use aws_sdk_dynamodb::types::AttributeValue;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Result, SecretString};

use super::item::{Attributes, ID, text, texts, time};
use super::{DynamoStore, failed};
use crate::store::Time;
use crate::store::cloud::UserRow;

pub(super) fn user_id(name: &str) -> AttributeValue {
    text(format!("user#{name}"))
}

impl DynamoStore {
    pub(super) async fn keep_user(
        &self,
        name: &str,
        groups: &[String],
        password: Option<&SecretString>,
        now: Time,
    ) -> Result<()> {
        let set = "SET #groups = :groups, created_at = if_not_exists(created_at, :now)";
        let and = if password.is_some() { ", password = :password" } else { "" };
        let mut change = self
            .client
            .update_item()
            .table_name(&self.keys)
            .key(ID, user_id(name))
            .update_expression(format!("{set}{and} REMOVE provider"))
            .expression_attribute_names("#groups", "groups")
            .expression_attribute_values(":groups", texts(groups))
            .expression_attribute_values(":now", time(now));
        if let Some(password) = password {
            change = change.expression_attribute_values(":password", text(password.expose_secret()));
        }
        change.send().await.map(drop).map_err(|cause| failed("storing a user", cause))
    }

    #[cfg(feature = "oidc")]
    pub(super) async fn keep_user_of(&self, name: &str, groups: &[String], provider: &str, now: Time) -> Result<bool> {
        let change = self
            .client
            .update_item()
            .table_name(&self.keys)
            .key(ID, user_id(name))
            .update_expression(
                "SET #groups = :groups, provider = :provider, created_at = if_not_exists(created_at, :now)",
            )
            .condition_expression("attribute_not_exists(#hash) OR provider = :provider")
            .expression_attribute_names("#groups", "groups")
            .expression_attribute_names("#hash", ID)
            .expression_attribute_values(":groups", texts(groups))
            .expression_attribute_values(":provider", text(provider))
            .expression_attribute_values(":now", time(now));
        let done = super::carried_out("storing a user of a provider", change.send().await)?;
        Ok(done.is_some())
    }

    pub(super) async fn user(&self, name: &str) -> Result<Option<UserRow>> {
        let item = self.get(&self.keys, user_id(name), "reading a user").await?;
        Ok(item.map(|item| UserRow {
            groups: item.list("groups"),
            password: item.maybe_text("password").map(SecretString::from),
        }))
    }
}
