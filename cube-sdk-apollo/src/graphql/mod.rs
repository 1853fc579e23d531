//! The documents of the service, one operation per file beside the schema, checked against it at compile time.
//!
//! Replies are read by this crate's own structs in [`wire`]: the generated ones forget the name of a union member
//! that they do not know, and differ for each operation. The generated ones check the selections at compile time, and
//! a test reads every golden reply with both.

mod kind;
mod later;
mod request;
pub(crate) mod scalars;
pub(crate) mod wire;

use cube_sdk_core::{Idempotency, Operation};
use graphql_client::GraphQLQuery;

pub(crate) use kind::{Kind, kind_of};
pub(crate) use request::{Patch, Request};

use later::later;

/// A document with its operation.
pub(crate) trait Document: GraphQLQuery {
    const OPERATION: Operation;
    const TEXT: &'static str;
}

/// A document whose later pages are asked for by another one, which names the page token: the first page must not,
/// because the published client never does.
pub(crate) trait Paged: Document {
    /// The text that asks for a later page.
    fn later() -> &'static str;
}

macro_rules! documents {
    (@paged $document:ident) => {
        impl Paged for $document {
            fn later() -> &'static str {
                static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
                TEXT.get_or_init(|| later(<$document as Document>::TEXT))
            }
        }
    };
    (@later) => { None };
    (@later paged $document:ident) => { Some(<$document as Paged>::later()) };
    ($($document:ident $path:tt => $name:literal $idempotency:ident $(, $paged:ident)?;)*) => {
        $(
            #[derive(GraphQLQuery)]
            #[graphql(
                schema_path = "graphql/schema.graphql",
                query_path = $path,
                custom_scalars_module = "crate::graphql::scalars",
                fragments_other_variant = "true"
            )]
            pub(crate) struct $document;

            impl Document for $document {
                const OPERATION: Operation = Operation::new("apollo", $name, Idempotency::$idempotency);
                const TEXT: &'static str = include_str!(concat!("../../", $path));
            }

            $(documents!(@$paged $document);)?
        )*

        /// Every operation of the service, in the order of its documents.
        pub(crate) const OPERATIONS: &[Operation] = &[$($document::OPERATION),*];

        /// Every document's text, with its operation and what asks for a later page.
        pub(crate) fn texts() -> Vec<(Operation, &'static str, Option<&'static str>)> {
            vec![$(($document::OPERATION, $document::TEXT, documents!(@later $($paged $document)?))),*]
        }

        /// Reads `data` with the struct that was generated for a document.
        #[cfg(test)]
        pub(crate) fn reads_as(operation: &str, data: &serde_json::Value) -> Result<(), serde_json::Error> {
            use serde::Deserialize as _;
            match operation {
                $($name => <$document as GraphQLQuery>::ResponseData::deserialize(data).map(drop),)*
                other => Err(serde::de::Error::custom(format!("no operation {other}"))),
            }
        }
    };
}

// What the macro generates is private to the crate and named by the schema.
#[allow(
    clippy::all,
    dead_code,
    non_camel_case_types,
    non_snake_case,
    unreachable_pub,
    unused_qualifications,
    missing_docs
)]
mod documents {
    use super::*;
    documents! {
        MyTeams "graphql/my_teams.graphql" => "my_teams" Read;
        GetEnv "graphql/get_env.graphql" => "get_environment" Read;
        ListEnvs "graphql/list_envs.graphql" => "list_environments" Read;
        ConsoleListEnvs "graphql/console_list_envs.graphql" => "overview_environments" Read;
        CreateEnv "graphql/create_env.graphql" => "create_environment" Once;
        InstallModule "graphql/install_module.graphql" => "install_module" Once;
        EnvironmentEntities "graphql/environment_entities.graphql" => "entity_health" Read, paged;
        ConsoleEnvironmentEntities "graphql/console_environment_entities.graphql" => "list_entities" Read, paged;
        EntityHealthChecks "graphql/entity_health_checks.graphql" => "health_checks" Read;
        TeleportAgentEntities "graphql/teleport_agent_entities.graphql" => "deployed_entities" Read, paged;
        ConsoleEntityPlans "graphql/console_entity_plans.graphql" => "recent_plans" Read, paged;
        InstallEntities "graphql/install_entities.graphql" => "install_entities" Once;
        UninstallEntity "graphql/uninstall_entity.graphql" => "uninstall_entity" Once;
        SourceEnv "graphql/source_env.graphql" => "read_source" Read, paged;
        TargetEnv "graphql/target_env.graphql" => "read_target" Read, paged;
        CleanupCheck "graphql/cleanup_check.graphql" => "list_entity_rids" Read, paged;
        PlanDetails "graphql/plan_details.graphql" => "plan_details" Read, paged;
        DeleteEnv "graphql/delete_env.graphql" => "delete_environment" Once;
        ResetAgents "graphql/reset_agents.graphql" => "reset_agents" Once;
        UpdateEntityConfig "graphql/update_entity_config.graphql" => "update_config_v1" Once;
        UpdateEntityConfigV2 "graphql/update_entity_config_v2.graphql" => "update_config" Once;
        ReactorGatewayEntity "graphql/reactor_gateway_entity.graphql" => "read_config" Read;
        EnforceEntityConfig "graphql/enforce_entity_config.graphql" => "enforce_config" Once;
        EntityByName "graphql/entity_by_name.graphql" => "entity_settings" Read, paged;
        ListModules "graphql/list_modules.graphql" => "list_modules" Read;
        UninstallModule "graphql/uninstall_module.graphql" => "uninstall_module" Once;
        ModuleInstalledEntities "graphql/module_installed_entities.graphql" => "module_entities" Read, paged;
        UpdateModuleInstallation "graphql/update_module_installation.graphql" => "update_module" Once;
        CreateSecrets "graphql/create_secrets.graphql" => "create_secrets" Once;
        UpdateSecrets "graphql/update_secrets.graphql" => "update_secrets" Once;
        EntitySecrets "graphql/entity_secrets.graphql" => "list_secrets" Read, paged;
        CreateProduct "graphql/create_product.graphql" => "create_product" Once;
        CreateProductRelease "graphql/create_product_release.graphql" => "create_release" Once;
        ListProducts "graphql/list_products.graphql" => "list_products" Read;
        ProductReleases "graphql/product_releases.graphql" => "list_releases" Read, paged;
        ListReleaseChannels "graphql/list_release_channels.graphql" => "list_channels" Read, paged;
        AddToChannel "graphql/add_to_channel.graphql" => "add_to_channels" Once;
        RemoveFromChannel "graphql/remove_from_channel.graphql" => "remove_from_channels" Once;
        SetLabel "graphql/set_label.graphql" => "set_label" Once;
        RemoveLabel "graphql/remove_label.graphql" => "remove_label" Once;
        ListCRs "graphql/list_crs.graphql" => "list_change_requests" Read, paged;
        ListCRsByEnv "graphql/list_crs_by_env.graphql" => "list_environment_change_requests" Read, paged;
        ApproveCR "graphql/approve_cr.graphql" => "approve_change_request" Once;
        RejectCR "graphql/reject_cr.graphql" => "reject_change_request" Once;
        CancelCR "graphql/cancel_cr.graphql" => "cancel_change_request" Once;
        DeleteAgent "graphql/delete_agent.graphql" => "delete_agent" Once;
        EntityRefs "graphql/entity_refs.graphql" => "entity_refs" Read, paged;
        EntityPlans "graphql/entity_plans.graphql" => "entity_plans" Read;
        EnvironmentVersions "graphql/environment_versions.graphql" => "environment_versions" Read, paged;
    }
}

pub(crate) use documents::*;

#[cfg(test)]
mod tests;
