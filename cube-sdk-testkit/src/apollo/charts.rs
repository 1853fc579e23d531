//! Helm charts of strangers, made from a seed: good ones of every shape, and ones that are broken in one place.

use std::io::Write as _;
use std::path::Path;

use fastrand::Rng;

/// Something in a chart's folder.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A file.
    File(Vec<u8>),
    /// A symbolic link.
    Link(String),
    /// A folder, which may stay empty.
    Folder,
}

/// A chart's folder.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Path in the folder, and what is there.
    pub entries: Vec<(String, Entry)>,
    /// What is broken; empty for a good one.
    pub broken: &'static str,
}

impl Tree {
    /// Adds a file.
    pub fn file(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let path = path.into();
        self.entries.retain(|(other, _)| *other != path);
        self.entries.push((path, Entry::File(bytes.into())));
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> String {
        let found = self.entries.iter().find_map(|(other, entry)| match entry {
            Entry::File(bytes) if other == path => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// Writes it all into a folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (path, entry) in &self.entries {
            let path = folder.join(path);
            if let Some(above) = path.parent() {
                std::fs::create_dir_all(above)?;
            }
            match entry {
                Entry::File(bytes) => std::fs::write(&path, bytes)?,
                Entry::Folder => std::fs::create_dir_all(&path)?,
                Entry::Link(target) => {
                    #[cfg(unix)]
                    std::os::unix::fs::symlink(target, &path)?;
                    #[cfg(not(unix))]
                    let _ = target;
                }
            }
        }
        Ok(())
    }
}

const FOLDERS: [&str; 12] = [
    "",
    "templates/",
    "templates/tests/",
    "files/",
    "files/deep/er/",
    ".hidden/",
    "crds/",
    "ci/",
    "x/build/",
    "build/",
    "docs/",
    "a/",
];
const NAMES: [&str; 18] = [
    "a.yaml",
    "b.yml",
    "README.md",
    "NOTES.txt",
    "_helpers.tpl",
    ".foo",
    ".helm.swp",
    "x.tgz",
    "build",
    "a b.txt",
    "ünï-ç.md",
    "run.sh",
    "LICENSE",
    "!odd",
    "#odd",
    "a]",
    "data.bin",
    "A",
];
// Not `//a`: helm 3 takes it for `/a`, helm 4 for nothing.
const RULES: [&str; 33] = [
    "*.md",
    "/README.md",
    "a/*.md",
    "build/",
    "/build/",
    "x/build/",
    "*.t?t",
    "[a-c].yaml",
    "[^a]*.yml",
    "docs",
    "docs/",
    "files/deep",
    ".hidden/",
    ".foo",
    "\\!odd",
    "\\#odd",
    "[a]]",
    "/",
    "a//",
    "A",
    "x/build/b*",
    "*.tgz",
    "/x.tgz",
    "# comment",
    "",
    "  *.bin  ",
    "files/*/er",
    "templates/tests/",
    "ci/*",
    "*/LICENSE",
    "?.yaml",
    "[z-a]",
    "no-such-file",
];

fn chart_yaml(rng: &mut Rng, name: &str) -> String {
    let pick = |rng: &mut Rng, of: &[&str]| of[rng.usize(..of.len())].to_owned();
    let version = pick(
        rng,
        &["0.1.0", "1.2.3", "10.20.30", "1.2.3-rc.1", "1.2.3+build.5", "v2.0.1", "'3.0.0'", "\"3.1.0\"", "4.0.0 # now"],
    );
    let mut lines = vec![format!("name: {name}"), format!("version: {version}")];
    if rng.bool() || rng.bool() {
        lines.push(format!("apiVersion: {}", pick(rng, &["v2", "v2", "v2", "v1"])));
    }
    for line in [
        "description: A chart, of \"strangers\"",
        "type: application",
        "appVersion: \"1.16.0\"",
        "appVersion: 1.16",
        "keywords: [a, 'b', 3]",
        "home: https://example.com/#x",
        "maintainers:\n- name: Jo\n  email: jo@example.com\n- name: \"Zoë\"",
        "annotations:\n  version: 9.9.9\n  a/b: \"true\"\n  n: 3",
        "sources:\n  - &s https://example.com/src\n  - *s",
        "deprecated: false",
        "kubeVersion: '>=1.20.0-0'",
        "icon:",
        "# a comment with version: 7.7.7",
        "unknown: {version: 1}",
    ] {
        let key = line.split(':').next().unwrap_or_default();
        if rng.u8(..3) == 0 && !lines.iter().any(|other| other.starts_with(&format!("{key}:"))) {
            lines.push(line.to_owned());
        }
    }
    rng.shuffle(&mut lines);
    let end = if rng.u8(..6) == 0 { "\r\n" } else { "\n" };
    let mark = if rng.u8(..8) == 0 { "\u{feff}" } else { "" };
    let head = if rng.u8(..8) == 0 { "---\n" } else { "" };
    format!("{mark}{head}{}\n", lines.join("\n")).replace('\n', end)
}

fn values(rng: &mut Rng) -> &'static str {
    [
        "a: 1\n",
        "",
        "# nothing\n",
        "image: {tag: \"1\"}\nlist:\n- a\n- b: 2\n",
        "x: &x {y: 1}\nz: *x\n",
        "on: yes\nn: 0400\n",
        "a: |\n  text\n   more\n",
    ][rng.usize(..7)]
}

/// A chart packed as helm packs it.
pub fn packed(tree: &Tree, name: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, entry) in &tree.entries {
        if let Entry::File(bytes) = entry {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            let _ = tar.append_data(&mut header, format!("{name}/{path}"), bytes.as_slice());
        }
    }
    let _ = tar.get_mut().flush();
    tar.into_inner().and_then(flate2::write::GzEncoder::finish).unwrap_or_default()
}

fn subcharts(rng: &mut Rng, tree: &mut Tree, depth: usize) {
    let mut dependencies = String::new();
    for at in 0..rng.usize(..3) {
        let name = format!("sub{depth}{at}");
        let inner = chart(rng, &name, depth + 1);
        let folder = if rng.bool() { name.clone() } else { format!("{name}-dir") };
        if rng.bool() {
            tree.file(format!("charts/{name}-1.0.0.tgz"), packed(&inner, &name));
        } else {
            let entries = inner.entries.iter().filter(|(_, entry)| matches!(entry, Entry::File(_)));
            tree.entries.extend(entries.map(|(path, entry)| (format!("charts/{folder}/{path}"), entry.clone())));
        }
        dependencies.push_str(&format!("- name: {name}\n  version: '*'\n  repository: https://example.com\n"));
    }
    if rng.u8(..4) == 0 {
        tree.file("charts/_off/readme", "no chart");
        tree.file("charts/.off", "no chart");
        tree.file("charts/sub.tgz.prov", "signed");
    }
    if !dependencies.is_empty() && rng.bool() {
        let text = tree.text("Chart.yaml");
        if text.contains("apiVersion: v2") {
            let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            tree.file("Chart.yaml", format!("{text}dependencies:{end}{}", dependencies.replace('\n', end)));
            if rng.bool() {
                tree.file(
                    "Chart.lock",
                    "digest: sha256:00\ngenerated: \"2024-01-02T03:04:05.678Z\"\ndependencies: []\n",
                );
            }
        } else {
            tree.file("requirements.yaml", format!("dependencies:\n{dependencies}"));
            tree.file("requirements.lock", "digest: sha256:00\ngenerated: \"2024-01-02T03:04:05Z\"\n");
        }
    }
}

fn chart(rng: &mut Rng, name: &str, depth: usize) -> Tree {
    let mut tree = Tree::default();
    tree.file("Chart.yaml", chart_yaml(rng, name));
    if rng.u8(..5) > 0 {
        tree.file("values.yaml", values(rng));
    }
    if rng.u8(..5) == 0 {
        tree.file("values.schema.json", "{\"type\": \"object\"}\n");
    }
    let mut taken = Vec::new();
    for _ in 0..rng.usize(2..12) {
        let path = format!("{}{}", FOLDERS[rng.usize(..FOLDERS.len())], NAMES[rng.usize(..NAMES.len())]);
        // No path is a file and a folder at once.
        let clashes = |other: &String| other.starts_with(&format!("{path}/")) || path.starts_with(&format!("{other}/"));
        if !taken.contains(&path) && !taken.iter().any(clashes) {
            let bytes: Vec<u8> = match rng.u8(..6) {
                0 => Vec::new(),
                1 => "\u{feff}marked".into(),
                2 => (0..rng.usize(1..3000)).map(|_| rng.u8(..)).collect(),
                _ => format!("# {path}\r\nkind: X\n").into_bytes(),
            };
            tree.file(path.clone(), bytes);
            taken.push(path);
        }
    }
    if rng.u8(..6) == 0 {
        tree.file(format!("files/{}/end.txt", "long-folder-name/".repeat(9).trim_end_matches('/')), "deep");
    }
    if depth < 2 && rng.bool() {
        subcharts(rng, &mut tree, depth);
    }
    tree
}

/// A chart that helm packs: hidden folders, archives at its root, links within it, empty folders, subcharts in folders and
/// archives, ignore rules, long and odd names, line ends and marks of Windows.
pub fn good(seed: u64) -> Tree {
    let rng = &mut Rng::with_seed(seed);
    let mut tree = chart(rng, &format!("good{seed}"), 0);
    if rng.bool() {
        let rules: Vec<_> = (0..rng.usize(1..6)).map(|_| RULES[rng.usize(..RULES.len())]).collect();
        tree.file(".helmignore", format!("{}\n", rules.join(if rng.bool() { "\n" } else { "\r\n" })));
    }
    if rng.u8(..3) == 0 {
        tree.entries.push(("empty/folder".to_owned(), Entry::Folder));
    }
    if rng.u8(..3) == 0 {
        tree.entries.push(("link.yaml".to_owned(), Entry::Link("Chart.yaml".to_owned())));
        tree.file("linked/inside/file.txt", "seen twice");
        tree.entries.push(("link-folder".to_owned(), Entry::Link("linked/inside".to_owned())));
    }
    tree
}

/// What a broken chart is broken by.
const BREAKS: usize = 34;

/// A chart that helm does not pack, broken in one place; the places take turns with the seed.
pub fn broken(seed: u64) -> Tree {
    let rng = &mut Rng::with_seed(seed ^ 0xb40c);
    let name = format!("broken{seed}");
    let mut tree = chart(rng, &name, 1);
    tree.entries.retain(|(path, _)| !path.starts_with("charts/") && !path.starts_with("requirements."));
    let head = |more: &str| format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n{more}");
    let (what, file, text): (_, &str, String) = match usize::try_from(seed).unwrap_or_default() % BREAKS {
        0 => ("no version", "Chart.yaml", format!("apiVersion: v2\nname: {name}\n")),
        1 => ("no name", "Chart.yaml", "apiVersion: v2\nversion: 1.0.0\n".into()),
        2 => ("bad version", "Chart.yaml", format!("name: {name}\nversion: 1.2.3.4\n")),
        3 => ("a version that is a word", "Chart.yaml", format!("name: {name}\nversion: latest\n")),
        4 => ("leading zero in a pre-release", "Chart.yaml", format!("name: {name}\nversion: 1.2.3-01\n")),
        5 => ("a name with a slash", "Chart.yaml", "name: a/b\nversion: 1.0.0\n".into()),
        6 => ("a name that leads up", "Chart.yaml", "name: ../b\nversion: 1.0.0\n".into()),
        7 => ("an unknown type", "Chart.yaml", head("type: operator\n")),
        8 => ("keywords that are a text", "Chart.yaml", head("keywords: a\n")),
        9 => ("deprecated as a text", "Chart.yaml", head("deprecated: 'true'\n")),
        10 => ("an empty maintainer", "Chart.yaml", head("maintainers:\n-\n")),
        11 => ("annotations that are a list", "Chart.yaml", head("annotations: [a]\n")),
        12 => ("a name that is a mapping", "Chart.yaml", "name: {a: b}\nversion: 1.0.0\n".into()),
        13 => (
            "an alias with a dot",
            "Chart.yaml",
            head("dependencies: [{name: x, alias: a.b, version: '1', repository: ''}]\n"),
        ),
        14 => (
            "one dependency twice",
            "Chart.yaml",
            head("dependencies: [{name: x, repository: a}, {name: x, repository: b}]\n"),
        ),
        15 => (
            "a dependency that is missing",
            "Chart.yaml",
            head("dependencies: [{name: gone, version: '1', repository: ''}]\n"),
        ),
        16 => ("an empty dependency", "Chart.yaml", head("dependencies:\n- null\n")),
        17 => ("Chart.yaml is no YAML", "Chart.yaml", "name: [\n".into()),
        18 => ("Chart.yaml is a list", "Chart.yaml", "- name: x\n".into()),
        19 => ("Chart.yaml is empty", "Chart.yaml", String::new()),
        20 => ("values with a tab", "values.yaml", "a:\n\t- b\n".into()),
        21 => ("values that are a list", "values.yaml", "- a\n".into()),
        22 => ("values that are a text", "values.yaml", "just words\n".into()),
        23 => ("values not closed", "values.yaml", "a: {b: 1\n".into()),
        24 => ("a schema that is no JSON", "values.schema.json", "{\"type\": }".into()),
        25 => ("a lock that is no YAML", "Chart.lock", "digest: [\n".into()),
        26 => ("a lock with a bad time", "Chart.lock", "generated: \"yesterday\"\n".into()),
        27 => ("two stars", ".helmignore", "**/x\n".into()),
        28 => ("a class that is not closed", ".helmignore", "ok\n[a\n".into()),
        29 => ("an empty class", ".helmignore", "[]a]\n".into()),
        30 => ("Chart.yaml left out", ".helmignore", "Chart.*\n".into()),
        31 => ("a file under charts/", "charts/README.md", "no chart\n".into()),
        32 => ("an archive that is none", "charts/x-1.0.0.tgz", "no archive".into()),
        _ => ("a subchart without version", "charts/x/Chart.yaml", "apiVersion: v2\nname: x\n".into()),
    };
    tree.file(file, text);
    match seed % 7 {
        0 if !matches!(file, ".helmignore" | "Chart.yaml") => {
            tree.entries.push(("me".to_owned(), Entry::Link(".".to_owned())));
        }
        1 if file == "values.yaml" => tree.entries.push(("gone".to_owned(), Entry::Link("nowhere".to_owned()))),
        _ => {}
    }
    tree.broken = what;
    tree
}
