//! Of EdgeGate's REST client: the reader of refusals.

#[path = "../../cube-sdk-byo/src/rest/operations.rs"]
pub mod operations;
#[path = "../../cube-sdk-byo/src/rest/refusal/mod.rs"]
pub(crate) mod refusal;
