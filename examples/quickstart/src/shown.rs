//! The lines of a step's source that did it, as the reader of the story sees them.
//!
//! They stand between `// shown: NAME` and `// end` in the source itself, so that what is shown is what ran.

/// A source file of this program, by its place in the repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// From the repository's root.
    pub(crate) place: &'static str,
    pub(crate) text: &'static str,
}

/// The source of a file beside the caller's crate root.
macro_rules! source {
    ($file:literal) => {
        $crate::shown::Source {
            place: concat!("examples/quickstart/src/", $file),
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/", $file)),
        }
    };
}
pub(crate) use source;

impl Source {
    /// The shown lines of a step, without the indentation that they share. None for a name that is not there.
    pub(crate) fn lines(self, name: &str) -> Vec<&'static str> {
        let begin = format!("// shown: {name}");
        let inside = self.text.lines().skip_while(|line| line.trim() != begin).skip(1);
        let lines: Vec<_> = inside.take_while(|line| line.trim() != "// end").collect();
        let indent = |line: &&str| line.len() - line.trim_start().len();
        let shared = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or_default();
        lines.into_iter().map(|line| line.get(shared..).unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn the_lines_between_the_marks_without_their_indentation() {
        let text =
            "fn a() {\n    // shown: one\n    let x = 1;\n\n    if x > 0 {\n        b();\n    }\n    // end\n}\n";
        let source = Source { place: "here", text };
        assert_eq!(source.lines("one"), ["let x = 1;", "", "if x > 0 {", "    b();", "}"]);
        assert!(source.lines("two").is_empty());
    }
}
