//! Hostile and honest lines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;

const HOSTILE: &str = include_str!("hostile.txt");
const HONEST: &str = include_str!("honest.txt");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

#[test]
fn two_hundred_hostile_lines_are_refused() {
    let taken: Vec<_> = lines(HOSTILE).filter(|line| Command::read(line).is_ok()).collect();
    assert_eq!(taken, Vec::<&str>::new());
    assert!(lines(HOSTILE).count() >= 200, "{}", lines(HOSTILE).count());
}

#[test]
fn lines_with_odd_characters_are_refused() {
    for odd in
        ["\u{a0}", "\u{2013}", "\u{2014}", "\u{ff0d}", "\u{200b}", "\u{202e}", "\0", "\t", "\n", "\r", "\u{7f}", "é"]
    {
        for line in
            [format!("get pods{odd}-o json"), format!("get pods {odd}raw /"), format!("{odd}get pods"), odd.to_owned()]
        {
            assert!(Command::read(&line).is_err(), "{line:?}");
        }
    }
    assert!(Command::read(&format!("get pods {}", "x".repeat(5000))).is_err());
}

#[test]
fn sixty_honest_lines_are_read() {
    for line in lines(HONEST) {
        Command::read(line).unwrap_or_else(|refused| panic!("{line}: {refused}"));
    }
    assert!(lines(HONEST).count() >= 60, "{}", lines(HONEST).count());
}

#[test]
fn flags_reach_kubectl_in_one_form_only() {
    let arguments = |line: &str| Command::read(line).unwrap().arguments;
    let wanted = ["get", "--namespace=default", "--output=wide", "pods"];
    for line in [
        "get pods -n default -o wide",
        "kubectl get pods -ndefault -owide",
        "get -n=default -o=wide pods",
        "get --namespace default --output=wide pods",
        "get '-n' \"default\" --output 'wide' pods",
    ] {
        assert_eq!(arguments(line), wanted, "{line}");
    }
    assert_eq!(arguments("logs web-0"), ["logs", "--tail=500", "web-0"]);
    assert_eq!(arguments("rollout status deployment/web"), ["rollout", "status", "--watch=false", "deployment/web"]);
    let yaml = Command::read("get configmaps -o yaml").unwrap();
    assert_eq!((yaml.output, yaml.arguments[1].as_str()), (Output::Yaml, "--output=json"));
}

struct Fake {
    kubectl: Kubectl,
    target: Target,
    dir: tempfile::TempDir,
}

/// A program in place of kubectl.
fn fake(script: &str) -> Fake {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("kubectl");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let target = Target { kubeconfig: PathBuf::from("/k.yaml"), context: "ctx".to_owned() };
    Fake { kubectl: Kubectl::new(&program), target, dir }
}

async fn ran(script: &str, line: &str) -> cube_sdk_core::Result<String> {
    let fake = fake(script);
    fake.kubectl.run(&fake.target, &Command::read(line).unwrap()).await
}

#[tokio::test]
async fn it_runs_with_a_cleared_environment_and_its_own_arguments_first() {
    let shown = ran("echo \"$@\"; env | sort", "get pods").await.unwrap();
    assert!(shown.starts_with("--kubeconfig /k.yaml --context=ctx --request-timeout=30s get pods\n"), "{shown}");
    let names: Vec<_> = shown.lines().skip(1).filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let known = ["HOME", "KUBECACHEDIR", "PATH", "PWD", "OLDPWD", "SHLVL", "_"];
    assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
}

#[tokio::test]
async fn secrets_in_the_output_are_masked() {
    let text = ran("echo 'password: hunter2-hunter2'", "describe pods").await.unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    let list = r#"echo '{"kind":"List","items":[{"kind":"Secret","data":{"innocent":"aHVudGVyMg=="}},
        {"kind":"Pod","spec":{"env":[{"name":"DB_PASSWORD","value":"hunter2-hunter2"},{"name":"MODE","value":"fast"}]}}]}'"#;
    for line in ["get pods -o json", "get pods -o yaml"] {
        let text = ran(list, line).await.unwrap();
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
        assert!(text.contains("fast") && text.contains("<hidden, 15 chars>"), "{text}");
    }
}

#[tokio::test]
async fn endless_output_is_cut_and_the_program_ended() {
    let text = ran("yes 0123456789", "get pods").await.unwrap();
    assert!(text.len() < 300 * 1024 && text.ends_with("ask for less\n"));
    let error = ran("yes 0123456789", "get pods -o json").await.unwrap_err();
    assert_eq!(error.kind(), cube_sdk_core::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_failure_tells_what_kubectl_said_without_secrets() {
    let error = ran("echo 'error: token=hunter2-hunter2 refused' >&2; exit 1", "get pods").await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("refused") && !told.contains("hunter2"), "{told}");
    assert_eq!(ran("echo no; exit 1", "auth can-i get pods").await.unwrap(), "no\n");
    let missing = Kubectl::new(std::path::Path::new("/nonexistent/kubectl"));
    let target = fake("").target;
    assert!(missing.run(&target, &Command::read("version").unwrap()).await.is_err());
}

/// Whoever this runs as, root too.
#[tokio::test]
async fn nothing_is_kept_for_the_next_caller() {
    let keep = "mkdir -p \"$KUBECACHEDIR/discovery\" 2>/dev/null && echo kept || echo gone";
    assert_eq!(ran(keep, "get pods").await.unwrap(), "gone\n");
}

#[tokio::test]
async fn dropping_the_call_ends_the_program() {
    let fake = fake("echo $$ > \"$(dirname \"$0\")/pid\"; exec sleep 600");
    let pid = fake.dir.path().join("pid");
    let command = Command::read("get pods").unwrap();
    let call = fake.kubectl.run(&fake.target, &command);
    let started = async {
        loop {
            let text = std::fs::read_to_string(&pid).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let number = tokio::select! {
        _ = call => panic!("it ended by itself"),
        number = started => number,
    };
    let alive = || {
        let state = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    };
    while alive() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
