//! What is no policy.

/// Why a text is no policy; the message of `MalformedPolicyDocument`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) String);

impl Malformed {
    pub(super) fn new(message: &str) -> Self {
        Self(message.to_owned())
    }
}
