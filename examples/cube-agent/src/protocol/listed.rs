//! Tools and replies in the protocol's own shapes.

use std::sync::Arc;

use cube_render::View as _;
use cube_render::errors::Failure;
use cube_sdk::cloud::{ToolInfo, ToolReply};
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, Tool as Listed, ToolAnnotations};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::tool::{Effect, Reply, Tool};

/// One of the agent's own tools.
pub(super) fn own(tool: &Tool) -> Listed {
    let reads = tool.reads_only();
    let mut annotations = ToolAnnotations::with_title(tool.title).read_only(reads).idempotent(tool.idempotent);
    if !reads {
        annotations = annotations.destructive(tool.effect == Effect::Destroys);
    }
    Listed::new(tool.name, tool.about, Arc::clone(&tool.input))
        .with_title(tool.title)
        .with_raw_output_schema(Arc::clone(&tool.output))
        .with_annotations(annotations)
}

/// One of the service's.
pub(super) fn of_cloud(tool: &ToolInfo) -> Listed {
    let object = |schema: &Value| schema.as_object().cloned();
    let input = object(&tool.input_schema).unwrap_or_else(|| Map::from_iter([("type".to_owned(), "object".into())]));
    let mut annotations = ToolAnnotations::default();
    annotations.title.clone_from(&tool.title);
    annotations.read_only_hint = tool.annotations.read_only_hint;
    annotations.destructive_hint = tool.annotations.destructive_hint;
    annotations.idempotent_hint = tool.annotations.idempotent_hint;
    let about = tool.description.clone().unwrap_or_default();
    let mut listed = Listed::new(tool.name.clone(), about, input).with_annotations(annotations);
    listed.title.clone_from(&tool.title);
    listed.output_schema = tool.output_schema.as_ref().and_then(object).map(Arc::new);
    listed
}

pub(super) fn reply(reply: Reply) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(reply.text)]);
    result.structured_content = Some(reply.data);
    result
}

/// What the service answered, item by item.
pub(super) fn passed_on(reply: &ToolReply) -> CallToolResult {
    let items = reply.content().iter().map(|item| ContentBlock::deserialize(item).ok());
    let content = items.collect::<Option<Vec<_>>>().filter(|items| !items.is_empty());
    let content = content.unwrap_or_else(|| vec![ContentBlock::text(reply.text())]);
    let mut result = CallToolResult::success(content);
    result.structured_content = reply.data().cloned();
    result
}

/// A failure as the model reads it; what programs may want of it is in the meta data, since a structured reply has to be as
/// the tool's schema says.
pub(super) fn failure(failure: &Failure) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(format!("Error: {}", failure.text()))]);
    let mut meta = MetaObject::default();
    meta.insert("cube-agent/error".to_owned(), failure.value());
    result.meta = Some(meta);
    result
}
