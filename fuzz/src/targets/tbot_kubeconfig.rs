//! Kubeconfigs as tbot writes them, cut or garbled: contexts or an error that quotes nothing.

use super::input::check_words;
use crate::ErrorKind;
use crate::tbot::kubeconfig::Kubeconfig;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let config = match Kubeconfig::parse(text) {
        Ok(config) => config,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Decode);
            check_words(&error);
            return;
        }
    };
    for context in &config.contexts {
        assert!(!context.complete || !context.server.is_empty());
        assert!(context.teleport_cluster.is_some() || context.kube_cluster == context.name);
    }
    let named = config.clone().with_teleport_cluster("root");
    for (before, after) in config.contexts.iter().zip(&named.contexts) {
        if before.teleport_cluster.is_some() {
            assert_eq!(before, after);
        } else if let Some(cluster) = &after.teleport_cluster {
            assert_eq!(format!("{cluster}-{}", after.kube_cluster), before.kube_cluster);
        }
    }
}
