//! Something to look at: a call that works, one that fails, and a model that is read.

use cube_sdk::Cube;
use cube_sdk::byo::{GrantRef, Scope};
use cube_sdk_server::local::World;

/// Reads the model of the embedded world; how many bytes it has.
///
/// # Errors
/// When a call fails that should not.
pub async fn read_a_model() -> anyhow::Result<u64> {
    let world = World::start().await?;
    let card = world.card();
    let cube = Cube::builder().environment(world.environment()).build();
    let workspace = cube.edgegate()?.workspace(&card.edgegate.workspace);
    workspace.byo().setup_info().await?;
    let unknown = "00000000-0000-4000-8000-000000000000";
    if workspace.runs().get(unknown).await.is_ok() {
        anyhow::bail!("a run that nobody started was found");
    }
    let external_id = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?;
    let aws = &card.aws;
    let grant = GrantRef::new(aws.role_arn.parse()?, external_id, aws.bucket.parse()?, aws.region.parse()?);
    let session = cube.storage()?.session(&grant, Scope::Bucket);
    let mut reader = session.open(format!("s3://{}/{}", aws.bucket, aws.object_key)).await?;
    let mut bytes = 0;
    while let Some(chunk) = reader.try_next().await? {
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}
