//! Quoting for a POSIX shell.

/// The word as a POSIX shell reads it back unchanged: bare when that is safe, else in single quotes.
///
/// The word must hold no NUL, which no argument can carry.
pub(crate) fn quote(word: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=,@+".contains(&b);
    // A leading `~` or `=` means something to some shells; `~` is never bare, `=` only inside.
    if !word.is_empty() && word.bytes().all(bare) && !word.starts_with('=') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn through_a_shell(words: &[String]) -> Vec<u8> {
        let quoted: Vec<_> = words.iter().map(|word| quote(word)).collect();
        let script = format!(r"printf '%s\0' {}", quoted.join(" "));
        Command::new("sh").arg("-c").arg(script).output().unwrap().stdout
    }

    fn terminated(words: &[String]) -> Vec<u8> {
        words.iter().flat_map(|word| word.bytes().chain([0])).collect()
    }

    #[test]
    fn hostile_words_come_back_unchanged() {
        let words: Vec<String> = [
            "",
            "plain",
            "two words",
            "it's",
            "'",
            "''",
            "$(id)",
            "`id`",
            "a\nb",
            "\\",
            "\"",
            "!",
            "*",
            "~",
            "~root",
            "=ls",
            "-n",
            "a;b",
            "#x",
            "é",
            "{a,b}",
            "[a]",
            "%s",
            "\t",
        ]
        .map(str::to_owned)
        .into();
        assert_eq!(through_a_shell(&words), terminated(&words));
        assert_eq!(quote("arn:aws:iam::210987654321:role/a_b-c"), "arn:aws:iam::210987654321:role/a_b-c");
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_words_come_back_unchanged(words in proptest::collection::vec("[^\0]{0,24}", 1..12)) {
            prop_assert_eq!(through_a_shell(&words), terminated(&words));
        }
    }
}
