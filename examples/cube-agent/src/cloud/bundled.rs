//! The service's list of tools as it was when this was built: for who is offline or not signed in.

use std::sync::{Arc, LazyLock};

use cube_sdk::cloud::ToolInfo;
use serde::Deserialize as _;
use serde_json::Value;

static BUNDLED: LazyLock<Arc<[ToolInfo]>> = LazyLock::new(|| {
    let list: Value = serde_json::from_str(include_str!("tools.json")).unwrap_or_default();
    let tools = list.as_array().into_iter().flatten().filter_map(|tool| ToolInfo::deserialize(tool).ok());
    tools
        .map(|mut tool| {
            // An older service may answer with text alone, which a host would then refuse.
            tool.output_schema = None;
            tool
        })
        .collect()
});

/// The tools of cube-cloud that were known when this was built, without the schemas of what they answer.
pub fn bundled() -> Arc<[ToolInfo]> {
    Arc::clone(&BUNDLED)
}
