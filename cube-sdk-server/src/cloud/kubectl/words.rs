//! A command line as words. There is no shell behind it, and what only a shell understands is refused.

use super::Refused;

/// The longest line.
const LONGEST: usize = 4096;
/// What a shell would act on. Inside quotes too: no honest argument of the verbs that are served has one.
const SHELL: [char; 13] = ['|', ';', '&', '<', '>', '$', '`', '\\', '{', '}', '#', '~', '^'];

/// Splits at blanks; single and double quotes keep blanks together.
pub(super) fn split(line: &str) -> Result<Vec<String>, Refused> {
    if line.len() > LONGEST {
        return Err(Refused(format!("the command has more than {LONGEST} bytes")));
    }
    if let Some(c) = line.chars().find(|c| !matches!(c, ' '..='~')) {
        return Err(Refused(format!("the character `{}` is not allowed: use plain ASCII", c.escape_unicode())));
    }
    if let Some(c) = line.chars().find(|c| SHELL.contains(c)) {
        return Err(Refused(format!("`{c}` is not allowed: the command goes to kubectl without a shell")));
    }
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (_, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(Refused("a quote is not closed".to_owned()));
    }
    words.extend(word);
    Ok(words)
}
