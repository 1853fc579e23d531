//! The life of a grant as one table: state and event give what happens, or why it is refused.

use http::StatusCode;

use crate::refusal::Refusal;
use crate::store::GrantStatus;

/// What is asked of a workspace's grant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// POST grants, with a role.
    CreateWithRole,
    /// POST grants, without a role.
    CreatePending,
    /// GET grants.
    Show,
    /// POST attach-role.
    AttachRole,
    /// POST verify.
    Verify,
    /// POST rotate-external-id.
    Rotate,
    /// DELETE grants.
    Disconnect,
    /// The probe of every six hours.
    Reprobe,
    /// POST artifacts/byo.
    Register,
    /// A cell reads an object.
    Read,
}

/// What happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// A new row, then a probe inside the request.
    CreateAndProbe,
    /// A new row without a role.
    CreatePending,
    /// Nothing changes; the grant is shown.
    Show,
    /// The given role is probed; it is kept whatever the probe says.
    AttachAndProbe,
    /// The stored role is probed.
    Probe,
    /// A new External ID, then a probe with it.
    RotateAndProbe,
    /// A new External ID; there is no role to probe.
    Rotate,
    /// The grant ends, unless artifacts point into its bucket.
    Revoke,
    /// Objects may be looked at or read.
    Use,
}

/// The table of BYO storage: EdgeGate REST, grant transitions. A revoked grant counts as none: it is kept for
/// the audit and shown nowhere.
pub(crate) fn decide(state: Option<GrantStatus>, event: Event) -> Result<Action, Refusal> {
    use Action as A;
    use Event as E;
    use GrantStatus as S;
    let state = state.filter(|status| *status != S::Revoked);
    match (state, event) {
        (None, E::CreateWithRole) => Ok(A::CreateAndProbe),
        (None, E::CreatePending) => Ok(A::CreatePending),
        (Some(status), E::CreateWithRole | E::CreatePending) => Err(Refusal::conflict(format!(
            "this workspace already has a grant, in status {status}: its External ID is neither rotated nor \
             overwritten; look at it, or disconnect it and register again"
        ))),
        (None, E::Show | E::AttachRole | E::Verify | E::Rotate | E::Disconnect | E::Reprobe) => {
            Err(Refusal::not_found("this workspace has no BYO storage grant"))
        }
        (Some(_), E::Show) => Ok(A::Show),
        (Some(S::Active | S::Revoked), E::AttachRole) => Err(Refusal::conflict(
            "the grant is active: it accepts no other role; disconnect it and register again to change the role",
        )),
        (Some(S::PendingRole | S::Failed), E::AttachRole) => Ok(A::AttachAndProbe),
        (Some(S::PendingRole), E::Verify | E::Reprobe) => Ok(A::Show),
        (Some(S::Active | S::Failed | S::Revoked), E::Verify | E::Reprobe) => Ok(A::Probe),
        (Some(S::PendingRole), E::Rotate) => Ok(A::Rotate),
        (Some(_), E::Rotate) => Ok(A::RotateAndProbe),
        (Some(_), E::Disconnect) => Ok(A::Revoke),
        (Some(S::Active), E::Register | E::Read) => Ok(A::Use),
        // The role may have been repaired since the last probe: each cell tries.
        (Some(S::Failed), E::Read) => Ok(A::Use),
        (status, E::Register | E::Read) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            match status {
                None => "BYO_NO_GRANT: no active grant: this workspace has no BYO storage grant".to_owned(),
                Some(status) => format!("BYO_NO_GRANT: no active grant: the grant's status is {status}"),
            },
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    const STATES: [Option<GrantStatus>; 5] = [
        None,
        Some(GrantStatus::PendingRole),
        Some(GrantStatus::Active),
        Some(GrantStatus::Failed),
        Some(GrantStatus::Revoked),
    ];

    /// One row per call, one column per state: none, pending_role, active, failed, revoked.
    #[test]
    fn the_published_table() {
        use Action as A;
        let refused = |status: u16| Err(status);
        let rows: [(Event, [Result<Action, u16>; 5]); 10] = [
            (
                Event::CreateWithRole,
                [Ok(A::CreateAndProbe), refused(409), refused(409), refused(409), Ok(A::CreateAndProbe)],
            ),
            (
                Event::CreatePending,
                [Ok(A::CreatePending), refused(409), refused(409), refused(409), Ok(A::CreatePending)],
            ),
            (Event::Show, [refused(404), Ok(A::Show), Ok(A::Show), Ok(A::Show), refused(404)]),
            (
                Event::AttachRole,
                [refused(404), Ok(A::AttachAndProbe), refused(409), Ok(A::AttachAndProbe), refused(404)],
            ),
            (Event::Verify, [refused(404), Ok(A::Show), Ok(A::Probe), Ok(A::Probe), refused(404)]),
            (Event::Rotate, [refused(404), Ok(A::Rotate), Ok(A::RotateAndProbe), Ok(A::RotateAndProbe), refused(404)]),
            (Event::Disconnect, [refused(404), Ok(A::Revoke), Ok(A::Revoke), Ok(A::Revoke), refused(404)]),
            (Event::Reprobe, [refused(404), Ok(A::Show), Ok(A::Probe), Ok(A::Probe), refused(404)]),
            (Event::Register, [refused(400), refused(400), Ok(A::Use), refused(400), refused(400)]),
            (Event::Read, [refused(400), refused(400), Ok(A::Use), Ok(A::Use), refused(400)]),
        ];
        for (event, wanted) in rows {
            for (state, wanted) in STATES.into_iter().zip(wanted) {
                let got = decide(state, event).map_err(|refusal| refusal.status.as_u16());
                assert_eq!(got, wanted, "{event:?} in {state:?}");
            }
        }
    }

    #[test]
    fn refusals_say_what_clients_look_for() {
        let detail = |state, event| decide(state, event).unwrap_err().detail;
        assert!(detail(None, Event::Register).contains("no active grant"));
        assert!(detail(Some(GrantStatus::Active), Event::CreatePending).contains("already has a grant"));
    }
}
