//! `.helmignore`: Helm's rules, which are not git's.

mod pattern;

use std::fs;
use std::path::Path;

use cube_sdk_core::{Error, Result};

use super::PublishFault;
use pattern::Pattern;

/// The rules of a chart's `.helmignore`, and Helm's own last one, `templates/.?*`.
///
/// A path is left out when any rule says so: a plain rule does where it matches, one with `!` where it does **not**
/// match. All leading slashes are dropped, as helm 3 does (helm 4 drops one). No rule brings back what another left out. A directory that is left out takes all below it along.
///
/// ```
/// use cube_sdk_apollo::publish::IgnoreRules;
///
/// let rules = IgnoreRules::parse("# docs\n*.md\nbuild/\n")?;
/// assert!(rules.ignores("docs/guide.md", false));
/// assert!(rules.ignores("x/build", true) && !rules.ignores("x/build", false));
/// assert!(rules.ignores("templates/.swp", false));
/// assert_eq!(IgnoreRules::parse("*\n!Chart.yaml\n")?.negations(), ["!Chart.yaml"]);
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
    negations: Vec<String>,
}

#[derive(Clone, Debug)]
struct Rule {
    negated: bool,
    folders_only: bool,
    /// Against the whole path, else the base name alone.
    whole: bool,
    /// None for one that Helm takes and that never matches.
    pattern: Option<Pattern>,
}

impl IgnoreRules {
    /// The rules of a chart; without a file, Helm's own alone.
    pub(super) fn of_chart(folder: &Path) -> Result<Self> {
        let file = folder.join(".helmignore");
        let shown = || file.display().to_string();
        // As Helm: what cannot be asked about is not there.
        if fs::metadata(&file).is_err() {
            return Self::parse("");
        }
        let bytes = fs::read(&file).map_err(|cause| Error::io(format!("reading {}", shown()), cause))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            PublishFault::Unreadable { file: ".helmignore".to_owned() }.refuse("it is not UTF-8").with_target(shown())
        })?;
        Self::parse(&text).map_err(|error| error.with_target(shown()))
    }

    /// Reads the text of a `.helmignore`.
    ///
    /// # Errors
    /// `InvalidInput`, naming the line, for `**` and a bad pattern.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut read = Self { rules: Vec::new(), negations: Vec::new() };
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refuse = |why: &str| {
                let shown = line.escape_debug();
                PublishFault::BadRule { line: at + 1 }
                    .refuse(format!("line {} of the ignore file, `{shown}`, {why}", at + 1))
            };
            if line.contains("**") {
                return Err(refuse("holds `**`, which Helm does not know"));
            }
            if Pattern::parse(line).is_none() {
                return Err(refuse("is no pattern"));
            }
            if line.starts_with('!') {
                read.negations.push(line.to_owned());
            }
            read.rules.push(Rule::parse(line));
        }
        read.rules.push(Rule::parse("templates/.?*"));
        Ok(read)
    }

    /// Is a path of the chart, `/`-separated, left out by itself? A path below a directory that is left out is never asked
    /// about.
    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        !matches!(path, "" | "." | "./") && self.rules.iter().any(|rule| rule.says(path, is_folder))
    }

    /// The lines with `!`, as they stand.
    pub fn negations(&self) -> &[String] {
        &self.negations
    }
}

impl Rule {
    fn parse(line: &str) -> Self {
        let rest = line.strip_prefix('!');
        let negated = rest.is_some();
        let rest = rest.unwrap_or(line);
        let bare = rest.strip_suffix('/');
        let folders_only = bare.is_some();
        let rest = bare.unwrap_or(rest);
        Self { negated, folders_only, whole: rest.contains('/'), pattern: Pattern::parse(rest.trim_start_matches('/')) }
    }

    fn says(&self, path: &str, is_folder: bool) -> bool {
        let place = if self.whole { path } else { path.rsplit('/').next().unwrap_or(path) };
        let applies = !self.folders_only || is_folder;
        let matches = applies && self.pattern.as_ref().is_some_and(|pattern| pattern.matches(place));
        matches != self.negated
    }
}

#[cfg(test)]
mod tests;
