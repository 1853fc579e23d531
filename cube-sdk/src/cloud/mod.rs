//! cube-cloud: its tools, typed and by name, over one pooled connection.
//!
//! Begin with [`Cube::cloud`](crate::Cube::cloud): the page of [`Cloud`] shows the ways to call a tool.

mod call;
mod classify;
mod client;
mod described;
mod fault;
#[cfg(feature = "publish")]
mod images;
mod messages;
mod published;
#[cfg(feature = "publish")]
mod publisher;
mod reply;
mod service;
pub mod tools;

pub use call::{CallTool, Progress, ToolEvent, ToolStream};
pub use client::{Cloud, CloudBuilder};
pub use described::{Annotations, ToolInfo};
pub use fault::{CloudErrorExt, ToolFault};
#[cfg(feature = "publish")]
pub use images::{BuildPlace, ImageBuilder};
pub use reply::ToolReply;
pub(crate) use service::Service;
pub use service::{CUBE_AGENT_DISABLE_DOCKER, DEFAULT_CLOUD_URL, KEYS};
pub use tools::Answer;
