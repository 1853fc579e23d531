//! Names that a shell completes: asked of cube-cloud, quickly or not at all.

use std::time::Duration;

use clap_complete::CompletionCandidate;
use cube_sdk::Cube;

/// A person waits for it with a finger on the key.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn environments() -> Vec<CompletionCandidate> {
    named(async |cube| {
        let found = cube.cloud()?.list_environments().await?.into_data()?;
        Ok(found.environments.into_iter().map(|environment| environment.name).collect())
    })
}

pub(crate) fn clusters() -> Vec<CompletionCandidate> {
    named(async |cube| cube.kube()?.list().await)
}

pub(crate) fn apps() -> Vec<CompletionCandidate> {
    named(async |cube| cube.apps()?.list().await)
}

fn named(ask: impl AsyncFnOnce(Cube) -> cube_sdk::Result<Vec<String>>) -> Vec<CompletionCandidate> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let cube = Cube::builder().application("cube", env!("CARGO_PKG_VERSION")).build();
    let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(cube)).await });
    // What cannot be asked is not completed; a message would stand in the middle of the line.
    match found {
        Ok(Ok(names)) => names.into_iter().map(CompletionCandidate::new).collect(),
        _ => Vec::new(),
    }
}
