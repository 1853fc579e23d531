//! Every call of the client as data: retry, spans, errors and the table in the docs read it.
//!
//! No POST, PUT or DELETE is repeated once bytes went out, except [`VERIFY_GRANT`]: a second probe does
//! no harm.

use cube_sdk_core::Operation;
use cube_sdk_core::operation::Idempotency::{Once, Read, Repeatable};

macro_rules! operations {
    ($( $(#[$doc:meta])* $name:ident = $word:literal, $idempotency:ident; )+) => {
        $( $(#[$doc])* pub const $name: Operation = Operation::new("edgegate", $word, $idempotency); )+

        /// Every call of this client, in the order of its documentation.
        pub const OPERATIONS: &[Operation] = &[ $( $name ),+ ];
    };
}

operations! {
    /// `GET /v1/workspaces`
    LIST_WORKSPACES = "list_workspaces", Read;
    /// `GET /v1/workspaces/{ws}`
    GET_WORKSPACE = "get_workspace", Read;
    /// `GET /v1/workspaces/{ws}/api-keys`
    LIST_API_KEYS = "list_api_keys", Read;
    /// `POST /v1/workspaces/{ws}/api-keys`
    CREATE_API_KEY = "create_api_key", Once;
    /// `DELETE /v1/workspaces/{ws}/api-keys/{key}`
    REVOKE_API_KEY = "revoke_api_key", Once;
    /// `GET /v1/workspaces/{ws}/byo-storage/setup-info`
    GET_SETUP_INFO = "get_setup_info", Read;
    /// `POST /v1/workspaces/{ws}/byo-storage/grants` with a role
    REGISTER_GRANT = "register_grant", Once;
    /// `POST /v1/workspaces/{ws}/byo-storage/grants` without a role
    CREATE_PENDING_GRANT = "create_pending_grant", Once;
    /// `GET /v1/workspaces/{ws}/byo-storage/grants`
    GET_GRANT = "get_grant", Read;
    /// `POST /v1/workspaces/{ws}/byo-storage/grants/attach-role`
    ATTACH_ROLE = "attach_role", Once;
    /// `POST /v1/workspaces/{ws}/byo-storage/grants/verify`
    VERIFY_GRANT = "verify_grant", Repeatable;
    /// `POST /v1/workspaces/{ws}/byo-storage/grants/{grant}/rotate-external-id`
    ROTATE_EXTERNAL_ID = "rotate_external_id", Once;
    /// `DELETE /v1/workspaces/{ws}/byo-storage/grants`
    DISCONNECT = "disconnect", Once;
    /// `POST /v1/workspaces/{ws}/artifacts/byo`
    REGISTER_ARTIFACT = "register_artifact", Once;
    /// `GET /v1/workspaces/{ws}/byo-storage/audit`
    LIST_AUDIT = "list_audit", Read;
    /// `DELETE /v1/workspaces/{ws}/artifacts/{artifact}`
    DELETE_ARTIFACT = "delete_artifact", Once;
    /// `GET /v1/workspaces/{ws}/artifacts/{artifact}/download`
    DOWNLOAD_ARTIFACT = "download_artifact", Read;
    /// `GET /v1/workspaces/{ws}/pipelines`
    LIST_PIPELINES = "list_pipelines", Read;
    /// `POST /v1/workspaces/{ws}/pipelines`
    CREATE_PIPELINE = "create_pipeline", Once;
    /// `POST /v1/workspaces/{ws}/runs`
    TRIGGER_RUN = "trigger_run", Once;
    /// `GET /v1/workspaces/{ws}/runs`
    LIST_RUNS = "list_runs", Read;
    /// `GET /v1/workspaces/{ws}/runs/{run}`
    GET_RUN = "get_run", Read;
    /// `GET /v1/workspaces/{ws}/runs/{run}/bundle`
    GET_BUNDLE = "get_bundle", Read;
    /// `POST /v1/workspaces/{ws}/runs/{run}/cancel`
    CANCEL_RUN = "cancel_run", Once;
    /// `GET /v1/_contracts`
    GET_CONTRACTS = "get_contracts", Read;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_only_verify_repeats_a_write() {
        let names: HashSet<_> = OPERATIONS.iter().map(Operation::name).collect();
        assert_eq!(names.len(), OPERATIONS.len());
        let repeatable: Vec<_> = OPERATIONS.iter().filter(|op| op.idempotency() == Repeatable).collect();
        assert_eq!(repeatable, [&VERIFY_GRANT]);
    }
}
