//! Clusters and apps.

use super::{taken, tools};

tools! {
    /// The clusters that the service reaches and the profile may see.
    cube_list CubeList () {} reads -> Clusters;

    /// The nodes of a cluster with their conditions and capacity.
    cube_status CubeStatus (cluster: text) {} reads -> ClusterStatus;

    /// A self-contained kubeconfig of a cluster. [`Kube::login`](crate::kube::Kube::login) merges it into the user's own.
    cube_cluster_login CubeClusterLogin (cluster: text) {} reads -> ClusterLogin;

    /// Runs one kubectl command that only reads, given without the word `kubectl`: `get pods -n default`. Only what the
    /// service allows; secrets are masked.
    kubectl_exec KubectlExec (cluster: text, command: text) {} reads -> Output;

    /// The Services of a cluster, with the in-cluster address of each port.
    list_services ListServices (environment: text) {
        /// Only this namespace, one of the system's too.
        namespace: text,
    } reads -> Services;

    /// The apps that the profile reaches through tunnels. [`Apps`](crate::apps::Apps) opens them.
    app_list AppList () {
        /// Only apps of this company.
        company: text,
    } reads -> Apps;
}
