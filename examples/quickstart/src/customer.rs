//! The customer's hand: whoever may edit the role in the customer's AWS account.

use std::io::BufRead;
use std::process::Command;

use anyhow::{Context, bail};
use cube_sdk::byo::RoleArn;
use cube_sdk::byo::iam::ReaderRole;
use cube_sdk_server::local::World;

use crate::narrator::Narrator;

/// How the customer's side is done.
#[derive(Debug)]
pub(crate) enum Customer {
    /// The embedded account is edited in process.
    Embedded,
    /// The printed commands are run with a profile of the `aws` command.
    Profile { name: String, endpoint: String },
    /// Somebody reads the commands and runs them.
    ByHand { endpoint: String },
}

impl Customer {
    /// Makes the role, where it is not there yet.
    pub(crate) fn create_role(&self, role: &ReaderRole, narrator: &mut Narrator) -> anyhow::Result<()> {
        match self {
            Self::Profile { name, endpoint } => {
                let script = role.aws_cli().profile(name).endpoint_url(endpoint).create_role_script();
                run(&script, narrator)
            }
            Self::Embedded | Self::ByHand { .. } => Ok(()),
        }
    }

    /// Puts the current External ID into the role's trust policy.
    pub(crate) fn edit_trust_policy(
        &self,
        world: Option<&World>,
        arn: &RoleArn,
        role: &ReaderRole,
        narrator: &mut Narrator,
    ) -> anyhow::Result<()> {
        match self {
            Self::Embedded => {
                let world = world.context("the embedded customer lives in the embedded world")?;
                narrator.command(role.aws_cli().update_trust_policy());
                world
                    .aws()
                    .put_role(arn.name(), &role.trust_policy().to_string(), Some(&role.permission_policy().to_string()))
                    .context("editing the role of the embedded account")?;
                Ok(())
            }
            Self::Profile { name, endpoint } => {
                run(&role.aws_cli().profile(name).endpoint_url(endpoint).update_trust_policy_script(), narrator)
            }
            Self::ByHand { endpoint } => {
                narrator.say("Run this where you may edit the role, then press Enter:");
                narrator.say(role.aws_cli().endpoint_url(endpoint).update_trust_policy_script());
                let mut line = String::new();
                std::io::stdin().lock().read_line(&mut line).context("waiting for Enter")?;
                Ok(())
            }
        }
    }
}

fn run(script: &str, narrator: &mut Narrator) -> anyhow::Result<()> {
    narrator.say(script);
    let output = Command::new("sh").args(["-e", "-u", "-c", script]).output().context("starting sh")?;
    if !output.status.success() {
        bail!("the commands failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
