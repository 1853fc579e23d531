//! What a document does: one look at its outermost words.

/// The kind of a document's one operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Query,
    Mutation,
    Subscription,
}

/// The kind of the one operation that a document has, fragments aside; none when it has none, several, or is none.
pub(crate) fn kind_of(document: &str) -> Option<Kind> {
    let mut rest = significant(document)?;
    let mut found = None;
    while !rest.is_empty() {
        let word =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(rest.as_str(), |end| &rest[..end]);
        let kind = match word {
            "query" => Some(Kind::Query),
            "mutation" => Some(Kind::Mutation),
            "subscription" => Some(Kind::Subscription),
            "" if rest.starts_with('{') => Some(Kind::Query),
            "fragment" => None,
            _ => return None,
        };
        if kind.is_some() && found.replace(kind?).is_some() {
            return None;
        }
        rest = after_selection(&rest)?.trim_start().to_owned();
    }
    found
}

/// The document without comments, with strings emptied: what is left has braces only where selections and values are.
fn significant(document: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = document.trim_start_matches('\u{feff}');
    while let Some(c) = rest.chars().next() {
        if c == '#' {
            rest = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]);
        } else if let Some(block) = rest.strip_prefix("\"\"\"") {
            let mut end = 0;
            loop {
                end += block.get(end..)?.find("\"\"\"")?;
                if !block[..end].ends_with('\\') {
                    break;
                }
                end += 3;
            }
            rest = &block[end + 3..];
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            })?;
            rest = &rest[end + 2..];
        } else {
            text.push(if c == ',' { ' ' } else { c });
            rest = &rest[c.len_utf8()..];
        }
    }
    Some(text.trim().to_owned())
}

/// What follows the selection set of the definition that begins here: the first braces outside parentheses.
fn after_selection(definition: &str) -> Option<&str> {
    let (mut round, mut curly) = (0_usize, 0_usize);
    for (at, c) in definition.char_indices() {
        match c {
            '(' => round += 1,
            ')' => round = round.checked_sub(1)?,
            '{' if round == 0 => curly += 1,
            '}' if round == 0 => {
                curly = curly.checked_sub(1)?;
                if curly == 0 {
                    return definition.get(at + 1..);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_operation_is_told() {
        let many = [
            ("{ me { id } }", Some(Kind::Query)),
            (
                "\u{feff}# mutation\n query A($x: In = {a: {b: 1}}) @d(v: \"}\") { a(s: \"{ \\\" mutation\") }",
                Some(Kind::Query),
            ),
            ("fragment F on T { a } mutation { b { ...F } }", Some(Kind::Mutation)),
            ("mutation M { b(t: \"\"\"} \\\"\"\" {\"\"\") } fragment F on T { a }", Some(Kind::Mutation)),
            ("subscription { a }", Some(Kind::Subscription)),
            ("query A { a } query B { b }", None),
            ("fragment F on T { a }", None),
            ("type T { a: Int }", None),
            ("mutations { a }", None),
            ("query { a", None),
            ("query { a } }", None),
            ("query \"", None),
            ("", None),
        ];
        for (document, kind) in many {
            assert_eq!(kind_of(document), kind, "{document}");
        }
    }
}
