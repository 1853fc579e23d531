//! A chain of sources none of which had credentials.

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::redact::excerpt;

/// Who was asked for credentials, and what each said. It stands in the error as its [fault](Error::fault).
///
/// ```
/// use cube_sdk_core::ErrorKind;
/// use cube_sdk_core::credentials::Asked;
///
/// let mut asked = Asked::default();
/// asked.said("environment", "AWS_ACCESS_KEY_ID is not set");
/// asked.said("profile `default`", "no such profile in ~/.aws/config");
/// let error = asked.into_error();
/// assert_eq!(error.kind(), ErrorKind::Credentials);
/// assert_eq!(
///     error.to_string(),
///     "no credentials: environment: AWS_ACCESS_KEY_ID is not set; profile `default`: no such profile in ~/.aws/config"
/// );
/// assert_eq!(error.fault::<Asked>().map(|asked| asked.sources().count()), Some(2));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Asked(Vec<(String, String)>);

impl Asked {
    /// Notes what a source said. Neither text may hold a secret; each is kept to one line of 200 characters.
    pub fn said(&mut self, source: impl fmt::Display, answer: impl fmt::Display) {
        let line = |text: String| excerpt(text.as_bytes());
        self.0.push((line(source.to_string()), line(answer.to_string())));
    }

    /// The sources in the order they were asked, each with what it said.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(source, answer)| (source.as_str(), answer.as_str()))
    }

    /// `Credentials`: final after one attempt, and nothing was sent.
    pub fn into_error(self) -> Error {
        let answers: Vec<String> = self.sources().map(|(source, answer)| format!("{source}: {answer}")).collect();
        let words = if answers.is_empty() { "no source was asked".to_owned() } else { answers.join("; ") };
        Error::new(ErrorKind::Credentials, format!("no credentials: {words}")).with_fault(self)
    }
}
