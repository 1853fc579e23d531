//! Policy variables (IAM user guide, policy variables): `${aws:username}`, `${key, 'default'}`, and the three characters
//! that would mean something else: `${*}`, `${?}` and `${$}`.

use super::condition::Context;
use super::pattern::{Piece, matches_pieces, pieces};

/// Whether a document's version knows variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variables {
    Resolved,
    /// `${…}` stands for itself.
    Literal,
}

/// A text of a policy, its variables found but not yet resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// As written: stars are stars.
    Text(String),
    /// `${*}`, `${?}`, `${$}`: the character itself.
    Character(char),
    Variable {
        /// In lower case, as AWS compares keys.
        key: String,
        default: Option<String>,
    },
}

impl Template {
    pub(super) fn new(text: &str, variables: Variables) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while variables == Variables::Resolved
            && let Some((before, inside, after)) = split_variable(rest)
        {
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::of(inside));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Self(parts)
    }

    /// A resource: variables count only behind the fifth colon of the ARN.
    pub(super) fn resource(text: &str, variables: Variables) -> Self {
        let colon = text.char_indices().filter(|(_, c)| *c == ':').nth(4).map(|(at, _)| at + 1);
        let (front, back) = text.split_at(colon.unwrap_or(text.len()));
        let mut parts = vec![Part::Text(front.to_owned())];
        parts.extend(Self::new(back, variables).0);
        Self(parts)
    }

    /// The text, its stars standing for themselves; none while a variable has no value.
    pub(super) fn text(&self, context: &Context) -> Option<String> {
        self.0.iter().map(|part| part.value(context)).collect()
    }

    /// Whether a text matches; never while a variable has no value. What a variable stands for is taken literally.
    pub(super) fn is_like(&self, text: &str, context: &Context) -> bool {
        self.pieces(context).is_some_and(|pattern| matches_pieces(&pattern, text))
    }

    /// Whether an ARN matches, each of its six parts for itself.
    pub(super) fn is_like_arn(&self, arn: &str, context: &Context) -> bool {
        let Some(pattern) = self.pieces(context) else { return false };
        let patterns: Vec<&[Piece]> = pattern.splitn(6, |piece| *piece == Piece::Literal(':')).collect();
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        patterns.len() == parts.len() && patterns.iter().zip(parts).all(|(pattern, part)| matches_pieces(pattern, part))
    }

    fn pieces(&self, context: &Context) -> Option<Vec<Piece>> {
        let mut all = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => all.extend(pieces(text)),
                other => all.extend(other.value(context)?.chars().map(Piece::Literal)),
            }
        }
        Some(all)
    }
}

impl Part {
    fn of(inside: &str) -> Self {
        if let "*" | "?" | "$" = inside {
            return Self::Character(inside.chars().next().unwrap_or_default());
        }
        let (key, default) =
            inside.split_once(',').map_or((inside, None), |(key, default)| (key, Some(default.trim())));
        let default = default.and_then(|text| text.strip_prefix('\'')?.strip_suffix('\''));
        Self::Variable { key: key.trim().to_ascii_lowercase(), default: default.map(str::to_owned) }
    }

    fn value(&self, context: &Context) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Character(c) => Some(c.to_string()),
            Self::Variable { key, default } => context.get(key).or(default.as_ref()).cloned(),
        }
    }
}

/// What stands before, in and behind the first `${…}`.
fn split_variable(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (inside, after) = rest.split_once('}')?;
    Some((before, inside, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        [("aws:username", "bo*b"), ("s3:prefix", "home/")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    #[test]
    fn table() {
        for (template, text, expected) in [
            ("a${*}b", "a*b", true),
            ("a${*}b", "axb", false),
            ("a${?}b", "a?b", true),
            ("a${?}b", "axb", false),
            ("${$}{x}", "${x}", true),
            ("a*${*}", "abc*", true),
            ("a*${*}", "abc", false),
            ("home/${aws:username}/*", "home/bo*b/x", true),
            // The star of a value is no star.
            ("home/${aws:username}/*", "home/boxb/x", false),
            ("home/${AWS:UserName}", "home/bo*b", true),
            ("${aws:none, 'all'}-x", "all-x", true),
            ("${ aws:none ,'a b' }", "a b", true),
            ("${aws:username, 'other'}", "bo*b", true),
            // No value and no default: nothing matches, not even with a star beside it.
            ("*${aws:none}*", "anything", false),
            ("a${unfinished", "a${unfinished", true),
            ("$a$", "$a$", true),
        ] {
            let template_ = Template::new(template, Variables::Resolved);
            assert_eq!(template_.is_like(text, &context()), expected, "{template} over {text}");
        }
        assert_eq!(Template::new("a*${*}", Variables::Resolved).text(&context()), Some("a**".to_owned()));
        assert_eq!(Template::new("${aws:none}", Variables::Resolved).text(&context()), None);
    }

    #[test]
    fn the_older_language_takes_them_literally() {
        let old = Template::new("a${*}", Variables::Literal);
        assert!(old.is_like("a${b}", &context()) && !old.is_like("a*", &context()));
    }

    #[test]
    fn a_resource_has_variables_only_behind_the_fifth_colon() {
        let resource = |text| Template::resource(text, Variables::Resolved);
        assert!(resource("arn:aws:s3:::b/${s3:prefix}*").is_like("arn:aws:s3:::b/home/x", &context()));
        assert!(!resource("arn:aws:${s3:prefix}:::b").is_like("arn:aws:home/:::b", &context()));
        assert!(resource("*").is_like("arn:aws:s3:::b", &context()));
    }

    #[test]
    fn arns_match_part_by_part() {
        let like = |pattern, arn| Template::new(pattern, Variables::Resolved).is_like_arn(arn, &context());
        assert!(like("arn:aws:iam::*:role/r*", "arn:aws:iam::111122223333:role/reader"));
        assert!(!like("arn:*:role/reader", "arn:aws:iam::111122223333:role/reader"));
        assert!(like("arn:aws:sns:*:*:a:b", "arn:aws:sns:r:1:a:b"));
        assert!(!like("arn:aws:iam::1:role/x", "*"));
    }
}
