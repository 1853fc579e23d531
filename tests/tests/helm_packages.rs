//! Charts of strangers before our packer and before helm 3 and 4: the same verdict, and the same files in the package.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cube_sdk::apollo::publish::{Chart, Package};
use cube_sdk_testkit::apollo::charts::{self, Entry, Tree};
use cube_sdk_tests::real::{PYTHON, component};

type Files = BTreeMap<String, Vec<u8>>;

fn helms() -> Option<[PathBuf; 2]> {
    Some([component("helm3", PYTHON)?, component("helm4", PYTHON)?])
}

fn helm(program: &Path, home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("HOME", home)
        .env("HELM_CACHE_HOME", home)
        .env("HELM_CONFIG_HOME", home)
        .env("HELM_DATA_HOME", home);
    command.output().unwrap()
}

fn files(archive: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(archive).unwrap()));
    let mut found = BTreeMap::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o644);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        // helm writes these two of its own making.
        let name = entry.path().unwrap().display().to_string();
        let rewritten = name.ends_with("/Chart.yaml") || name.ends_with("/Chart.lock");
        found.insert(name, if rewritten { Vec::new() } else { bytes });
    }
    found
}

fn ours(folder: &Path, out: &Path) -> cube_sdk::Result<Package> {
    Chart::find(Some(folder))?.contents()?.package(out)
}

/// Packs a tree with ours and with one helm; both outcomes.
fn both(program: &Path, tree: &Tree, home: &Path) -> (cube_sdk::Result<Files>, Result<Files, String>) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("chart");
    tree.write(&folder).unwrap();
    let (mine, theirs) = (dir.path().join("mine"), dir.path().join("theirs"));
    let ours = ours(&folder, &mine).map(|package| {
        let name = package.path().file_name().unwrap().to_owned();
        (name, files(package.path()))
    });
    let output = helm(program, home, &["package", folder.to_str().unwrap(), "-d", theirs.to_str().unwrap()]);
    let packed =
        std::fs::read_dir(&theirs).ok().and_then(|mut entries| entries.next()).map(|entry| entry.unwrap().path());
    let theirs = match (output.status.success(), packed) {
        (true, Some(path)) => {
            if let Ok((name, _)) = &ours {
                assert_eq!(path.file_name(), Some(name.as_os_str()), "the archive's name");
            }
            Ok(files(&path))
        }
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    };
    (ours.map(|(_, files)| files), theirs)
}

#[test]
fn good_charts_hold_the_same_files() {
    let Some(helms) = helms() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut with_subcharts = 0;
    // A rule of its own may leave out a chart's dependency: then all three refuse it, and another takes its place.
    let (mut good, mut refused) = (0, 0);
    for seed in 0..260 {
        let tree = charts::good(seed);
        for program in &helms {
            let (ours, theirs) = both(program, &tree, home.path());
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
                    assert_eq!(names(&ours), names(&theirs), "seed {seed}: {}", tree.text(".helmignore"));
                    assert!(ours == theirs, "seed {seed}: contents differ");
                    good += 1;
                    with_subcharts += usize::from(ours.keys().any(|name| name.contains("/charts/")));
                }
                (Err(ours), Err(theirs))
                    if ours.to_string().contains("not under charts/") && theirs.contains("missing in charts/") =>
                {
                    refused += 1;
                    continue;
                }
                (ours, theirs) => panic!(
                    "seed {seed}: ours {:?}, {} {:?}\n{}\n{}",
                    ours.map(drop),
                    program.display(),
                    theirs.map(drop),
                    tree.text("Chart.yaml"),
                    tree.text(".helmignore")
                ),
            }
        }
    }
    assert!(good >= 400 && with_subcharts > 50, "{good} good, {refused} refused, {with_subcharts} with subcharts");
}

#[test]
fn broken_charts_are_refused_by_all() {
    let Some(helms) = helms() else { return };
    let home = tempfile::tempdir().unwrap();
    for seed in 0..200 {
        let tree = charts::broken(seed);
        for program in &helms {
            let (ours, theirs) = both(program, &tree, home.path());
            assert!(ours.is_err() && theirs.is_err(), "seed {seed}, {}: ours {ours:?}, theirs {theirs:?}", tree.broken);
        }
    }
}

/// helm 4 refuses what helm 3 packs, and so does ours.
#[test]
fn a_chart_past_100_mib() {
    let Some([helm3, helm4]) = helms() else { return };
    let home = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("chart");
    let mut tree = Tree::default();
    tree.file("Chart.yaml", "apiVersion: v2\nname: big\nversion: 1.0.0\n");
    tree.write(&folder).unwrap();
    std::fs::File::create(folder.join("big")).unwrap().set_len(104_857_600).unwrap();
    let out = dir.path().join("out");
    let arguments = ["package", folder.to_str().unwrap(), "-d", out.to_str().unwrap()];
    assert!(helm(&helm3, home.path(), &arguments).status.success());
    let refused = helm(&helm4, home.path(), &arguments);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("104857600"));
    assert!(ours(&folder, &out).unwrap_err().to_string().contains("104857600"));
}

/// What we pack, helm lints and renders; where a chart of the generator fails there, the folder itself does too.
#[test]
fn helm_lints_and_renders_what_we_pack() {
    let Some(helms) = helms() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut rendered = 0;
    for seed in 0..40 {
        let mut tree = charts::good(seed);
        tree.entries.retain(|(path, entry)| {
            matches!(entry, Entry::File(_))
                && !path.contains("templates/")
                && !path.starts_with("crds/")
                && path != ".helmignore"
        });
        tree.file("templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Chart.Name }}\n");
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("chart");
        tree.write(&folder).unwrap();
        let package = ours(&folder, dir.path()).unwrap();
        for program in &helms {
            for verb in ["lint", "template"] {
                let of = |path: &Path| helm(program, home.path(), &[verb, path.to_str().unwrap()]);
                let (packed, loose) = (of(package.path()), of(&folder));
                assert!(
                    packed.status.success() || !loose.status.success(),
                    "seed {seed} {verb}: {}{}",
                    String::from_utf8_lossy(&packed.stdout),
                    String::from_utf8_lossy(&packed.stderr)
                );
                rendered += usize::from(packed.status.success() && verb == "template");
            }
        }
    }
    assert!(rendered > 60, "{rendered}");
}
