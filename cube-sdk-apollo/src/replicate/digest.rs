//! What a journal keeps of a text in place of the text.

use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret;
use sha2::{Digest, Sha256};

/// SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

/// SHA-256 of texts: that of the text when it is one, of nothing when there is none. Of several, each goes in with its
/// length: where one ends and the next begins is part of what they are.
pub(super) fn sha256_of_texts(texts: &[SecretString]) -> String {
    match texts {
        [] => sha256(b""),
        [one] => sha256(one.expose_secret().as_bytes()),
        many => {
            let mut digest = Sha256::new();
            for text in many.iter().map(ExposeSecret::expose_secret) {
                digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                digest.update(text.as_bytes());
            }
            hex(digest.finalize())
        }
    }
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{sha256, sha256_of_texts};

    #[test]
    fn where_a_text_ends_is_part_of_the_digest() {
        let digest = |texts: &[&str]| sha256_of_texts(&texts.iter().map(|text| (*text).into()).collect::<Vec<_>>());
        assert_eq!(digest(&["a"]), sha256(b"a"));
        assert_eq!(digest(&[]), sha256(b""));
        let alike: [&[&str]; 6] = [&["a", "b"], &["a\nb"], &["ab", ""], &["", "ab"], &["a\n", "b"], &["a", "\nb"]];
        let seen: std::collections::BTreeSet<_> = alike.iter().map(|texts| digest(texts)).collect();
        assert_eq!(seen.len(), alike.len());
    }
}
