//! From the files of a chart to those of its package: what helm drops is dropped, what it refuses is refused, packed
//! subcharts are unpacked into folders named for them.

use std::collections::{BTreeMap, BTreeSet};

use cube_sdk_core::{Error, Result, Timestamp};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::content::Content;
use super::{Found, unpack};
use crate::entity_config::TopLevel;
use crate::publish::PublishFault;
use crate::publish::chart::{Metadata, requirements};

/// Subcharts in subcharts, at most.
const DEEPEST: usize = 24;

/// A chart whose files are those of a package, `/`-separated below its folder.
pub(super) struct Assembled {
    pub(super) metadata: Metadata,
    pub(super) files: BTreeMap<String, Content>,
}

/// Assembles a chart; `shown` is where it lies, `.` for the outermost.
pub(super) fn assemble(found: Vec<Found>, shown: &str, depth: usize) -> Result<Assembled> {
    let at = |place: &str| if shown == "." { place.to_owned() } else { format!("{shown}/{place}") };
    if depth > DEEPEST {
        return Err(PublishFault::BadSubchart(shown.to_owned())
            .refuse(format!("{shown}: charts in charts go deeper than {DEEPEST}")));
    }
    let chart_file = found.iter().find(|file| file.place == "Chart.yaml").ok_or_else(|| no_chart(shown))?;
    let chart_file = chart_file.content.clone();
    let text = chart_file.text(&at("Chart.yaml"))?;
    let metadata = Metadata::read(&text, &at("Chart.yaml"))?;
    let mut assembling = Assembling {
        files: BTreeMap::from([("Chart.yaml".to_owned(), chart_file)]),
        required: metadata.dependencies.clone(),
        metadata,
        subcharts: BTreeMap::new(),
        depth,
    };
    for file in found {
        let shown = at(&file.place);
        assembling.take(file, &shown, &text)?;
    }
    let names = assembling.subcharts(shown)?;
    // helm asks for the dependencies of the outermost chart alone.
    let missing = assembling.required.iter().find(|name| depth == 0 && !names.contains(*name));
    if let Some(missing) = missing {
        return Err(PublishFault::MissingDependency(missing.clone())
            .refuse(format!("the dependency `{}` is not under charts/", missing.escape_debug()))
            .advice("fetch it first, with `helm dependency build`"));
    }
    Ok(Assembled { metadata: assembling.metadata, files: assembling.files })
}

struct Assembling {
    metadata: Metadata,
    files: BTreeMap<String, Content>,
    required: Vec<String>,
    subcharts: BTreeMap<String, Vec<Found>>,
    depth: usize,
}

impl Assembling {
    fn take(&mut self, file: Found, shown: &str, chart_text: &str) -> Result<()> {
        let Found { place, content } = file;
        match place.as_str() {
            "Chart.yaml" => return Ok(()),
            "Chart.lock" => {
                check_lock(&content, shown)?;
                if self.metadata.is_v1 {
                    return Ok(());
                }
                // requirements.lock, where both are there, holds: helm reads it last.
                self.files.entry(place).or_insert(content);
                return Ok(());
            }
            "requirements.lock" => {
                check_lock(&content, shown)?;
                let place = if self.metadata.is_v1 { place } else { "Chart.lock".to_owned() };
                self.files.insert(place, content);
                return Ok(());
            }
            "requirements.yaml" => return self.requirements(content, shown, chart_text),
            "values.yaml" => check_values(&content.text(shown)?, shown)?,
            "values.schema.json" => {
                serde_json::from_slice::<IgnoredAny>(&content.bytes(shown)?)
                    .map_err(|cause| unreadable(shown, "it is not JSON").cause(cause))?;
            }
            _ => {}
        }
        if let Some(inner) = place.strip_prefix("charts/").filter(|inner| !inner.ends_with(".prov")) {
            let first = inner.split('/').next().unwrap_or(inner).to_owned();
            let found = Found { place: inner.to_owned(), content };
            self.subcharts.entry(first).or_default().push(found);
            return Ok(());
        }
        self.files.insert(place, content);
        Ok(())
    }

    fn requirements(&mut self, content: Content, shown: &str, chart_text: &str) -> Result<()> {
        let text = content.text(shown)?;
        let (names, alone) = requirements(&text).ok_or_else(|| unreadable(shown, "it is no list of dependencies"))?;
        if self.metadata.is_v1 {
            self.required = names;
            self.files.insert("requirements.yaml".to_owned(), content);
            return Ok(());
        }
        // A chart of v2 keeps its dependencies in Chart.yaml, where helm moves these.
        if names.is_empty() {
            return Ok(());
        }
        if !alone || self.metadata.has_dependencies_field {
            return Err(unreadable(shown, "a chart of apiVersion v2 keeps its dependencies in Chart.yaml")
                .advice("move them there and remove the file"));
        }
        let joined = format!("{}\n{}", chart_text.trim_end_matches(['\r', '\n']), text);
        let again = Metadata::read(&joined, shown)?;
        if again.dependencies != names {
            return Err(unreadable(shown, "its dependencies cannot be moved into Chart.yaml"));
        }
        self.required = names;
        self.files.insert("Chart.yaml".to_owned(), Content::Bytes(joined.into_bytes().into()));
        Ok(())
    }

    /// Assembles what lies under `charts/`; the names that it found.
    fn subcharts(&mut self, shown: &str) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for (entry, mut found) in std::mem::take(&mut self.subcharts) {
            if entry.starts_with(['_', '.']) {
                continue;
            }
            let at = if shown == "." { format!("charts/{entry}") } else { format!("{shown}/charts/{entry}") };
            let inner = if entry.ends_with(".tgz") {
                // A folder of such a name is refused, as helm does.
                let file = found.swap_remove(0);
                if file.place != entry {
                    return Err(
                        PublishFault::BadSubchart(at.clone()).refuse(format!("{at} is a folder, not an archive"))
                    );
                }
                unpack::unpack(&file.content.bytes(&at)?, &at)?
            } else {
                let inner = found.into_iter().filter_map(|file| {
                    let (_, place) = file.place.split_once('/')?;
                    Some(Found { place: place.to_owned(), content: file.content })
                });
                inner.collect()
            };
            let chart = assemble(inner, &at, self.depth + 1)?;
            let name = chart.metadata.name.to_string();
            if !names.insert(name.clone()) {
                return Err(PublishFault::BadSubchart(at)
                    .refuse(format!("two charts under {shown}/charts are named `{}`", name.escape_debug()))
                    .advice("a package holds one of a name: helm would write one over the other"));
            }
            for (place, content) in chart.files {
                self.files.insert(format!("charts/{name}/{place}"), content);
            }
        }
        Ok(names)
    }
}

fn no_chart(shown: &str) -> Error {
    if shown == "." {
        return PublishFault::NoChart
            .refuse("the package would hold no Chart.yaml")
            .advice("see whether a rule of .helmignore leaves it out");
    }
    PublishFault::BadSubchart(shown.to_owned())
        .refuse(format!("{shown} is no chart: it has no Chart.yaml"))
        .advice("only charts belong under charts/; leave the rest out by .helmignore")
}

fn unreadable(file: &str, why: &str) -> Error {
    PublishFault::Unreadable { file: file.to_owned() }.refuse(format!("{file} cannot be read: {why}"))
}

/// Nothing but blank lines and comments.
fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

/// Each document is a mapping or nothing.
fn check_values(text: &str, shown: &str) -> Result<()> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---").map(str::trim);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#')) {
            documents.push(String::new());
        } else if let Some(last) = documents.last_mut() {
            last.push_str(line);
        }
    }
    for document in documents.iter().filter(|document| !is_blank(document)) {
        let top = TopLevel::read(document).ok_or_else(|| unreadable(shown, "it is not YAML"))?;
        if !top.is_mapping() && !top.is_nothing() {
            return Err(unreadable(shown, "its top level is not a mapping"));
        }
    }
    Ok(())
}

fn check_lock(content: &Content, shown: &str) -> Result<()> {
    let text = content.text(shown)?;
    if is_blank(&text) {
        return Ok(());
    }
    let value = TopLevel::read(&text).and_then(|top| top.value());
    let map = match value {
        Some(Value::Null) => return Ok(()),
        Some(Value::Object(map)) => map,
        _ => return Err(unreadable(shown, "it is no mapping")),
    };
    let fits =
        |key: &str, fits: &dyn Fn(&Value) -> bool| map.get(key).is_none_or(|value| value.is_null() || fits(value));
    let is_time = |value: &Value| value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok());
    let is_list =
        |value: &Value| value.as_array().is_some_and(|items| items.iter().all(|i| i.is_object() || i.is_null()));
    let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
    if fits("generated", &is_time) && fits("digest", &is_scalar) && fits("dependencies", &is_list) {
        return Ok(());
    }
    Err(unreadable(shown, "it is no lock file").advice("make it anew with `helm dependency update`"))
}
