//! Of tbot's output: the readers of its files.

#[path = "../../cube-sdk-teleport/src/tbot/bundle/mod.rs"]
pub mod bundle;
#[path = "../../cube-sdk-teleport/src/tbot/kubeconfig/mod.rs"]
pub mod kubeconfig;
#[path = "../../cube-sdk-teleport/src/tbot/subject.rs"]
pub mod subject;
#[path = "../../cube-sdk-teleport/src/tbot/torn.rs"]
pub mod torn;
