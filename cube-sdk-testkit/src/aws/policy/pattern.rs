//! `*` and `?` as policies use them: over the whole text, `*` crossing every separator.

/// A pattern taken apart, so that a star that came from a variable's value is told from one that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Exactly this character.
    Literal(char),
    /// `?`: exactly one character.
    One,
    /// `*`: any run of characters, also none.
    Run,
}

/// The pieces of a pattern without variables.
pub(super) fn pieces(pattern: &str) -> impl Iterator<Item = Piece> {
    pattern.chars().map(|c| match c {
        '*' => Piece::Run,
        '?' => Piece::One,
        other => Piece::Literal(other),
    })
}

/// Whether `text` as a whole matches `pattern`, where `*` stands for any run of characters and `?` for exactly one.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    matches_pieces(&pieces(pattern).collect::<Vec<_>>(), text)
}

/// [`matches()`] over pieces.
///
/// Linear in both for one star, quadratic at worst: only the last star is ever tried again.
pub(super) fn matches_pieces(pattern: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Piece::Run) => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&piece) if piece == Piece::One || piece == Piece::Literal(text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    p = star + 1;
                    t = from + 1;
                    retry = Some((star, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|piece| *piece == Piece::Run)
}

/// [`matches()`] without regard to ASCII case: actions are compared so.
pub(super) fn matches_ignoring_case(pattern: &str, text: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition itself, exponential: the reference.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| by_definition(rest, &text[skip..])),
            Some((&c, rest)) => {
                text.split_first().is_some_and(|(&t, tail)| (c == '?' || c == t) && by_definition(rest, tail))
            }
        }
    }

    #[test]
    fn table() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("?", "é", true),
            ("a*b", "ab", true),
            ("a*b", "a/x/b", true),
            ("a*b", "abc", false),
            ("*a*b*", "xxaybz", true),
            ("arn:aws:s3:::models/*", "arn:aws:s3:::models/vision/net.onnx", true),
            ("arn:aws:s3:::models/*", "arn:aws:s3:::models", false),
            ("arn:aws:s3:::models/*", "arn:aws:s3:::models-eu/x", false),
            ("a**?", "a", false),
            ("a**?", "ab", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} over {text}");
        }
        assert!(matches_ignoring_case("S3:get*", "s3:GetObject"));
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab?*]{0,7}", text in "[ab?*]{0,8}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), by_definition(&p, &t));
        }

        #[test]
        fn every_text_matches_itself_with_stars_around(text in "[a-z/:.-]{0,20}", cut in 0usize..20) {
            let cut = cut.min(text.len());
            let starred = format!("*{}*{}*", &text[..cut], &text[cut..]);
            prop_assert!(matches(&starred, &text));
        }
    }
}
