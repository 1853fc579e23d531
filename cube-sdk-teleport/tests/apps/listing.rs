//! Apps, Kubernetes clusters and readiness, from what tbot leaves.

use std::time::Duration;

use cube_sdk_core::ErrorKind;
use cube_sdk_teleport::AppFault;
use cube_sdk_teleport::apps::tsh::Tsh;
use cube_sdk_teleport::apps::{list_apps, list_kube_clusters};
use cube_sdk_teleport::tbot::{Kubeconfig, Readiness, ServiceHealth};
use cube_sdk_testkit::teleport::{
    AppKind, Diagnostics, DiagnosticsMode, KubeAuth, Life, TbotDirectory, Tear, kubeconfig_v1, kubeconfig_v2,
};

use crate::world::{World, echo};

#[tokio::test]
async fn apps_are_listed_with_their_states() {
    let world = World::start().await;
    for name in ["web", "old"] {
        world.cluster.add_app(name, AppKind::Http, echo().await);
        let life = if name == "old" { Life::over() } else { Life::default() };
        TbotDirectory::new(&world.cluster, name, world.path(name)).life(life).rotate().await.unwrap();
    }
    std::fs::create_dir(world.path("waiting")).unwrap();
    world.tbot().tear("teleport-user-ca.crt", Tear::Gone).unwrap();
    let apps = list_apps(&world.identities()).await.unwrap();
    let seen: Vec<_> = apps.iter().map(|app| (app.name.as_str(), app.fault())).collect();
    let want = [
        ("db", None),
        ("old", Some(AppFault::CredentialExpired)),
        ("waiting", Some(AppFault::CredentialMissing)),
        ("web", None),
    ];
    assert_eq!(seen, want);
    assert_eq!(apps[0].public_addr.as_deref(), Some("db.cube.teleport.sh"));
    assert_eq!(apps[0].cluster.as_deref(), Some("cube.teleport.sh"));
    assert!(apps[0].not_after().is_some() && apps[1].not_after().is_none());
}

#[tokio::test]
async fn kube_clusters_are_listed_from_both_versions() {
    let world = World::start().await;
    let (ca, cluster) = (world.cluster.authority().host_ca_pem(), world.cluster.name());
    let write = |output: &str, text: String| {
        std::fs::create_dir_all(world.root.path().join(output)).unwrap();
        std::fs::write(world.root.path().join(output).join("kubeconfig.yaml"), text).unwrap();
    };
    let exec = KubeAuth::Exec("/nonexistent/tbot".to_owned());
    write("kube-one", kubeconfig_v1("proxy:443", cluster, "cube-1", &ca, &exec));
    let embedded = KubeAuth::Embedded(world.cluster.issue_kube(None, Life::default()).unwrap());
    let kubes = [("cube-7", Some("plant")), ("cube-1.10", None)];
    write("kube-many", kubeconfig_v2("proxy:443", cluster, &kubes, &ca, &embedded));
    write("kube-torn", "apiVersion: v1\nclusters:\n- cluster: {ser".to_owned());
    let one = world.cluster.issue_kube(Some("cube-1"), Life::default()).unwrap();
    TbotDirectory::new(&world.cluster, "kube", world.root.path().join("kube-one")).write(&one).await.unwrap();

    let (entries, broken) = list_kube_clusters(&world.identities()).await.unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| (entry.output.as_str(), entry.context.kube_cluster.as_str(), entry.context.namespace.as_deref()))
        .collect();
    let want = [("kube-many", "cube-7", Some("plant")), ("kube-many", "cube-1.10", None), ("kube-one", "cube-1", None)];
    assert_eq!(seen, want);
    assert!(entries.iter().all(|entry| entry.context.teleport_cluster.as_deref() == Some(cluster)));
    assert!(entries.iter().all(|entry| entry.context.complete));
    assert!(entries[0].context.check_exec().await.is_ok());
    let error = entries[2].context.check_exec().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("/nonexistent/tbot") && error.to_string().contains("disable_exec_plugin"));
    assert_eq!(broken.len(), 1);
    assert!(broken[0].to_string().contains("kube-torn"), "{}", broken[0]);
}

#[tokio::test]
async fn a_kubeconfig_half_written_is_read_again() {
    let world = World::bare().await;
    let path = world.root.path().join("kubeconfig.yaml");
    let embedded = KubeAuth::Embedded(world.cluster.issue_kube(None, Life::default()).unwrap());
    let text = kubeconfig_v2("proxy:443", "c", &[("k", None)], "ca", &embedded);
    std::fs::write(&path, &text[..text.len() / 3]).unwrap();
    let heal = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        std::fs::write(&path, &text).unwrap();
    };
    let (read, ()) = tokio::join!(Kubeconfig::read(&path), heal);
    assert_eq!(read.unwrap().contexts[0].kube_cluster, "k");
}

#[tokio::test]
async fn tbot_tells_its_readiness() {
    let ask = async |mode| {
        let tbot = Diagnostics::start(mode).await.unwrap();
        Readiness::ask(tbot.addr()).await
    };
    let healthy = ask(DiagnosticsMode::Healthy).await.unwrap();
    assert!(healthy.ready && healthy.confirmed() && healthy.unwell().count() == 0);
    let unhealthy = ask(DiagnosticsMode::Unhealthy).await.unwrap();
    let (name, service) = unhealthy.unwell().next().unwrap();
    assert_eq!((unhealthy.ready, name, &service.status), (false, "application-output-1", &ServiceHealth::Unhealthy));
    assert!(service.reason.as_deref().unwrap().contains("not found"));
    let starting = ask(DiagnosticsMode::Initializing).await.unwrap();
    assert_eq!((starting.ready, starting.status), (false, Some(ServiceHealth::Initializing)));
    let old = ask(DiagnosticsMode::ConstantOk).await.unwrap();
    assert!(old.ready && !old.confirmed(), "a constant OK proves nothing");
    let stranger = ask(DiagnosticsMode::SomethingElse).await.unwrap_err();
    assert_eq!(stranger.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_tbot_that_is_not_there_is_named() {
    let tbot = Diagnostics::start(DiagnosticsMode::Healthy).await.unwrap();
    let addr = tbot.addr();
    drop(tbot);
    // The port is free once the task has ended.
    let error = loop {
        match Readiness::ask(addr).await {
            Err(error) if error.kind() == ErrorKind::Connect => break error,
            _ => tokio::task::yield_now().await,
        }
    };
    assert!(error.to_string().contains(&addr.to_string()) && error.to_string().contains("diag_addr"), "{error}");
}

#[tokio::test]
async fn a_mute_tbot_runs_into_the_clock() {
    let tbot = Diagnostics::start(DiagnosticsMode::Mute).await.unwrap();
    tokio::time::pause();
    let error = Readiness::ask(tbot.addr()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

/// A `tsh` that checks how it is called and answers like the real one.
fn fake_tsh(world: &World, name: &str, body: &str) -> std::path::PathBuf {
    let path = world.root.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&path, executable).unwrap();
    path
}

#[tokio::test]
async fn tsh_adds_what_the_identity_may_see() {
    let world = World::bare().await;
    let binary = fake_tsh(
        &world,
        "tsh",
        r#"[ "$2 $3 $4 $5 $6 $7" = "ls --format=json -i /id --proxy p:443" ] || exit 9
case $1 in
apps) echo '[{"kind":"app","metadata":{"name":"db"},"spec":{"uri":"tcp://10.0.0.1:5432"}}]' ;;
kube) echo '[{"kube_cluster_name":"cube-7","labels":{},"selected":false}]' ;;
esac"#,
    );
    let tsh = Tsh::new(binary, "/id", "p:443");
    let apps = tsh.apps().await.unwrap();
    assert!(apps[0].is_tcp() && apps[0].name == "db");
    assert_eq!(tsh.kube_clusters().await.unwrap()[0].name, "cube-7");
    let failing = fake_tsh(&world, "failing", "echo 'ERROR: access denied' >&2; exit 1");
    let error = Tsh::new(failing, "/id", "p:443").apps().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("access denied"), "{error}");
    let slow = fake_tsh(&world, "slow", "exec sleep 5");
    let error = Tsh::new(slow, "/id", "p:443").limit(Duration::from_millis(50)).apps().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}
