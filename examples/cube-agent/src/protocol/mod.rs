//! MCP: the tools, prompts and resources of an [`Agent`](crate::Agent), over stdio or HTTP. rmcp's names stay in this room.

mod handler;
mod http;
mod listed;
mod prompts;
mod resources;
mod stdio;

pub use http::HttpServer;
pub use stdio::serve_stdio;
