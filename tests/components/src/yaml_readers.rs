//! Real readers of YAML: PyYAML, and helm 3 and 4.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use serde_json::Value;

use super::{PYTHON, component, missing, python, workspace};

/// How the two helms are installed.
const HELM: &str = "tests/real/install, then CUBE_REAL_BIN=target/real/bin";

/// What a reader saw in each text, by name; none where it refused it.
pub type Seen = BTreeMap<String, Option<Value>>;

/// A reader of many texts at once.
#[derive(Clone, Debug)]
pub enum YamlReader {
    /// An interpreter with PyYAML.
    PyYaml(PathBuf),
    /// A helm.
    Helm(PathBuf),
}

impl YamlReader {
    /// PyYAML, helm 3 and helm 4; none when one may be skipped.
    ///
    /// # Panics
    /// When one is required and missing.
    pub fn all() -> Option<[Self; 3]> {
        let python = python("yaml")?;
        let helm = |major: &str| {
            let name = format!("helm{major}");
            let found = component(&name, HELM)?;
            let version = Command::new(&found).args(["version", "--short"]).output().ok()?;
            if String::from_utf8_lossy(&version.stdout).starts_with(&format!("v{major}.")) {
                return Some(Self::Helm(found));
            }
            missing(&name, HELM);
            None
        };
        Some([Self::PyYaml(python), helm("3")?, helm("4")?])
    }

    /// Reads every text.
    ///
    /// # Panics
    /// When the reader cannot be run, or says nothing of a text.
    pub fn read(&self, texts: &BTreeMap<String, String>) -> Seen {
        let dir = tempfile::tempdir().expect("a directory for texts");
        let files = dir.path().join("texts");
        std::fs::create_dir(&files).expect("a directory for texts");
        for (name, text) in texts {
            std::fs::write(files.join(name), text).expect("a text can be written");
        }
        let seen = match self {
            Self::PyYaml(python) => py_yaml(python, &files),
            Self::Helm(helm) => template(helm, dir.path()),
        };
        assert_eq!(seen.len(), texts.len(), "{self:?} says nothing of some texts");
        seen
    }

    /// As a values file: what `helm template -f` prints of it by `toYaml`; none where helm refuses it. Nothing for
    /// PyYAML, which has no such way.
    ///
    /// # Panics
    /// When helm cannot be run.
    pub fn values(&self, text: &str) -> Option<String> {
        let Self::Helm(helm) = self else { return None };
        let dir = tempfile::tempdir().expect("a directory for a chart");
        std::fs::write(dir.path().join("v.yaml"), text).expect("values can be written");
        chart(dir.path(), "{{ .Values | toYaml }}\n");
        let values = dir.path().join("v.yaml");
        let output =
            Command::new(helm).arg("template").arg(dir.path()).arg("-f").arg(values).output().expect("helm runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn py_yaml(python: &Path, files: &Path) -> Seen {
    let script = workspace().join("tests/real/read_yaml.py");
    let output = Command::new(python).arg(script).arg(files).output().expect("python3 runs");
    assert!(output.status.success(), "{PYTHON}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("a line of JSON");
        let name = line["name"].as_str().unwrap_or_default().to_owned();
        (name, line.get_mut("read").map(Value::take))
    });
    lines.collect()
}

/// One chart that prints every file of `texts` as one line: in base64, since helm reads what it printed as YAML, which
/// allows fewer characters than JSON.
fn template(helm: &Path, dir: &Path) -> Seen {
    let lines = "{{- range $path, $_ := .Files.Glob \"texts/*\" }}\n{{ base $path | quote }}: \
                 {{ $.Files.Get $path | fromYaml | toJson | b64enc }}\n{{- end }}\n";
    chart(dir, lines);
    let output = Command::new(helm).arg("template").arg(dir).output().expect("helm runs");
    assert!(output.status.success(), "helm: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let lines = text.lines().filter_map(|line| {
        let (name, read) = line.strip_prefix('"')?.split_once("\": ")?;
        let read = base64::engine::general_purpose::STANDARD.decode(read).expect("base64");
        let read: Value = serde_json::from_slice(&read).expect("a tree as JSON");
        Some((name.to_owned(), if read.get("Error").is_some() { None } else { Some(read) }))
    });
    lines.collect()
}

fn chart(dir: &Path, template: &str) {
    std::fs::create_dir(dir.join("templates")).expect("a directory for a chart");
    std::fs::write(dir.join("Chart.yaml"), "apiVersion: v2\nname: reader\nversion: 0.1.0\n").expect("a chart");
    std::fs::write(dir.join("templates/all.yaml"), template).expect("a template");
}
