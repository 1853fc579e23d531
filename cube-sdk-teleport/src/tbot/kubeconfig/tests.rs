#![allow(clippy::unwrap_used)]

use cube_sdk_testkit::teleport::{Cluster, KubeAuth, Life, kubeconfig_v1, kubeconfig_v2};
use proptest::prelude::*;

use super::*;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

fn exec() -> KubeAuth {
    KubeAuth::Exec("/usr/local/bin/tbot".to_owned())
}

#[test]
fn version_1_names_one_cluster() {
    let text = kubeconfig_v1("proxy.example.com:443", "root-cluster", "cube-7", "ca", &exec());
    let config = Kubeconfig::parse(&text).unwrap();
    let context = &config.contexts[0];
    assert_eq!(config.current_context.as_deref(), Some("root-cluster-cube-7"));
    assert_eq!((context.kube_cluster.as_str(), context.teleport_cluster.as_deref()), ("root-cluster-cube-7", None));
    assert!(context.tls_server_name.as_deref().unwrap().starts_with("kube-teleport-proxy-alpn."));
    assert_eq!(context.exec_command.as_deref(), Some(Path::new("/usr/local/bin/tbot")));
    let config = config.with_teleport_cluster("root-cluster");
    assert_eq!(config.contexts[0].kube_cluster, "cube-7");
    assert_eq!(config.contexts[0].teleport_cluster.as_deref(), Some("root-cluster"));
}

#[test]
fn version_2_names_clusters_in_its_paths() {
    let kubes = [("cube-7", None), ("1.10", Some("no"))];
    let config = Kubeconfig::parse(&kubeconfig_v2("p:443", "root", &kubes, "ca", &exec())).unwrap();
    let seen: Vec<_> =
        config.contexts.iter().map(|at| (at.kube_cluster.as_str(), at.namespace.as_deref(), at.complete)).collect();
    assert_eq!(seen, [("cube-7", None, true), ("1.10", Some("no"), true)]);
    assert!(config.contexts.iter().all(|context| context.teleport_cluster.as_deref() == Some("root")));
}

#[test]
fn dangling_contexts_are_incomplete() {
    let text = "kind: Config\ncontexts:\n- name: a\n  context: {cluster: x, user: y}\nclusters: []\nusers: null\n";
    let config = Kubeconfig::parse(text).unwrap();
    assert!(!config.contexts[0].complete);
    assert_eq!(Kubeconfig::parse("kind: Secret\n").unwrap_err().kind(), ErrorKind::Decode);
}

#[test]
fn half_a_file_is_no_file() {
    let embedded =
        KubeAuth::Embedded(Cluster::new("root").unwrap().issue_kube(Some("cube-7"), Life::left(HOUR)).unwrap());
    for auth in [exec(), embedded] {
        let kubes = [("cube-7", None), ("1.10", Some("ns"))];
        for whole in
            [kubeconfig_v1("p:443", "root", "cube-7", "ca", &auth), kubeconfig_v2("p:443", "root", &kubes, "ca", &auth)]
        {
            let expected = Kubeconfig::parse(&whole).unwrap();
            assert!(expected.contexts.iter().all(|context| context.complete));
            for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
                match Kubeconfig::parse(&whole[..end]) {
                    Ok(cut) => assert_eq!(cut, expected, "cut at {end}"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Decode),
                }
            }
        }
    }
    for text in ["", "\n", "kind: Config\n", "null\n", "---\n"] {
        assert_eq!(Kubeconfig::parse(text).unwrap_err().kind(), ErrorKind::Decode, "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kubeconfig.yaml");
    let whole = kubeconfig_v2("p:443", "root", &[("a", None)], "ca", &exec());
    std::fs::write(&path, "").unwrap();
    let read = Kubeconfig::read(&path);
    let write = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        std::fs::write(&path, &whole).unwrap();
    };
    let (config, ()) = tokio::join!(read, write);
    assert_eq!(config.unwrap().contexts.len(), 1);
}

#[test]
fn errors_do_not_quote_the_text() {
    let text = "kind: Config\nusers:\n- name: a\n  user:\n    client-key-data: [CANARY\n";
    let error = Kubeconfig::parse(text).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_and_any_cut_is_an_answer_or_an_error(text in "\\PC{0,200}", cut in 0usize..2000) {
        let _ = Kubeconfig::parse(&text);
        let whole = kubeconfig_v2("p:443", "root", &[("a", None), ("b", Some("n"))], "ca", &exec());
        let cut = cut.min(whole.len());
        let _ = Kubeconfig::parse(&whole[..cut]);
    }

    #[test]
    fn any_server_url_is_routed_or_not(path in "(/[a-zA-Z0-9_=%-]{0,12}){0,6}") {
        let _ = route_of(&format!("https://h{path}"));
    }
}
