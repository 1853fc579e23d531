//! What to do about a refusal that carries no code, by call and status.

use cube_sdk_core::Operation;
use http::StatusCode;

use super::operations as op;

/// What to do next, as an order in lower case.
pub(crate) fn next_step(operation: Operation, status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        401 => {
            "check EDGEGATE_API_KEY: keys are made and revoked at https://edgegate.frozo.ai in the workspace's \
             settings under API keys"
        }
        402 if is_byo(operation) => {
            "BYO storage is part of the Enterprise plan: see https://edgegate.frozo.ai/enterprise"
        }
        402 => "see the plans at https://edgegate.frozo.ai/pricing",
        403 if needs_owner(operation) => "let an owner of the workspace make this call, or use an owner's key",
        403 => "let an admin or owner of the workspace make this call, or use such a key",
        404 => not_found(operation)?,
        409 => conflict(operation)?,
        _ => return None,
    })
}

fn is_byo(operation: Operation) -> bool {
    const BYO: [Operation; 10] = [
        op::GET_SETUP_INFO,
        op::REGISTER_GRANT,
        op::CREATE_PENDING_GRANT,
        op::GET_GRANT,
        op::ATTACH_ROLE,
        op::VERIFY_GRANT,
        op::ROTATE_EXTERNAL_ID,
        op::DISCONNECT,
        op::REGISTER_ARTIFACT,
        op::LIST_AUDIT,
    ];
    BYO.contains(&operation)
}

fn needs_owner(operation: Operation) -> bool {
    const OWNER: [Operation; 8] = [
        op::REGISTER_GRANT,
        op::CREATE_PENDING_GRANT,
        op::ATTACH_ROLE,
        op::ROTATE_EXTERNAL_ID,
        op::DISCONNECT,
        op::LIST_API_KEYS,
        op::CREATE_API_KEY,
        op::REVOKE_API_KEY,
    ];
    OWNER.contains(&operation)
}

fn not_found(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        op::GET_GRANT | op::VERIFY_GRANT | op::ATTACH_ROLE | op::ROTATE_EXTERNAL_ID | op::DISCONNECT => {
            "check the workspace id; if it is right the workspace has no grant: register one with `setup` or `register`"
        }
        op::GET_BUNDLE => "the bundle is made 1 to 2 minutes after the run's end: ask again then",
        op::TRIGGER_RUN => "check that the pipeline and the model artifact belong to this workspace",
        op::GET_WORKSPACE => "list the workspaces that this key can see",
        _ => return None,
    })
}

fn conflict(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        op::REGISTER_GRANT | op::CREATE_PENDING_GRANT => {
            "the workspace has a grant already: inspect it with `grant` and `verify`, or `disconnect` and register \
             again; to change the External ID alone, rotate it on the dashboard"
        }
        op::ATTACH_ROLE => {
            "a role can be attached while the grant is pending_role or failed: `disconnect` first to change the role \
             of an active grant or to replace a revoked one"
        }
        op::DISCONNECT => "delete the workspace's BYO artifacts first, then disconnect again",
        op::TRIGGER_RUN => "a workspace runs one run at a time: wait for the one in flight, or cancel it",
        op::CANCEL_RUN => "the run has ended already: read it with `get`",
        op::GET_BUNDLE => "the run has not ended: wait for it first",
        _ => return None,
    })
}
