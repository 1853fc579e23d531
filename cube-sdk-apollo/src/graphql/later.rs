//! From the document of a first page to that of a later one.

/// The same document under the name `…Next`, with the token as a variable that the paged field gets: the field that
/// selects `nextPageToken`. A text that is not of that form comes back as it is, which the validating test refuses.
pub(super) fn later(first: &str) -> String {
    rewritten(first).unwrap_or_else(|| first.to_owned())
}

fn rewritten(first: &str) -> Option<String> {
    let (head, body) = first.split_once(" {\n")?;
    let head = match head.strip_suffix(')') {
        Some(variables) => format!("{}, $pageToken: String!)", variables.replacen('(', "Next(", 1)),
        None => format!("{head}Next($pageToken: String!)"),
    };
    let token = body.find("nextPageToken")?;
    let mut closed = 0_usize;
    let opening = body[..token].char_indices().rev().find_map(|(at, c)| match c {
        '}' => {
            closed += 1;
            None
        }
        '{' if closed == 0 => Some(at),
        '{' => {
            closed -= 1;
            None
        }
        _ => None,
    })?;
    let arguments = body[..opening].trim_end().strip_suffix(')')?;
    Some(format!("{head} {{\n{arguments}, pageToken: $pageToken{}", &body[arguments.len()..]))
}
