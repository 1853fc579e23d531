//! Patterns as Go's `filepath.Match` has them, its leftmost choice behind each `*` included.

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Chunk>);

/// What stands between two stars.
#[derive(Clone, Debug, Default)]
struct Chunk {
    star: bool,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Token {
    Byte(u8),
    One,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// None for a bad pattern.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut chunks = vec![Chunk::default()];
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let token = match c {
                '*' => {
                    chunks.push(Chunk { star: true, tokens: Vec::new() });
                    continue;
                }
                '?' => vec![Token::One],
                '[' => vec![class(&mut chars)?],
                '\\' => bytes(chars.next()?),
                c => bytes(c),
            };
            chunks.last_mut()?.tokens.extend(token);
        }
        // Of stars in a row one counts, but for the first chunk, which may be empty.
        let last = chunks.len() - 1;
        let mut at = 0;
        chunks.retain(|chunk| {
            at += 1;
            at - 1 == last || !(chunk.star && chunk.tokens.is_empty())
        });
        Some(Self(chunks))
    }

    /// Does it match the whole text?
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut rest = text.as_bytes();
        'chunks: for (at, chunk) in self.0.iter().enumerate() {
            let last = at + 1 == self.0.len();
            if chunk.star && chunk.tokens.is_empty() {
                return !rest.contains(&b'/');
            }
            let fits = |after: &[u8]| after.is_empty() || !last;
            if let Some(after) = chunk.strip(rest).filter(|after| fits(after)) {
                rest = after;
                continue;
            }
            if chunk.star {
                for skipped in 0..rest.len() {
                    if rest[skipped] == b'/' {
                        break;
                    }
                    if let Some(after) = chunk.strip(&rest[skipped + 1..]).filter(|after| fits(after)) {
                        rest = after;
                        continue 'chunks;
                    }
                }
            }
            return false;
        }
        rest.is_empty()
    }
}

fn bytes(c: char) -> Vec<Token> {
    c.encode_utf8(&mut [0; 4]).bytes().map(Token::Byte).collect()
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Some(Token::Class { negated, ranges });
        }
        let low = class_char(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { class_char(chars)? } else { low };
        ranges.push((low, high));
    }
}

fn class_char(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
    // A class that ends with the pattern is not closed.
    .filter(|_| chars.peek().is_some())
}

impl Chunk {
    /// What is left behind a match at the start.
    fn strip<'t>(&self, mut text: &'t [u8]) -> Option<&'t [u8]> {
        for token in &self.tokens {
            let (c, length) = first(text)?;
            let taken = match token {
                Token::Byte(byte) => (text[0] == *byte).then_some(1),
                Token::One => (c != '/').then_some(length),
                Token::Class { negated, ranges } => {
                    (ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated).then_some(length)
                }
            }?;
            text = &text[taken..];
        }
        Some(text)
    }
}

/// The first character; a byte within one, where a star may have stopped, counts as one of its own.
fn first(text: &[u8]) -> Option<(char, usize)> {
    let head = &text[..text.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(c) => Some((c, c.len_utf8())),
        None => (!text.is_empty()).then_some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_leftmost_choice_holds() {
        let matches = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().matches(text);
        // Go does not come back to an earlier star.
        assert!(!matches("*[^a]*b", "x/yb"));
        assert!(matches("*[^a]b", "x/b"));
        assert!(matches("a*b*c", "a1b2b3c"));
        assert!(!matches("a*b*c", "a1b2b3cd"));
        assert!(matches("***", "abc") && !matches("***", "a/c") && matches("a***b", "ab"));
        assert!(matches("?", "é") && !matches("??", "é") && matches("[é-ü]", "ê"));
        assert!(matches("", "") && !matches("", "a"));
        assert!(matches("a\\*b", "a*b") && !matches("a\\*b", "acb"));
    }
}
