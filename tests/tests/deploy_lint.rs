//! What stands under `deploy/` and `.github/` is what its own tools take without a word.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::process::Command;

use cube_sdk_tests::real::{PYTHON, SYSTEM, component, workspace};

#[test]
fn the_dockerfile_is_without_a_finding_and_its_process_is_nobody() {
    let file = workspace().join("deploy/Dockerfile");
    let text = fs::read_to_string(&file).unwrap();
    let users: Vec<&str> = text.lines().filter(|line| line.starts_with("USER ")).collect();
    assert_eq!(users, ["USER 65532:65532"]);
    let Some(hadolint) = component("hadolint", PYTHON) else { return };
    let output = Command::new(hadolint).arg("--failure-threshold").arg("info").arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_units_are_verified_and_leave_the_process_little() {
    let Some(analyze) = component("systemd-analyze", SYSTEM) else { return };
    for name in ["cube-cloud.service", "cube-edgegate.service"] {
        let text = fs::read_to_string(workspace().join("deploy/systemd").join(name)).unwrap();
        // A program that is there: this one is installed nowhere.
        let dir = tempfile::tempdir().unwrap();
        let unit = dir.path().join(name);
        fs::write(&unit, text.replace("/usr/local/bin/cube-server", "/bin/true")).unwrap();
        let run = |arguments: &[&str]| {
            let output = Command::new(&analyze).args(arguments).arg(&unit).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&said).into_owned())
        };
        let (good, said) = run(&["verify", "--man=no"]);
        let about_it: Vec<&str> = said.lines().filter(|line| line.contains(name)).collect();
        assert!(good && about_it.is_empty(), "{name}: {said}");
        // 0 is nothing, 100 is everything that a process may be left.
        let (good, said) = run(&["security", "--offline=true", "--no-pager", "--threshold=20"]);
        assert!(good, "{name}: {said}");
    }
}

#[test]
fn the_compose_file_is_taken_and_a_mistake_is_not() {
    let Some(compose) = component("docker-compose", SYSTEM) else { return };
    let folder = workspace().join("deploy/compose");
    let taken = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("docker-compose.yml"), text).unwrap();
        fs::copy(folder.join("edgegate.env"), dir.path().join("edgegate.env")).unwrap();
        let mut command = Command::new(&compose);
        command.args(["config", "-q"]).current_dir(dir.path()).env("POSTGRES_PASSWORD", "x");
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let text = fs::read_to_string(folder.join("docker-compose.yml")).unwrap();
    let (good, said) = taken(&text);
    assert!(good && said.is_empty(), "{said}");
    let (good, _) = taken(&text.replacen("depends_on: [db]", "depends_on: [database]", 1));
    assert!(!good, "a service that is not there");
}

#[test]
fn the_workflows_are_without_a_finding_and_a_mistake_is_one() {
    let Some(actionlint) = component("actionlint", PYTHON) else { return };
    let lint = |file: &std::path::Path| {
        let output = Command::new(&actionlint).arg(file).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let folder = workspace().join(".github/workflows");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in &files {
        assert_eq!(lint(file), (true, String::new()));
        let dir = tempfile::tempdir().unwrap();
        let broken = dir.path().join("broken.yml");
        fs::write(&broken, fs::read_to_string(file).unwrap().replacen("runs-on:", "run-on:", 1)).unwrap();
        let (good, said) = lint(&broken);
        assert!(!good && said.contains("runs-on"), "{said}");
    }
}
