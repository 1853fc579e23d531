//! The grant of a workspace: set up, attach a role, check, rotate, disconnect.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use cube_render::View as _;
use cube_render::grants::GrantShown;
use cube_sdk::byo::iam::ReaderRole;
use cube_sdk::byo::rest::{ConfirmRotation, Grant};

use super::Workspace;
use super::shown::RoleShown;
use crate::context::{Context, given};

/// How the role is to be made.
#[derive(Clone, Copy, Default, ValueEnum)]
enum Form {
    /// A shell script of the AWS CLI.
    #[default]
    AwsCli,
    Terraform,
    Cloudformation,
    /// The two policy documents.
    Policies,
}

/// Begin with a bucket: mints the External ID and prints what makes the role
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo setup acme-models --region eu-central-1 > role.sh\n  \
                        cube byo setup acme-models --region eu-central-1 --form terraform > role.tf")]
pub(crate) struct Setup {
    #[command(flatten)]
    workspace: Workspace,
    /// The bucket
    bucket: String,
    /// The bucket's region
    #[arg(long, env = "AWS_REGION")]
    region: String,
    /// The KMS key of the objects, an ARN
    #[arg(long, value_name = "ARN")]
    kms_key: Option<String>,
    /// The role's name [default: edgegate-byo-read- and part of the External ID]
    #[arg(long)]
    role_name: Option<String>,
    /// How the role is to be made
    #[arg(long, value_enum, default_value_t)]
    form: Form,
}

/// Name the role that was made; EdgeGate tries it at once
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo attach arn:aws:iam::123456789012:role/edgegate-byo-read-c2b7a6d4")]
pub(crate) struct Attach {
    #[command(flatten)]
    workspace: Workspace,
    /// The role's ARN
    role: String,
}

/// Have EdgeGate try the role and the bucket now
///
/// The exit code is 0 where the grant is active, else 5.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo check\n  cube byo check -o json | jq .data.checklist")]
pub(crate) struct Check {
    #[command(flatten)]
    workspace: Workspace,
}

/// Mint another External ID and print what changes the trust policy
///
/// Reads fail until the trust policy has the new one.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo rotate --yes > trust.sh && sh trust.sh && cube byo check")]
pub(crate) struct Rotate {
    #[command(flatten)]
    workspace: Workspace,
}

/// End the grant: reads stop
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo disconnect")]
pub(crate) struct Disconnect {
    #[command(flatten)]
    workspace: Workspace,
}

impl Setup {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let Self { workspace, bucket, region, kms_key, role_name, form } = self;
        let call = workspace.byo(context)?.setup(bucket, region);
        let setup = given!(call, kms_key = kms_key, role_name = role_name).await?;
        let shown = RoleShown::new(&setup.grant, &setup.role, document(&setup.role, form));
        context.output().note(&shown.grant().text());
        context.output().note("Make the role with what is printed, then: cube byo attach ROLE-ARN");
        context.output().show("byo setup", &shown, || shown.document().to_owned())
    }
}

fn document(role: &ReaderRole, form: Form) -> String {
    match form {
        Form::AwsCli => role.aws_cli().create_role_script(),
        Form::Terraform => role.terraform().module(),
        Form::Cloudformation => role.cloudformation().template(),
        Form::Policies => format!("{}\n{}\n", role.trust_policy(), role.permission_policy()),
    }
}

impl Attach {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let grant = self.workspace.byo(context)?.attach_role(self.role).await?;
        tried(context, "byo attach", &grant)
    }
}

impl Check {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let grant = self.workspace.byo(context)?.verify().await?;
        tried(context, "byo check", &grant)
    }
}

/// A grant after a probe; the exit code says whether it passed.
fn tried(context: &Context, command: &str, grant: &Grant) -> Result<ExitCode> {
    let shown = GrantShown::from(grant);
    context.output().view(command, &shown)?;
    let failed = cube_sdk::ErrorKind::PermissionDenied.exit_code();
    Ok(ExitCode::from(if grant.is_active() { 0 } else { failed }))
}

impl Rotate {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let byo = self.workspace.byo(context)?;
        let grant = byo.grant().await?;
        context.confirm("makes every read fail until the trust policy is changed", grant.bucket.as_str())?;
        let confirmed = ConfirmRotation::reads_fail_until_the_trust_policy_is_edited(&grant);
        let rotated = byo.rotate_external_id(confirmed).await?;
        let script = rotated.role.aws_cli().update_trust_policy_script();
        let shown = RoleShown::new(&rotated.grant, &rotated.role, script);
        context.output().note(&shown.grant().text());
        context.output().note("Run what is printed, then: cube byo check");
        context.output().show("byo rotate", &shown, || shown.document().to_owned())
    }
}

impl Disconnect {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let byo = self.workspace.byo(context)?;
        let grant = byo.grant().await?;
        context.confirm("ends the grant: reads stop, and a new one is needed", grant.bucket.as_str())?;
        byo.disconnect().await?;
        let shown = GrantShown::from(&grant);
        let done = format!("The grant of s3://{} is ended. The role can be deleted.", grant.bucket);
        context.output().show("byo disconnect", &shown, || done)
    }
}
