//! Shell wildcards as the builder's ignore file has them: `*` and `?` also match `/`, and nothing escapes.

/// Does the pattern match the whole text?
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Behind the last star: where the pattern goes on, and how much of the text the star has.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let next = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some('?') => Some(p + 1),
            Some('[') => class(&pattern, p, text[t]),
            Some(c) => (*c == text[t]).then_some(p + 1),
            None => None,
        };
        match (next, &mut star) {
            (Some(next), _) => (p, t) = (next, t + 1),
            (None, Some((after, taken))) => {
                *taken += 1;
                (p, t) = (*after, *taken);
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Where the pattern goes on behind a class that matches; a class that is not closed is a bracket.
fn class(pattern: &[char], at: usize, c: char) -> Option<usize> {
    let negated = pattern.get(at + 1) == Some(&'!');
    let start = at + 1 + usize::from(negated);
    // The first of a class may be `]`.
    let end = (start + 1..pattern.len()).find(|end| pattern[*end] == ']');
    let Some(end) = end else { return (c == '[').then_some(at + 1) };
    let (mut found, mut i) = (false, start);
    while i < end {
        if i + 2 < end && pattern[i + 1] == '-' {
            found |= (pattern[i]..=pattern[i + 2]).contains(&c);
            i += 3;
        } else {
            found |= pattern[i] == c;
            i += 1;
        }
    }
    (found != negated).then_some(end + 1)
}
