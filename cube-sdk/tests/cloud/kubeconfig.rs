//! The user's kubeconfig under many writers, killed writers, and links.
#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cube_sdk::kube::Merge;
use cube_sdk::prelude::*;

/// A process of this test that is to merge: its number, its file and how often.
const WORKER: &str = "CUBE_TEST_MERGE";

fn kubeconfig(name: &str, key: &str) -> String {
    format!(
        "clusters: [{{name: {name}, cluster: {{server: 'https://{name}'}}}}]\n\
         users: [{{name: {name}, user: {{client-key-data: {key}}}}}]\n\
         contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}}}}}]\n"
    )
}

/// Merges when it is run as a worker; nothing otherwise.
#[tokio::test]
async fn worker() {
    let Ok(text) = std::env::var(WORKER) else { return };
    let mut words = text.split(' ');
    let (name, rounds) = (words.next().unwrap(), words.next().unwrap().parse::<usize>().unwrap());
    let file = words.next().unwrap();
    for round in 0..rounds {
        let text = kubeconfig(&format!("{name}-{}", round % 5), &format!("k{round}"));
        let merge = Merge::into_files(text.into(), [file]);
        merge.await.unwrap();
    }
}

fn spawn(name: &str, rounds: usize, file: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kubeconfig::worker", "--nocapture"])
        .env(WORKER, format!("{name} {rounds} {}", file.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn names(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("- name: ")).map(str::to_owned).collect()
}

#[test]
fn sixteen_processes_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(".kube/config");
    let workers: Vec<_> = (0..16).map(|at| spawn(&format!("w{at}"), 5, &file)).collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    let names = names(&file);
    assert_eq!(names.len(), 16 * 5 * 3, "{names:?}");
    for at in 0..16 {
        for round in 0..5 {
            let wanted = format!("w{at}-{round}");
            assert_eq!(names.iter().filter(|name| **name == wanted).count(), 3, "{wanted}");
        }
    }
    let left: Vec<_> = std::fs::read_dir(file.parent().unwrap()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["config"], "something is left behind");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn writers_that_are_killed_leave_a_valid_file_and_no_lock_that_stays() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    let before = "# mine\nclusters:\n- name: mine\n  cluster: {}\nusers: []\ncontexts: []\n";
    std::fs::write(&file, before).unwrap();
    for round in 0..20 {
        let mut worker = spawn("killed", 1_000_000, &file);
        // At any point: some are killed before they begin, most within a merge.
        std::thread::sleep(Duration::from_millis(20 + fastrand::u64(0..120)));
        worker.kill().unwrap();
        worker.wait().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# mine\n"), "round {round}: {text}");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let merge = Merge::into_files(kubeconfig("after", &format!("k{round}")).into(), [&file]);
        let merged =
            runtime.block_on(async { merge.await }).unwrap_or_else(|error| panic!("round {round}: {error}\n{text}"));
        assert_eq!(merged.files.len(), 1, "round {round}");
    }
    assert!(!dir.path().join("config.lock").exists());
    assert!(names(&file).contains(&"mine".to_owned()));
}

#[tokio::test]
async fn a_lock_of_kubectls_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    let lock = dir.path().join("config.lock");
    std::fs::File::create(&lock).unwrap();
    let began = Instant::now();
    let other = lock.clone();
    let remover = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(300));
        std::fs::remove_file(other).unwrap();
    });
    Merge::into_files(kubeconfig("a", "k").into(), [&file]).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300), "the lock was not waited for");
    remover.await.unwrap();
    assert!(!lock.exists());
}

#[tokio::test]
async fn links_stay_and_folders_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real/config"), dir.path().join("link"));
    symlink("real/config", &link).unwrap();
    Merge::into_files(kubeconfig("a", "k").into(), [&link]).await.unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(&real), ["a", "a", "a"]);
    assert_eq!(std::fs::metadata(real.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn losses_are_told_first_and_backups_hold_the_old_text() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    let old = "clusters:\n- name: a # my notes\n  cluster: {}\n";
    std::fs::write(&file, old).unwrap();
    let merge = || Merge::into_files(kubeconfig("a", "k").into(), [&file]);
    let plan = merge().plan().await.unwrap();
    assert_eq!(plan.files, std::slice::from_ref(&file));
    assert!(plan.losses[0].contains("comments in clusters[a]"), "{plan:?}");
    let error = merge().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("comments in clusters[a]"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), old, "it was written all the same");
    let merged = merge().accept_losses().backup().await.unwrap();
    assert_eq!(merged.losses.len(), 1);
    assert_eq!(std::fs::read_to_string(&merged.backups[0]).unwrap(), old);
    assert_eq!(std::fs::metadata(&merged.backups[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let merged = merge().backup().await.unwrap();
    assert!(merged.files.is_empty() && merged.backups.is_empty(), "there was nothing to do: {merged:?}");
}

#[tokio::test]
async fn of_several_files_each_gets_its_own_and_the_context_counts() {
    let dir = tempfile::tempdir().unwrap();
    let files = ["one", "two", "three"].map(|name| dir.path().join(name));
    std::fs::write(&files[0], "current-context: mine\n").unwrap();
    std::fs::write(&files[1], "users:\n- name: a\n  user: {token: old}\n").unwrap();
    Merge::into_files(kubeconfig("a", "k").into(), &files).await.unwrap();
    let text = |at: usize| std::fs::read_to_string(&files[at]).unwrap_or_default();
    assert_eq!(text(0), "current-context: a\napiVersion: v1\nkind: Config\n");
    assert!(text(1).contains("client-key-data: k") && !text(1).contains("old"), "{}", text(1));
    assert_eq!(text(2), "");
    Merge::into_files(kubeconfig("b", "k").into(), &files).keep_context().await.unwrap();
    assert!(text(0).contains("current-context: a\n"));
}

/// What kubectl makes of a file that was merged into. With `CUBE_REAL=1`.
#[tokio::test]
async fn the_real_kubectl_reads_the_result() {
    if std::env::var("CUBE_REAL").ok().as_deref() != Some("1") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (at, old) in [
        "",
        "apiVersion: v1\nkind: Config\nclusters: null\nusers: ~\ncontexts:\n",
        "{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"clusters\":[{\"name\":\"old\",\"cluster\":{\"server\":\"https://o\"}}],\"users\":[]}",
        "apiVersion: v1\r\nkind: Config\r\nclusters:\r\n- cluster:\r\n    server: https://o\r\n  name: old\r\nusers: []\r\n",
        "# mine\nclusters:\n  - name: old\n    cluster: {server: https://o}\n",
    ]
    .into_iter()
    .enumerate()
    {
        let file = dir.path().join(format!("config-{at}"));
        std::fs::write(&file, old).unwrap();
        Merge::into_files(kubeconfig("cube-7", "a2V5").into(), [&file]).await.unwrap();
        let kubectl = |arguments: &[&str]| {
            let mut command = Command::new(crate::kubectl::program());
            let out = command.args(arguments).env("KUBECONFIG", &file).env("HOME", file.parent().unwrap()).output().expect("kubectl is installed");
            assert!(out.status.success(), "{old:?}: {}", String::from_utf8_lossy(&out.stderr));
            String::from_utf8(out.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(kubectl(&["config", "current-context"]), "cube-7");
        let server = "jsonpath={.clusters[?(@.name=='cube-7')].cluster.server}";
        assert_eq!(kubectl(&["config", "view", "-o", server]), "https://cube-7");
        if old.contains("old") {
            assert!(kubectl(&["config", "get-clusters"]).contains("old"), "{old:?}");
        }
        // And it may write there again.
        kubectl(&["config", "use-context", "cube-7"]);
    }
}
