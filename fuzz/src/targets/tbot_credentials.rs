//! Credential files of tbot, at any moment of being rewritten: a whole credential or a reason, and no key shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::input::Input;
use crate::tbot::bundle::{self, Bundle};
use crate::tbot::subject::Subject;
use crate::{Clock, Timestamp};

/// Base64 of `no key, only words`.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nbm8ga2V5LCBvbmx5IHdvcmRz\n-----END PRIVATE KEY-----\n";

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.below(4) {
        0 => {
            let _ = Bundle::from_identity(input.0).map(|bundle| check(&bundle));
        }
        1 => {
            let _ = bundle::authorities(input.0).map(|found| assert!(!found.is_empty()));
        }
        2 => {
            let (length, whole) = (input.size() as usize, input.0);
            let (certificate, key) = whole.split_at(length.min(whole.len()));
            let _ = Bundle::from_pair(certificate, key).map(|bundle| check(&bundle));
        }
        // Bare DER, which base64 would hide from mutation.
        _ => certificate(input.0),
    }
}

fn certificate(der: &[u8]) {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
    let read = Bundle::from_identity(format!("{KEY}{pem}").as_bytes());
    match (Subject::from_der(der), read) {
        (Ok(subject), Ok(bundle)) => {
            assert_eq!(&subject, bundle.subject());
            assert_eq!(bundle.certificate(), der);
            check(&bundle);
            assert_eq!(bundle::authorities(pem.as_bytes()), Ok(vec![der.to_vec()]));
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        (bare, wrapped) => panic!("{:?} bare and {:?} in PEM", bare.map(drop), wrapped.map(drop)),
    }
}

fn check(bundle: &Bundle) {
    let subject = bundle.subject();
    assert!(subject.left(subject.not_after).is_zero());
    assert!(subject.lifetime() >= subject.left(subject.not_before));
    let _ = (subject.left(Clock::system().now()), subject.left(Timestamp::from_millisecond(i64::MIN)));
    assert!(!subject.has_route || subject.app_public_addr.is_some() && subject.app_cluster.is_some());
    let shown = format!("{bundle:?}");
    let key = bundle.key();
    assert!(key.len() < 8 || !shown.contains(&STANDARD.encode(key)), "the key is shown");
}
