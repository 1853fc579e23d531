//! What the query services check of parameters before anything else, all of them at once, in their words.

use std::ops::RangeInclusive;

use super::error::ApiError;

/// The characters that a parameter may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Letters, digits, `_`, and these marks; `shown` is the expression that AWS prints.
    Words { marks: &'static str, shown: &'static str },
    /// Policies: U+0020 to U+00FF, tab, LF and CR.
    Latin1,
    /// ARNs: everything but control characters, noncharacters and U+007F to U+009F without U+0085.
    Text,
}

impl Pattern {
    fn admits(self, c: char) -> bool {
        match self {
            Self::Words { marks, .. } => c.is_ascii_alphanumeric() || c == '_' || marks.contains(c),
            Self::Latin1 => matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FF}'),
            Self::Text => {
                matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7E}' | '\u{85}' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
            }
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Words { shown, .. } => shown,
            Self::Latin1 => "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
            Self::Text => {
                "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+"
            }
        }
    }
}

/// The constraints that a request breaks.
#[derive(Debug, Default)]
pub(crate) struct Constraints(Vec<String>);

impl Constraints {
    /// Length in characters, and the characters themselves.
    pub(crate) fn text(&mut self, value: &str, parameter: &str, length: RangeInclusive<usize>, pattern: Pattern) {
        let count = value.chars().count();
        if count < *length.start() {
            self.broken(value, parameter, &format!("have length greater than or equal to {}", length.start()));
        }
        if count > *length.end() {
            self.broken(value, parameter, &format!("have length less than or equal to {}", length.end()));
        }
        if !value.chars().all(|c| pattern.admits(c)) {
            self.broken(value, parameter, &format!("satisfy regular expression pattern: {}", pattern.shown()));
        }
    }

    pub(crate) fn number(&mut self, value: u32, parameter: &str, range: RangeInclusive<u32>) {
        if value < *range.start() {
            self.broken(
                &value.to_string(),
                parameter,
                &format!("have value greater than or equal to {}", range.start()),
            );
        }
        if value > *range.end() {
            self.broken(&value.to_string(), parameter, &format!("have value less than or equal to {}", range.end()));
        }
    }

    fn broken(&mut self, value: &str, parameter: &str, rule: &str) {
        self.0.push(format!("Value '{value}' at '{parameter}' failed to satisfy constraint: Member must {rule}"));
    }

    /// 400 `ValidationError` with all of them.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{count} validation error{plural} detected: {}", self.0.join("; "));
        Err(ApiError::sender(400, "ValidationError", &message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broken_constraint_is_named() {
        let mut constraints = Constraints::default();
        constraints.text("a b", "roleSessionName", 2..=64, Pattern::Words { marks: "+=,.@-", shown: "[\\w+=,.@-]*" });
        constraints.text("", "policy", 1..=4, Pattern::Latin1);
        constraints.number(5, "durationSeconds", 900..=43_200);
        let refused = constraints.finish().map_err(|error| error.message);
        let expected = "3 validation errors detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member \
                        must satisfy regular expression pattern: [\\w+=,.@-]*; Value '' at 'policy' failed to satisfy \
                        constraint: Member must have length greater than or equal to 1; Value '5' at 'durationSeconds' \
                        failed to satisfy constraint: Member must have value greater than or equal to 900";
        assert_eq!(refused, Err(expected.to_owned()));
        assert!(Constraints::default().finish().is_ok());
    }

    #[test]
    fn policies_are_latin_1() {
        for (text, good) in [
            ("a\t\r\n ~é\u{FF}", true),
            ("\u{7F}\u{9F}", true),
            ("–", false),
            ("\u{100}", false),
            ("\u{0}", false),
            ("\u{1F}", false),
            ("模型", false),
        ] {
            assert_eq!(text.chars().all(|c| Pattern::Latin1.admits(c)), good, "{text:?}");
        }
    }
}
