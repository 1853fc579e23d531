//! The MCP agent: cubes, tunnels, publishing and BYO storage as tools of an AI host.
//!
//! [`Agent`] holds the tools; [`protocol`] serves them by MCP. Each tool reads its arguments, makes one call of the facade and
//! shows what came by a view of `cube-render`. Nothing is read or dialled before a tool asks for it.
//!
//! | room | what |
//! |---|---|
//! | [`local`] | login, the user's kubeconfig, publishing, tunnels: on this machine |
//! | [`byo`] | BYO storage at EdgeGate |
//! | [`cloud`] | cube-cloud's own tools, passed on as they are |
//! | [`protocol`] | MCP over stdio and HTTP, prompts, resources |

pub mod agent;
pub mod byo;
pub mod choice;
pub mod cloud;
pub mod local;
pub mod protocol;
mod steps;
pub mod tool;

pub use agent::Agent;
pub use choice::Choice;
