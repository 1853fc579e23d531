//! Everything that the story needs, embedded or elsewhere.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use cube_sdk::byo::audit::{MemorySink, Recorder};
use cube_sdk::byo::rest::{PipelineId, WorkspaceScope};
use cube_sdk::byo::{PrincipalArn, RoleArn, S3Uri, Storage};
use cube_sdk::core::config::Environment;
use cube_sdk::prelude::*;
use cube_sdk_server::local::{EdgeGateCard, LocalEdgeGate, World};

use crate::Arguments;
use crate::customer::Customer;
use crate::narrator::Narrator;
use crate::witness::Witness;

/// Where the story plays.
pub(crate) struct Stage {
    pub(crate) workspace: WorkspaceScope,
    pub(crate) pipeline: PipelineId,
    pub(crate) model: S3Uri,
    /// The object that figures are measured on; the model itself elsewhere.
    pub(crate) large: S3Uri,
    pub(crate) region: Region,
    pub(crate) principal: PrincipalArn,
    /// A role that exists; else the story makes one.
    pub(crate) role: Option<RoleArn>,
    pub(crate) expected: Option<Sha256>,
    pub(crate) customer: Customer,
    pub(crate) witness: Witness,
    /// Our own reads, and what they left in the audit.
    pub(crate) storage: Storage,
    pub(crate) own_rows: MemorySink,
    place: Place,
    cloudtrail: Option<PathBuf>,
    scratch: tempfile::TempDir,
}

/// What runs for the story, and ends with it.
enum Place {
    Embedded(Box<World>),
    Elsewhere(Box<LocalEdgeGate>),
}

impl Stage {
    pub(crate) async fn set(arguments: Arguments, narrator: &mut Narrator) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir().context("making a scratch directory")?;
        match arguments.endpoint_url.clone() {
            None => Self::embedded(arguments, scratch, narrator).await,
            Some(endpoint) => Self::elsewhere(arguments, endpoint, scratch, narrator).await,
        }
    }

    async fn embedded(
        arguments: Arguments,
        scratch: tempfile::TempDir,
        narrator: &mut Narrator,
    ) -> anyhow::Result<Self> {
        let world = World::builder().seed(arguments.seed).start().await?;
        let card = world.card();
        narrator.title("cube-sdk quickstart: the tour, on the embedded world");
        narrator.say(format_args!("cube-cloud    {}", card.cloud.url));
        narrator.say(format_args!("Apollo        {}", card.apollo.url));
        narrator.say(format_args!("EdgeGate      {}", card.edgegate.url));
        narrator.say(format_args!("S3, STS, IAM  {}", card.aws.endpoint_url));
        let witness = Witness::default();
        let own_rows = MemorySink::default();
        let storage = Cube::builder()
            .environment(world.environment())
            .build()
            .storage_builder()
            .audit(Recorder::new(own_rows.clone()).on_host("quickstart"))
            .build()?;
        Ok(Self {
            workspace: workspace(&card.edgegate, world.environment(), &witness)?,
            pipeline: card.edgegate.pipeline.parse()?,
            model: format!("s3://{}/{}", card.aws.bucket, card.aws.object_key).parse()?,
            large: format!("s3://{}/{}", card.aws.bucket, card.aws.large_key).parse()?,
            region: card.aws.region.parse()?,
            principal: card.aws.principal_arn.parse()?,
            role: Some(card.aws.drift_role_arn.parse()?),
            expected: Some(card.aws.object_sha256.parse()?),
            customer: Customer::Embedded,
            witness,
            storage,
            own_rows,
            cloudtrail: None,
            place: Place::Embedded(Box::new(world)),
            scratch,
        })
    }

    async fn elsewhere(
        arguments: Arguments,
        endpoint: String,
        scratch: tempfile::TempDir,
        narrator: &mut Narrator,
    ) -> anyhow::Result<Self> {
        let bucket = arguments.bucket.context("--bucket is needed with --endpoint-url")?;
        let key = arguments.key.context("--key is needed with --endpoint-url")?;
        let principal: PrincipalArn =
            arguments.principal_arn.context("--principal-arn is needed with --endpoint-url")?.parse()?;
        let own_rows = MemorySink::default();
        let url: url::Url = endpoint.parse().context("--endpoint-url is no URL")?;
        let storage = || Cube::builder().build().storage_builder().endpoint_url(url.clone());
        let edgegate =
            LocalEdgeGate::builder(storage().build()?, principal.clone()).seed(arguments.seed).start().await?;
        narrator.title(format_args!("cube-sdk quickstart: model bytes from s3://{bucket}/{key} at {endpoint}"));
        narrator.say(format_args!("EdgeGate      {}", edgegate.card().url));
        let witness = Witness::default();
        let model: S3Uri = format!("s3://{bucket}/{key}").parse()?;
        let customer = match arguments.admin_profile {
            Some(name) => Customer::Profile { name, endpoint: endpoint.clone() },
            None => Customer::ByHand { endpoint: endpoint.clone() },
        };
        Ok(Self {
            workspace: workspace(edgegate.card(), edgegate.environment(), &witness)?,
            pipeline: edgegate.card().pipeline.parse()?,
            large: model.clone(),
            model,
            region: arguments.region.parse()?,
            principal,
            role: arguments.role_arn.map(|arn| arn.parse()).transpose()?,
            expected: None,
            customer,
            witness,
            storage: storage().audit(Recorder::new(own_rows.clone()).on_host("quickstart")).build()?,
            own_rows,
            cloudtrail: arguments.cloudtrail,
            place: Place::Elsewhere(Box::new(edgegate)),
            scratch,
        })
    }

    /// A directory with the CloudTrail log files of what happened, where there is one.
    pub(crate) fn cloudtrail(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(world) = self.world() else { return Ok(self.cloudtrail.clone()) };
        let dir = self.scratch.path().join("cloudtrail");
        std::fs::create_dir_all(&dir).context("making the log directory")?;
        world.aws().write_cloudtrail(&dir, true).context("writing the log files")?;
        Ok(Some(dir))
    }

    /// The embedded world, when the story plays there.
    pub(crate) fn world(&self) -> Option<&World> {
        match &self.place {
            Place::Embedded(world) => Some(world),
            Place::Elsewhere(_) => None,
        }
    }

    /// Ends everything that was started.
    pub(crate) async fn strike(self) {
        let grace = Duration::from_secs(2);
        match self.place {
            Place::Embedded(world) => world.shutdown(grace).await,
            Place::Elsewhere(edgegate) => edgegate.shutdown(grace).await,
        }
    }
}

fn workspace(card: &EdgeGateCard, environment: Environment, witness: &Witness) -> anyhow::Result<WorkspaceScope> {
    let cube = Cube::builder().environment(environment).transport(std::sync::Arc::new(witness.clone())).build();
    Ok(cube.edgegate()?.workspace(&card.workspace))
}
