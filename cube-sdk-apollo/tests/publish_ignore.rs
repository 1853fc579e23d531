//! What a package holds, over 500 generated charts with ignore files, beside a model that is written from Helm's documented
//! rules alone: it knows nothing of the crate's matcher or walk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use cube_sdk_apollo::publish::Chart;
use cube_sdk_testkit::apollo::charts::{self, Entry};

/// Go's pattern language, by trying everything: slow and plain.
fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some('*') => {
            let most = text.iter().position(|c| *c == '/').unwrap_or(text.len());
            (0..=most).any(|taken| fits(&pattern[1..], &text[taken..]))
        }
        Some('?') => !text.is_empty() && text[0] != '/' && fits(&pattern[1..], &text[1..]),
        Some('\\') => text.first() == Some(&pattern[1]) && fits(&pattern[2..], &text[1..]),
        Some('[') => {
            let negated = pattern[1] == '^';
            let start = 1 + usize::from(negated);
            let close = (start + 1..pattern.len()).find(|at| pattern[*at] == ']').unwrap();
            let Some(c) = text.first() else { return false };
            let class = &pattern[start..close];
            let found =
                if class.len() == 3 && class[1] == '-' { class[0] <= *c && *c <= class[2] } else { class.contains(c) };
            found != negated && fits(&pattern[close + 1..], &text[1..])
        }
        Some(c) => text.first() == Some(c) && fits(&pattern[1..], &text[1..]),
    }
}

fn says(rule: &str, path: &str, is_folder: bool) -> bool {
    let (negated, rule) = rule.strip_prefix('!').map_or((false, rule), |rule| (true, rule));
    let (folders_only, rule) = rule.strip_suffix('/').map_or((false, rule), |rule| (true, rule));
    let place = if rule.contains('/') { path } else { path.rsplit('/').next().unwrap() };
    let pattern: Vec<char> = rule.trim_start_matches('/').chars().collect();
    let matches = fits(&pattern, &place.chars().collect::<Vec<_>>()) && (!folders_only || is_folder);
    matches != negated
}

#[test]
fn five_hundred_charts_hold_what_the_model_says() {
    let mut ignored_somewhere = 0;
    for seed in 0..500 {
        let mut tree = charts::good(seed);
        // Links and subcharts are others' tests; rules with `!` now and then.
        tree.entries.retain(|(path, entry)| {
            !matches!(entry, Entry::Link(_))
                && !path.starts_with("charts/")
                && !path.starts_with("requirements.")
                && path != "Chart.lock"
        });
        tree.file("Chart.yaml", format!("apiVersion: v2\nname: c{seed}\nversion: 1.0.0\n"));
        let mut rules = tree.text(".helmignore");
        if seed % 25 == 0 {
            rules.push_str("!?*\n");
        }
        tree.file(".helmignore", rules.clone());
        let dir = tempfile::tempdir().unwrap();
        tree.write(dir.path()).unwrap();

        let lines = rules.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines: Vec<&str> = lines.chain(["templates/.?*"]).collect();
        let files =
            tree.entries.iter().filter(|(_, entry)| matches!(entry, Entry::File(_))).map(|(path, _)| path.as_str());
        let kept = files.clone().filter(|path| {
            let ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).collect();
            !ends.iter().any(|end| lines.iter().any(|rule| says(rule, &path[..*end], *end < path.len())))
        });
        let mut wanted: BTreeSet<String> = kept.map(|path| format!("c{seed}/{path}")).collect();
        ignored_somewhere += usize::from(wanted.len() < files.count());
        // helm drops what it does not know of a chart of v2.
        wanted.retain(|path| !path.ends_with("/requirements.yaml"));

        let contents =
            Chart::find(Some(dir.path())).unwrap().contents().unwrap_or_else(|e| panic!("{seed}: {rules}\n{e}"));
        let found: BTreeSet<String> = contents.files().into_iter().map(str::to_owned).collect();
        assert_eq!(found, wanted, "seed {seed}: {rules}");
    }
    assert!(ignored_somewhere > 100, "{ignored_somewhere}");
}
