//! A text of someone else on one line.

use std::borrow::Cow;

/// A text on one line, at most `limit` characters and an ellipsis: for names and words that come from elsewhere and
/// are shown to people.
///
/// Control characters, line breaks of every alphabet and invisible characters that turn or hide text (bidirectional
/// controls, zero widths, tags) are written as escapes, so that no text can pass for other lines or other words.
///
/// ```
/// use cube_sdk_core::redact::one_line;
/// assert_eq!(one_line("a\nb\u{202e}c", 40), r"a\nb\u{202e}c");
/// assert_eq!(one_line("abcdef", 3), "abc…");
/// ```
pub fn one_line(text: &str, limit: usize) -> Cow<'_, str> {
    // A text of so many bytes has no more characters.
    if !text.contains(is_hidden) && (text.len() <= limit || text.chars().nth(limit).is_none()) {
        return Cow::Borrowed(text);
    }
    let mut line = String::new();
    let mut room = limit;
    for c in text.chars() {
        let width = if is_hidden(c) { c.escape_default().count() } else { 1 };
        if width > room {
            line.push('…');
            break;
        }
        room -= width;
        if is_hidden(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    Cow::Owned(line)
}

/// Does this character break the line, or show nothing itself and change what is seen around it?
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}
