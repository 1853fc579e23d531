//! KMS keys as S3 meets them: their state, their policy, and the words of a refusal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::policy::Document;

/// The state of a key. S3 answers a read of what was encrypted with it by 400 and a code of its own for all but the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KmsKeyState {
    /// Usable by whom the policies allow.
    #[default]
    Enabled,
    /// `KMS.DisabledException`.
    Disabled,
    /// `KMS.KMSInvalidStateException`: scheduled for deletion.
    PendingDeletion,
    /// `KMS.KMSInvalidStateException`: an external or custom key store does not answer.
    Unavailable,
    /// `KMS.NotFoundException`: the key is gone, or never was.
    Missing,
}

impl KmsKeyState {
    /// The code and message with which S3 passes on why a key cannot be used.
    pub(crate) fn trouble(self, arn: &str) -> Option<(&'static str, String)> {
        match self {
            Self::Enabled => None,
            Self::Disabled => Some(("KMS.DisabledException", format!("{arn} is disabled."))),
            Self::PendingDeletion => Some(("KMS.KMSInvalidStateException", format!("{arn} is pending deletion."))),
            Self::Unavailable => Some(("KMS.KMSInvalidStateException", format!("{arn} is unavailable."))),
            Self::Missing => Some(("KMS.NotFoundException", format!("Key '{arn}' does not exist"))),
        }
    }
}

/// The words of S3's 403 `AccessDenied` for a caller without `kms:Decrypt`; all of these are met in practice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KmsRefusal {
    /// `User: … is not authorized to perform: kms:Decrypt on resource: KEY because …`.
    #[default]
    NamesTheKey,
    /// `User: … is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because …`.
    NamesTheCiphertext,
    /// `The ciphertext refers to a customer master key that does not exist, …`: a key of another account, and older text.
    NamesNoAction,
}

impl KmsRefusal {
    pub(crate) fn words(self, caller: &str, action: &str, key: &str, because: &str) -> String {
        match self {
            Self::NamesTheKey => {
                format!("User: {caller} is not authorized to perform: {action} on resource: {key} {because}")
            }
            Self::NamesTheCiphertext => format!(
                "User: {caller} is not authorized to perform: {action} on the resource associated with this ciphertext \
                 {because}"
            ),
            Self::NamesNoAction => {
                "The ciphertext refers to a customer master key that does not exist, does not exist \
                                    in this region, or you are not allowed to access."
                    .to_owned()
            }
        }
    }
}

/// A key that a test has given a state or a policy; every other ARN is an enabled key that leaves all to IAM.
#[derive(Clone, Debug, Default)]
pub(crate) struct Key {
    pub(crate) state: KmsKeyState,
    pub(crate) policy: Option<Arc<Document>>,
}

/// Keys by ARN.
#[derive(Debug, Default)]
pub(crate) struct KmsKeys(Mutex<BTreeMap<String, Key>>);

impl KmsKeys {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, arn: &str) -> Key {
        self.all().get(arn).cloned().unwrap_or_default()
    }

    pub(crate) fn edit(&self, arn: &str, edit: impl FnOnce(&mut Key)) {
        edit(self.all().entry(arn.to_owned()).or_default());
    }
}
