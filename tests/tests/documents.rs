//! Pages that must say what the code says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cube_sdk::ErrorKind;
use cube_sdk::byo::ByoCode;
use cube_sdk::teleport::AppFault;
use cube_sdk::teleport::tunnel::TunnelCode;
use cube_sdk_server::local::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn page(name: &str) -> String {
    let path = root().join("cube-sdk/docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of every table row whose first cell matches.
fn row<'a>(page: &'a str, first: &str) -> Vec<&'a str> {
    let lead = format!("| {first} |");
    let line = page.lines().find(|line| line.starts_with(&lead)).unwrap_or_else(|| panic!("no row {first}"));
    line.trim_matches('|').split('|').map(str::trim).collect()
}

fn rows_between<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let after = page.split_once(heading).unwrap_or_else(|| panic!("no heading {heading}")).1;
    after.lines().skip_while(|line| !line.starts_with('|')).skip(2).take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn errors_page_lists_every_kind() {
    let page = page("errors.md");
    for kind in ErrorKind::ALL {
        let cells = row(&page, &format!("**{kind}**"));
        assert_eq!(cells[2], kind.retried(), "{kind}");
        assert_eq!(cells[3], kind.exit_code().to_string(), "{kind}");
    }
    assert_eq!(rows_between(&page, "## Kinds").len(), ErrorKind::ALL.len());
}

#[test]
fn errors_page_lists_every_byo_code_with_its_fix() {
    let page = page("errors.md");
    for code in ByoCode::KNOWN {
        let cells = row(&page, &format!("**{code}**"));
        assert_eq!(cells[1], format!("`{}`", code.kind()), "{code}");
        assert_eq!(cells[2], code.meaning(), "{code}");
        assert_eq!(cells[3], code.fix(), "{code}");
    }
    assert_eq!(rows_between(&page, "## BYO codes").len(), ByoCode::KNOWN.len());
}

#[test]
fn errors_page_lists_every_code_of_a_tunnel() {
    let page = page("errors.md");
    for code in TunnelCode::NUMBERED.into_iter().chain([TunnelCode::BadKey]) {
        let cells = row(&page, &format!("**{}**", code.name()));
        let number = if code == TunnelCode::BadKey { code.status().as_u16() } else { code.number() };
        assert_eq!(cells[1], number.to_string(), "{code:?}");
        assert_eq!(cells[2], format!("`{}`", code.kind()), "{code:?}");
    }
    assert_eq!(rows_between(&page, "## Tunnel codes").len(), TunnelCode::NUMBERED.len() + 1);
}

#[test]
fn errors_page_lists_every_fault_of_a_dial_with_its_fix() {
    let page = page("errors.md");
    for fault in AppFault::KNOWN {
        let cells = row(&page, &format!("**{}**", fault.name()));
        assert_eq!(cells[1], format!("`{}`", fault.kind()), "{fault:?}");
        assert_eq!(cells[3], fault.advice(), "{fault:?}");
    }
    assert_eq!(rows_between(&page, "## Faults of dialling an app").len(), AppFault::KNOWN.len());
}

/// Every `Key` in the sources: variable, whether it is secret, its line.
fn keys() -> Vec<(String, bool, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root()).unwrap() {
        let dir = entry.unwrap().path();
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        if name == "cube-sdk-core" {
            // Beside its own, core has keys in examples.
            files.push(dir.join("src/config/keys.rs"));
        } else if name.starts_with("cube-sdk") {
            sources(&dir.join("src"), &mut files);
        }
    }
    files.iter().flat_map(|file| keys_of(&std::fs::read_to_string(file).unwrap())).collect()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn keys_of(source: &str) -> Vec<(String, bool, String)> {
    let mut found = Vec::new();
    for (call, secret) in [("Key::open(", false), ("Key::secret(", true)] {
        for after in source.split(call).skip(1) {
            let mut texts = after.split('"').skip(1).step_by(2);
            let (name, doc) = (texts.next().unwrap(), texts.next().unwrap());
            found.push((
                name.to_owned(),
                secret,
                doc.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\ ", ""),
            ));
        }
    }
    found
}

#[test]
fn environment_page_lists_every_setting() {
    let page = page("environment.md");
    let keys = keys();
    assert!(keys.len() > 10, "hardly any setting was found: {keys:?}");
    for (name, secret, doc) in &keys {
        let cells = row(&page, &format!("`{name}`"));
        assert_eq!(cells[1], if *secret { "yes" } else { "no" }, "{name}");
        assert_eq!(cells[2], doc, "{name}");
    }
    let settings = page.split_once("## Programs").unwrap().0;
    let rows = settings.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, keys.len(), "the page has rows without a setting");
}

/// Every variable that a program of the workspace reads by itself.
fn read_by_programs() -> BTreeSet<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        sources(&entry.unwrap().path().join("src"), &mut files);
    }
    let mut found = BTreeSet::new();
    for file in files {
        let source = std::fs::read_to_string(file).unwrap();
        for call in ["env = \"", "env::var(\"", "env::var_os(\""] {
            found.extend(source.split(call).skip(1).filter_map(|after| after.split('"').next()).map(str::to_owned));
        }
    }
    found
}

#[tokio::test]
async fn environment_page_lists_what_programs_print_and_read() {
    let page = page("environment.md");
    let world = World::start().await.unwrap();
    let printed = world.card().env().into_iter().map(|(name, _)| name);
    let app = "CUBE_LOCAL_CLOUD_APPS_";
    let printed = printed.map(|name| if name.starts_with(app) { format!("{app}NAME") } else { name });
    let missing: BTreeSet<_> =
        printed.chain(read_by_programs()).filter(|name| !page.contains(&format!("| `{name}` |"))).collect();
    assert_eq!(missing, BTreeSet::new());
}
