#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use cube_sdk_testkit::apollo::charts::{self, Entry, Tree};

use super::*;
use crate::publish::PublishErrorExt;

fn written(tree: &Tree) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    tree.write(dir.path()).unwrap();
    dir
}

fn plain() -> Tree {
    let mut tree = Tree::default();
    tree.file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    tree
}

fn contents(tree: &Tree) -> Result<Contents> {
    let dir = written(tree);
    Chart::find(Some(dir.path()))?.contents()
}

fn unpacked(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(path).unwrap()));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let (mut bytes, header) = (Vec::new(), entry.header().clone());
        assert_eq!(
            (header.mode().unwrap(), header.uid().unwrap(), header.entry_type()),
            (0o644, 0, tar::EntryType::Regular)
        );
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        (entry.path().unwrap().display().to_string(), bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

#[test]
fn the_same_chart_gives_the_same_bytes() {
    for seed in 0..20 {
        let tree = charts::good(seed);
        let (first, second) = (written(&tree), tempfile::tempdir().unwrap());
        let mut turned = tree.clone();
        turned.entries.reverse();
        turned.write(second.path()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let file = second.path().join("Chart.yaml");
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let out = tempfile::tempdir().unwrap();
        let pack = |dir: &Path| {
            let package = Chart::find(Some(dir)).unwrap().contents().unwrap().package(out.path()).unwrap();
            let bytes = fs::read(package.path()).unwrap();
            assert_eq!((package.digest(), package.length()), (&Digest::of(&bytes), bytes.len() as u64));
            bytes
        };
        assert!(pack(first.path()) == pack(second.path()), "seed {seed}");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "one archive, and nothing else");
    }
}

#[test]
fn what_is_packed_comes_out_again() {
    let mut tree = plain();
    let long = format!("files/{}x.txt", "folder/".repeat(30));
    tree.file(&long, "deep");
    tree.file("files/ünï-ç/\u{1f600}.txt", "\u{feff}marked");
    tree.file(".git/config", "kept, as helm keeps it");
    tree.file("web-0.9.0.tgz", "an old package");
    tree.entries.push(("empty".into(), Entry::Folder));
    let dir = written(&tree);
    let out = tempfile::tempdir().unwrap();
    let package = Chart::find(Some(dir.path())).unwrap().contents().unwrap().package(out.path()).unwrap();
    let files = unpacked(package.path());
    assert_eq!(files[&format!("web/{long}")], b"deep");
    assert_eq!(files["web/files/ünï-ç/\u{1f600}.txt"], b"marked");
    assert!(files.contains_key("web/.git/config") && files.contains_key("web/web-0.9.0.tgz"));
    assert_eq!(files.len(), 5);
}

#[test]
fn subcharts_in_archives_and_folders_become_folders_of_their_names() {
    let mut sub = Tree::default();
    sub.file("Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n");
    sub.file("templates/.hidden", "only the outermost chart has ignore rules");
    let mut tree = plain();
    tree.file("charts/db-1.0.0.tgz", charts::packed(&sub, "db"));
    tree.file("charts/other/Chart.yaml", "apiVersion: v2\nname: cache\nversion: 2.0.0\n");
    tree.file("charts/other/charts/in.tgz", charts::packed(&sub, "db"));
    tree.file("charts/_x", "dropped");
    tree.file("charts/x.prov", "kept");
    let contents = contents(&tree).unwrap();
    assert_eq!(
        contents.files(),
        [
            "web/Chart.yaml",
            "web/charts/cache/Chart.yaml",
            "web/charts/cache/charts/db/Chart.yaml",
            "web/charts/cache/charts/db/templates/.hidden",
            "web/charts/db/Chart.yaml",
            "web/charts/db/templates/.hidden",
            "web/charts/x.prov",
        ]
    );
}

#[test]
fn the_rule_of_negation_is_told() {
    let mut tree = plain();
    for at in 0..12 {
        tree.file(format!("templates/t{at:02}.txt"), "");
    }
    tree.file("templates/.swp", "");
    tree.file(".helmignore", "!*.yaml\n");
    // The rule leaves out every folder too.
    let contents = contents(&tree).unwrap();
    assert_eq!(contents.files(), ["web/Chart.yaml"]);
    let [warning] = contents.warnings() else { panic!("{:?}", contents.warnings()) };
    assert!(warning.contains("!*.yaml") && warning.contains("13 files are left out"), "{warning}");
    assert!(warning.contains("templates/.swp, templates/t00.txt") && warning.ends_with("and 3 more"), "{warning}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_within_the_chart_and_refused_where_they_lead_out() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "s").unwrap();
    let mut tree = plain();
    tree.file("templates/a.yaml", "a");
    tree.entries.push(("again".into(), Entry::Link("templates".into())));
    tree.entries.push(("out".into(), Entry::Link(outside.path().display().to_string())));
    let packed = contents(&tree).unwrap();
    assert_eq!(packed.files(), ["web/Chart.yaml", "web/again/a.yaml", "web/out/secret", "web/templates/a.yaml"]);
    assert_eq!(packed.links_out().len(), 1);
    assert_eq!(packed.links_out()[0].0, "out");
    assert!(packed.warnings()[0].contains("out is a link out of the chart"), "{:?}", packed.warnings());
    let out = tempfile::tempdir().unwrap();
    let error = packed.package(out.path()).unwrap_err();
    assert_eq!(error.publish_fault(), Some(&PublishFault::Escape), "{error}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "nothing is left behind");

    let fault = |path: &str, target: &str| {
        let mut tree = plain();
        tree.file("files/x", "");
        tree.entries.push((path.into(), Entry::Link(target.into())));
        contents(&tree).map(drop).unwrap_err().publish_fault().cloned()
    };
    assert_eq!(fault("me", "."), Some(PublishFault::LinkLoop));
    assert_eq!(fault("files/up", ".."), Some(PublishFault::LinkLoop));
    assert_eq!(fault("self", "self"), Some(PublishFault::LinkLoop));
    assert_eq!(fault("gone", "nowhere"), Some(PublishFault::BrokenLink));
    let dir = written(&plain());
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    let error = Chart::find(Some(dir.path())).unwrap().contents().map(drop).unwrap_err();
    assert_eq!(error.publish_fault(), Some(&PublishFault::Irregular));
}

#[test]
fn paths_that_escape_from_an_archive_are_refused() {
    for bad in ["web/../../x", "web//abs", "Chart.yaml", "a\\..\\..\\x"] {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..bad.len()].copy_from_slice(bad.as_bytes());
        header.set_size(0);
        header.set_cksum();
        tar.append(&header, std::io::empty()).unwrap();
        let mut tree = plain();
        tree.file("charts/x.tgz", tar.into_inner().unwrap().finish().unwrap());
        let error = contents(&tree).map(drop).unwrap_err();
        assert_eq!(error.publish_fault(), Some(&PublishFault::Escape), "{bad}: {error}");
    }
}

#[test]
fn a_chart_past_what_helm_reads_is_refused() {
    let dir = written(&plain());
    let big = fs::File::create(dir.path().join("big")).unwrap();
    let chart = fs::metadata(dir.path().join("Chart.yaml")).unwrap().len();
    let contents = || Chart::find(Some(dir.path())).unwrap().contents();
    big.set_len(LIMIT - chart).unwrap();
    contents().unwrap();
    big.set_len(LIMIT - chart + 1).unwrap();
    let error = contents().map(drop).unwrap_err();
    assert_eq!(error.publish_fault(), Some(&PublishFault::TooLarge { limit: LIMIT }));
    assert!(error.message().contains("104857600"), "{error}");
}

#[test]
fn requirements_of_a_chart_of_v2_move_into_its_chart_yaml() {
    let mut tree = plain();
    tree.file("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n");
    tree.file("requirements.yaml", "dependencies:\n- name: db\n  repository: x\n");
    tree.file("requirements.lock", "digest: x\n");
    let dir = written(&tree);
    let out = tempfile::tempdir().unwrap();
    let package = Chart::find(Some(dir.path())).unwrap().contents().unwrap().package(out.path()).unwrap();
    let files = unpacked(package.path());
    let names: BTreeSet<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["web/Chart.lock", "web/Chart.yaml", "web/charts/db/Chart.yaml"].into());
    assert!(String::from_utf8_lossy(&files["web/Chart.yaml"]).contains("- name: db"));
}

#[test]
fn every_broken_chart_is_one_typed_error() {
    for seed in 0..204 {
        let tree = charts::broken(seed);
        let error = contents(&tree).map(drop).expect_err(tree.broken);
        assert!(error.publish_fault().is_some() && error.target().is_some(), "{}: {error}", tree.broken);
    }
}

#[test]
fn what_a_killed_run_leaves_is_not_packed() {
    let mut tree = plain();
    tree.file(".cube-publish", "{}");
    tree.file(".cube-publish.new", "half");
    tree.file(".cube-publish-1234.part", "half");
    tree.file(".cube-x3Bq7f.part", "half");
    assert_eq!(contents(&tree).unwrap().files(), ["web/Chart.yaml"]);
}
