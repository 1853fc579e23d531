//! Names of AWS things as people and servers write them: kept to the letter, or refused in few words.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::input::{Input, check_words};
use crate::arn::{AccountId, KmsKeyArn, PrincipalArn, RoleArn};
use crate::code::ByoCode;
use crate::external_id::ExternalId;
use crate::fault::ByoFault;
use crate::region::Region;
use crate::s3_uri::{Bucket, ObjectKey, S3Uri};
use crate::sha256::Sha256;
use crate::{Error, ErrorKind};

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let choice = input.below(11);
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    match choice {
        0 => drop(checked::<Bucket>(text).map(|bucket| assert!(bucket.arn().ends_with(text)))),
        1 => drop(checked::<ObjectKey>(text)),
        2 => drop(checked::<S3Uri>(text).map(|uri| storage_url(&uri))),
        3 => drop(checked::<RoleArn>(text).map(|arn| parts(text, arn.account(), arn.name()))),
        4 => drop(checked::<PrincipalArn>(text).map(|arn| {
            let _ = arn.kind();
            parts(text, arn.account(), arn.name());
        })),
        5 => drop(checked::<KmsKeyArn>(text).map(|arn| {
            parts(text, arn.account(), arn.key_id());
            assert!(arn.region().parse::<Region>().is_ok());
        })),
        6 => drop(checked::<AccountId>(text)),
        7 => drop(checked::<Region>(text)),
        8 => drop(checked::<ExternalId>(text).map(|id| {
            assert!(text.starts_with(id.short()));
            let _ = id.is_uuid();
        })),
        9 => drop(checked::<Sha256>(text)),
        _ => code(text),
    }
}

/// What is accepted is kept to the letter, in text and in JSON; what is refused says so.
fn checked<T>(text: &str) -> Option<T>
where
    T: FromStr<Err = Error> + Clone + Debug + Display + PartialEq + Serialize + DeserializeOwned,
{
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string(), text);
            let json = serde_json::to_string(&value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
            assert_eq!(json, serde_json::Value::from(text).to_string());
            assert_eq!(serde_json::from_str::<T>(&json).ok(), Some(value.clone()));
            Some(value)
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            check_words(&error);
            assert!(error.message().chars().count() <= 1200, "{}", error.message());
            None
        }
    }
}

fn storage_url(uri: &S3Uri) {
    let url = uri.storage_url();
    assert_eq!(S3Uri::from_storage_url(&url).ok().as_ref(), Some(uri));
    assert!(uri.arn().ends_with(uri.key().as_str()));
}

fn parts(text: &str, account: &str, name: &str) {
    assert!(account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()));
    assert!(!name.is_empty() && text.ends_with(name));
}

fn code(text: &str) {
    let Some((code, words)) = ByoCode::leading(text) else { return };
    assert!(text.trim_start().starts_with(code.as_str()));
    assert!(text.ends_with(words) || text.trim_end().ends_with(words));
    assert_eq!(ByoCode::from(code.as_str()), code);
    assert!(!code.meaning().is_empty() && !code.fix().is_empty());
    let fault = ByoFault::from_detail(text).unwrap_or_else(|| panic!("{text:?} leads with {code}"));
    assert_eq!((fault.code(), fault.detail().unwrap_or_default()), (&code, words));
}
