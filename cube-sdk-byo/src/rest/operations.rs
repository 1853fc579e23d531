//! Every call of the client as data: retry, spans, errors and the table in the docs read it.
//!
//! No POST, PUT or DELETE is repeated once bytes went out, except [`VERIFY_GRANT`]: a second probe does
//! no harm.

use cube_sdk_core::Operation;
use cube_sdk_core::operation::Idempotency::{Once, Read, Repeatable};
use http::StatusCode;

/// What an operation asks of its caller, and what its refusals mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    operation: Operation,
    /// Part of BYO storage, which the Enterprise plan brings.
    enterprise: bool,
    /// For owners of the workspace; others are for admins too.
    owner: bool,
    /// What to do about 404; empty where the status says it all.
    not_found: &'static str,
    /// What to do about 409; empty where the status says it all.
    conflict: &'static str,
}

const NO_GRANT: &str =
    "check the workspace id; if it is right the workspace has no grant: register one with `setup` or `register`";

const HAS_GRANT: &str = "the workspace has a grant already: inspect it with `grant` and `verify`, or `disconnect` and \
                         register again; to change the External ID alone, rotate it on the dashboard";

macro_rules! operations {
    ($( $(#[$doc:meta])* $name:ident = $word:literal, $idempotency:ident $({ $($field:ident: $value:expr),+ $(,)? })?; )+) => {
        $( $(#[$doc])* pub const $name: Operation = Operation::new("edgegate", $word, $idempotency); )+

        /// Every call of this client, in the order of its documentation.
        pub const OPERATIONS: &[Operation] = &[ $( $name ),+ ];

        const DECLARED: &[Declared] = &[ $( Declared { $( $($field: $value,)+ )? ..Declared::plain($name) } ),+ ];
    };
}

operations! {
    /// `GET /v1/workspaces`
    LIST_WORKSPACES = "list_workspaces", Read;
    /// `GET /v1/workspaces/{ws}`
    GET_WORKSPACE = "get_workspace", Read { not_found: "list the workspaces that this key can see" };
    /// `GET /v1/workspaces/{ws}/api-keys`
    LIST_API_KEYS = "list_api_keys", Read { owner: true };
    /// `POST /v1/workspaces/{ws}/api-keys`
    CREATE_API_KEY = "create_api_key", Once { owner: true };
    /// `DELETE /v1/workspaces/{ws}/api-keys/{key}`
    REVOKE_API_KEY = "revoke_api_key", Once { owner: true };
    /// `GET /v1/workspaces/{ws}/byo-storage/setup-info`
    GET_SETUP_INFO = "get_setup_info", Read { enterprise: true };
    /// `POST /v1/workspaces/{ws}/byo-storage/grants` with a role
    REGISTER_GRANT = "register_grant", Once { enterprise: true, owner: true, conflict: HAS_GRANT };
    /// `POST /v1/workspaces/{ws}/byo-storage/grants` without a role
    CREATE_PENDING_GRANT = "create_pending_grant", Once { enterprise: true, owner: true, conflict: HAS_GRANT };
    /// `GET /v1/workspaces/{ws}/byo-storage/grants`
    GET_GRANT = "get_grant", Read { enterprise: true, not_found: NO_GRANT };
    /// `POST /v1/workspaces/{ws}/byo-storage/grants/attach-role`
    ATTACH_ROLE = "attach_role", Once {
        enterprise: true,
        owner: true,
        not_found: NO_GRANT,
        conflict: "a role can be attached while the grant is pending_role or failed: `disconnect` first to change the role of \
             an active grant or to replace a revoked one",
    };
    /// `POST /v1/workspaces/{ws}/byo-storage/grants/verify`
    VERIFY_GRANT = "verify_grant", Repeatable { enterprise: true, not_found: NO_GRANT };
    /// `POST /v1/workspaces/{ws}/byo-storage/grants/{grant}/rotate-external-id`
    ROTATE_EXTERNAL_ID = "rotate_external_id", Once { enterprise: true, owner: true, not_found: NO_GRANT };
    /// `DELETE /v1/workspaces/{ws}/byo-storage/grants`
    DISCONNECT = "disconnect", Once {
        enterprise: true,
        owner: true,
        not_found: NO_GRANT,
        conflict: "delete the workspace's BYO artifacts first, then disconnect again",
    };
    /// `POST /v1/workspaces/{ws}/artifacts/byo`
    REGISTER_ARTIFACT = "register_artifact", Once { enterprise: true };
    /// `GET /v1/workspaces/{ws}/byo-storage/audit`
    LIST_AUDIT = "list_audit", Read { enterprise: true };
    /// `DELETE /v1/workspaces/{ws}/artifacts/{artifact}`
    DELETE_ARTIFACT = "delete_artifact", Once;
    /// `GET /v1/workspaces/{ws}/artifacts/{artifact}/download`
    DOWNLOAD_ARTIFACT = "download_artifact", Read;
    /// `GET /v1/workspaces/{ws}/pipelines`
    LIST_PIPELINES = "list_pipelines", Read;
    /// `POST /v1/workspaces/{ws}/pipelines`
    CREATE_PIPELINE = "create_pipeline", Once;
    /// `POST /v1/workspaces/{ws}/runs`
    TRIGGER_RUN = "trigger_run", Once {
        not_found: "check that the pipeline and the model artifact belong to this workspace",
        conflict: "a workspace runs one run at a time: wait for the one in flight, or cancel it",
    };
    /// `GET /v1/workspaces/{ws}/runs`
    LIST_RUNS = "list_runs", Read;
    /// `GET /v1/workspaces/{ws}/runs/{run}`
    GET_RUN = "get_run", Read;
    /// `GET /v1/workspaces/{ws}/runs/{run}/bundle`
    GET_BUNDLE = "get_bundle", Read {
        not_found: "the bundle is made 1 to 2 minutes after the run's end: ask again then",
        conflict: "the run has not ended: wait for it first",
    };
    /// `POST /v1/workspaces/{ws}/runs/{run}/cancel`
    CANCEL_RUN = "cancel_run", Once { conflict: "the run has ended already: read it with `get`" };
    /// `GET /v1/_contracts`
    GET_CONTRACTS = "get_contracts", Read;
}

impl Declared {
    const fn plain(operation: Operation) -> Self {
        Self { operation, enterprise: false, owner: false, not_found: "", conflict: "" }
    }

    /// The declaration of an operation; that of a call of elsewhere says nothing.
    pub(crate) fn of(operation: Operation) -> Self {
        DECLARED.iter().find(|declared| declared.operation == operation).copied().unwrap_or(Self::plain(operation))
    }

    /// What to do about a refusal that carries no code, as an order in lower case.
    pub(crate) fn next_step(&self, status: StatusCode) -> Option<&'static str> {
        let step = match status.as_u16() {
            401 => {
                "check EDGEGATE_API_KEY: keys are made and revoked at https://edgegate.frozo.ai in the workspace's \
                 settings under API keys"
            }
            402 if self.enterprise => {
                "BYO storage is part of the Enterprise plan: see https://edgegate.frozo.ai/enterprise"
            }
            402 => "see the plans at https://edgegate.frozo.ai/pricing",
            403 if self.owner => "let an owner of the workspace make this call, or use an owner's key",
            403 => "let an admin or owner of the workspace make this call, or use such a key",
            404 => self.not_found,
            409 => self.conflict,
            _ => "",
        };
        Some(step).filter(|step| !step.is_empty())
    }
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
