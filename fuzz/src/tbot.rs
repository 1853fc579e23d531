//! Of tbot's output: the readers of its files.

#[path = "../../cube-sdk-teleport/src/tbot/bundle.rs"]
pub mod bundle;
#[path = "../../cube-sdk-teleport/src/tbot/kubeconfig.rs"]
pub mod kubeconfig;
#[path = "../../cube-sdk-teleport/src/tbot/subject.rs"]
pub mod subject;
