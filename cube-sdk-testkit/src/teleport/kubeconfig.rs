//! Kubeconfigs as tbot writes them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::authority::Credential;

/// How a kubeconfig's user authenticates.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KubeAuth {
    /// By the exec plugin: the path of a tbot binary.
    Exec(String),
    /// By an embedded certificate (`disable_exec_plugin: true`).
    Embedded(Credential),
}

impl KubeAuth {
    fn yaml(&self) -> String {
        match self {
            Self::Exec(command) => format!(
                "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      args:\n      - kube\n      \
                 - credentials\n      - --destination-dir=/opt/machine-id\n      command: {command}\n      env: null\n      \
                 interactiveMode: Never\n      provideClusterInfo: false\n"
            ),
            Self::Embedded(credential) => format!(
                "    client-certificate-data: {}\n    client-key-data: {}\n",
                STANDARD.encode(&credential.cert_pem),
                STANDARD.encode(&credential.key_pem)
            ),
        }
    }
}

/// Version 1: one cluster, named by the client certificate.
pub fn kubeconfig_v1(proxy: &str, cluster: &str, kube: &str, host_ca_pem: &str, auth: &KubeAuth) -> String {
    let name = format!("{cluster}-{kube}");
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: https://{proxy}\n    \
         tls-server-name: kube-teleport-proxy-alpn.teleport.cluster.local\n  name: {name}\ncontexts:\n- context:\n    \
         cluster: {name}\n    user: {name}\n  name: {name}\ncurrent-context: {name}\nkind: Config\npreferences: {{}}\n\
         users:\n- name: {name}\n  user:\n{}",
        STANDARD.encode(host_ca_pem),
        auth.yaml()
    )
}

/// Version 2: many clusters under one credential, each with an optional default namespace, named by the
/// server's path.
pub fn kubeconfig_v2(
    proxy: &str,
    cluster: &str,
    kubes: &[(&str, Option<&str>)],
    host_ca_pem: &str,
    auth: &KubeAuth,
) -> String {
    let (mut clusters, mut contexts) = (String::new(), String::new());
    for (kube, namespace) in kubes {
        let name = format!("{cluster}-{kube}");
        let path = format!("{}/{}", URL_SAFE_NO_PAD.encode(cluster), URL_SAFE_NO_PAD.encode(kube));
        clusters.push_str(&format!(
            "- cluster:\n    certificate-authority-data: {}\n    server: https://{proxy}/v1/teleport/{path}\n    \
             tls-server-name: kube-teleport-proxy-alpn.teleport.cluster.local\n  name: {name}\n",
            STANDARD.encode(host_ca_pem)
        ));
        let namespace = namespace.map(|at| format!("    namespace: {at}\n")).unwrap_or_default();
        contexts
            .push_str(&format!("- context:\n    cluster: {name}\n{namespace}    user: {cluster}\n  name: {name}\n"));
    }
    let current = kubes.first().map(|(kube, _)| format!("{cluster}-{kube}")).unwrap_or_default();
    format!(
        "apiVersion: v1\nclusters:\n{clusters}contexts:\n{contexts}current-context: {current}\nkind: Config\n\
         preferences: {{}}\nusers:\n- name: {cluster}\n  user:\n{}",
        auth.yaml()
    )
}
