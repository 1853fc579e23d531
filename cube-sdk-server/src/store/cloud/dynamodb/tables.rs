//! The tables themselves.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use cube_sdk_core::{Error, ErrorKind, Result};

use super::item::ID;
use super::{BY_OWNER, DynamoStore, failed};

const MAKING: &str = "making a table";

impl DynamoStore {
    /// Makes both tables, paid by request, with expiry and the index by owner. Those that are there stay as they are.
    pub(crate) async fn create_tables(&self) -> Result<()> {
        let attribute = |name: &str| {
            let text = ScalarAttributeType::S;
            AttributeDefinition::builder().attribute_name(name).attribute_type(text).build().map_err(unbuilt)
        };
        let by = |name: &str| {
            KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build().map_err(unbuilt)
        };
        for (table, has_owner) in [(&self.keys, true), (&self.sessions, false)] {
            let mut making = self
                .client
                .create_table()
                .table_name(table)
                .billing_mode(BillingMode::PayPerRequest)
                .attribute_definitions(attribute(ID)?)
                .key_schema(by(ID)?);
            if has_owner {
                let all = Projection::builder().projection_type(ProjectionType::All).build();
                let index = GlobalSecondaryIndex::builder()
                    .index_name(BY_OWNER)
                    .key_schema(by("owner")?)
                    .projection(all)
                    .build()
                    .map_err(unbuilt)?;
                making = making.attribute_definitions(attribute("owner")?).global_secondary_indexes(index);
            }
            match making.send().await {
                Ok(_) => {}
                Err(cause) if is_there(&cause) => continue,
                Err(cause) => return Err(failed(MAKING, cause)),
            }
            self.until_active(table).await?;
            let expiry = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(true).build();
            let setting = self.client.update_time_to_live().table_name(table);
            let setting = setting.time_to_live_specification(expiry.map_err(unbuilt)?);
            setting.send().await.map_err(|cause| failed("setting a table's expiry", cause))?;
        }
        Ok(())
    }

    async fn until_active(&self, table: &str) -> Result<()> {
        loop {
            let asked = self.client.describe_table().table_name(table).send().await;
            let described = asked.map_err(|cause| failed("looking at a table", cause))?.table;
            let status = described.and_then(|table| table.table_status);
            if status == Some(aws_sdk_dynamodb::types::TableStatus::Active) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
}

fn is_there<E: aws_sdk_dynamodb::error::ProvideErrorMetadata>(cause: &aws_sdk_dynamodb::error::SdkError<E>) -> bool {
    use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
    cause.code() == Some("ResourceInUseException")
}

fn unbuilt(cause: aws_sdk_dynamodb::error::BuildError) -> Error {
    Error::new(ErrorKind::Config, MAKING).cause(cause)
}
