#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::publish::PublishErrorExt;

fn chart(text: &str) -> (tempfile::TempDir, Result<Chart>) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Chart.yaml"), text).unwrap();
    let chart = Chart::find(Some(dir.path()));
    (dir, chart)
}

#[test]
fn a_chart_is_found_where_the_facts_say() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let put = |folder: &str, name: &str| {
        fs::create_dir_all(place.join(folder)).unwrap();
        fs::write(place.join(folder).join("Chart.yaml"), format!("name: {name}\nversion: 1.0.0\n")).unwrap();
    };
    assert!(Chart::beside(place).unwrap_err().to_string().contains("./charts"));
    put("charts/one", "one");
    fs::create_dir_all(place.join("charts/none")).unwrap();
    assert_eq!(Chart::beside(place).unwrap().name().as_str(), "one");
    put("charts/two", "two");
    let error = Chart::beside(place).unwrap_err();
    assert!(error.message().contains("one, two"), "{error}");
    put(".", "here");
    assert_eq!(Chart::beside(place).unwrap().name().as_str(), "here");

    let by_file = Chart::find(Some(&place.join("charts/one/Chart.yaml"))).unwrap();
    assert_eq!(by_file.folder(), place.join("charts/one").canonicalize().unwrap());
    for none in [place.join("charts/none"), place.join("nowhere"), place.join("nowhere/Chart.yaml")] {
        let error = Chart::find(Some(&none)).unwrap_err();
        assert_eq!(error.publish_fault(), Some(&PublishFault::NoChart));
        assert!(error.target().unwrap().contains("Chart.yaml"), "{error}");
    }
    // A folder of that name is a folder.
    put("odd/Chart.yaml", "odd");
    assert_eq!(Chart::find(Some(&place.join("odd/Chart.yaml"))).unwrap().name().as_str(), "odd");
}

#[cfg(unix)]
#[test]
fn a_linked_chart_is_edited_where_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    fs::write(dir.path().join("real/Chart.yaml"), "name: a\nversion: 1.0.0\n").unwrap();
    std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
    let chart = Chart::find(Some(&dir.path().join("link"))).unwrap();
    assert_eq!(chart.folder(), dir.path().join("real").canonicalize().unwrap());
}

#[test]
fn versions_and_names_are_read_as_helm_reads_them() {
    for (text, version, app) in [
        ("name: a\nversion: \"1.2.3\" # c\nappVersion: '1.16.0' # c\n", "1.2.3", Some("1.16.0")),
        ("name: a\r\nversion: 1.2.3\r\nappVersion: 1.16.0\r\n", "1.2.3", Some("1.16.0")),
        ("\u{feff}name: a\nversion: v1.2.3\n", "v1.2.3", None),
        ("name: a\nversion: 1.10\n", "1.1", None),
        ("name: a\nversion: 1\nappVersion:\n", "1", None),
        ("name: a\nv: &v 1.2.3\nversion: *v\n", "1.2.3", None),
        ("Name: a\nVERSION: 1.2.3\n", "1.2.3", None),
        ("{name: a, version: 1.2.3}", "1.2.3", None),
        ("dependencies:\n- name: b\n  version: 9.9.9\nname: a\nversion: 1.2.3\n", "1.2.3", None),
    ] {
        let (_dir, chart) = chart(text);
        let chart = chart.unwrap();
        assert_eq!((chart.version().as_str(), chart.app_version()), (version, app), "{text:?}");
    }
}

#[test]
fn a_bad_chart_is_one_typed_error() {
    let field = |name: &str| PublishFault::BadField(name.to_owned());
    let unreadable = || PublishFault::Unreadable { file: "Chart.yaml".to_owned() };
    for (text, fault) in [
        ("name: a\n", PublishFault::MissingField("version")),
        ("name: a\nversion:\n", PublishFault::MissingField("version")),
        ("version: 1.0.0\n", PublishFault::MissingField("name")),
        ("name: a\nversion: 1.0.0\nversion: 2.0.0\n", PublishFault::RepeatedKey("version".to_owned())),
        ("name: a\nversion: 1.0.0\nannotations: {x: 1, x: 2}\n", PublishFault::RepeatedKey("x".to_owned())),
        ("name: a\nversion: 1.0\n.0", unreadable()),
        ("name: a\nversion: one\n", field("version")),
        ("name: ../a\nversion: 1.0.0\n", field("name")),
        ("name: [a]\nversion: 1.0.0\n", field("name")),
        ("name: a\nversion: 1.0.0\napiVersion: v9\n", field("apiVersion")),
        ("name: a\nversion: 1.0.0\ntype: app\n", field("type")),
        ("name: a\nversion: 1.0.0\nkeywords: a\n", field("keywords")),
        ("name: a\nversion: 1.0.0\ndeprecated: 'true'\n", field("deprecated")),
        ("name: a\nversion: 1.0.0\nannotations: [a]\n", field("annotations")),
        ("name: a\nversion: 1.0.0\nmaintainers: [null]\n", field("maintainers")),
        ("name: a\nversion: 1.0.0\ndependencies: [{name: b, alias: 'x y'}]\n", field("alias")),
        ("name: a\nversion: 1.0.0\ndependencies: [{name: b}, {name: b}]\n", field("dependencies")),
        ("", unreadable()),
        ("- a\n", unreadable()),
        ("a: [\n", unreadable()),
        ("name: a\n---\nname: b\n", unreadable()),
    ] {
        let (_dir, chart) = chart(text);
        let error = chart.unwrap_err();
        assert_eq!(error.publish_fault(), Some(&fault), "{text:?}: {error}");
        assert!(error.target().unwrap().ends_with("Chart.yaml"), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Chart.yaml"), b"name: \xff\n").unwrap();
    assert_eq!(Chart::find(Some(dir.path())).unwrap_err().publish_fault(), Some(&unreadable()));
}

#[test]
fn an_edit_that_fails_leaves_the_file() {
    let text = "name: a\nv: &v 1.2.3\nversion: *v\n";
    let (dir, chart) = chart(text);
    let error = chart.unwrap().with_versions(&"2.0.0".parse().unwrap(), None).unwrap_err();
    assert_eq!(error.publish_fault(), Some(&PublishFault::BadField("version".to_owned())));
    assert_eq!(fs::read_to_string(dir.path().join("Chart.yaml")).unwrap(), text);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn an_edit_keeps_the_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, chart) = chart("name: a\nversion: 1.2.3\n");
    let file = dir.path().join("Chart.yaml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    chart.unwrap().with_versions(&"2.0.0".parse().unwrap(), None).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
