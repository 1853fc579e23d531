//! One failure: the External ID drifts away from the trust policy, and the way back.

use anyhow::{Context, ensure};
use cube_sdk::byo::ByoCode;
use cube_sdk::byo::rest::{ConfirmRotation, Grant};

use crate::narrator::Narrator;
use crate::shown::{Source, source};
use crate::stage::Stage;

const SOURCE: Source = source!("drift.rs");

/// Rotates the External ID without telling the role, shows the typed code and its fix, and applies the fix.
pub(crate) async fn tell(stage: &Stage, grant: Grant, narrator: &mut Narrator) -> anyhow::Result<()> {
    narrator.step("A failure: the External ID is rotated, and the trust policy still has the old one");
    narrator.code(SOURCE, "rotate");
    // shown: rotate
    let byo = stage.workspace.byo();
    let confirm = ConfirmRotation::reads_fail_until_the_trust_policy_is_edited(&grant);
    let rotated = byo.rotate_external_id(confirm).await?;
    let failed = byo.verify().await?;
    // end
    narrator.calls(stage.witness.take());
    let fault = failed.failure().context("the probe passed with an External ID that the role does not know")?;
    narrator.say(format_args!("code  {}", fault.code()));
    narrator.say(format_args!("means {}", fault.code().meaning()));
    narrator.say(format_args!("fix   {}", fault.code().fix()));
    ensure!(fault.code() == &ByoCode::AssumeRoleFailed, "another code than the one that this failure has");

    narrator.done(SOURCE);

    narrator.step("The fix, applied");
    narrator.code(SOURCE, "wait");
    let arn = rotated.grant.role()?;
    stage.customer.edit_trust_policy(stage.world(), &arn, &rotated.role, narrator)?;
    // shown: wait
    let grant = byo.wait_until_active().await?;
    // end
    narrator.calls(stage.witness.take());
    narrator.say(format_args!("grant {} is {} again", grant.id, grant.status));
    narrator.done(SOURCE);
    Ok(())
}
