#![allow(clippy::unwrap_used)]

use cube_sdk_testkit::teleport::{AppKind, Cluster, Credential, KeyForm, Life};
use proptest::prelude::*;

use super::*;
use crate::tbot::Identity;

fn cluster() -> Cluster {
    let cluster = Cluster::new("cube.teleport.sh").unwrap();
    cluster.add_app("db", AppKind::Tcp, "127.0.0.1:1".parse().unwrap());
    cluster
}

fn identity_text(cluster: &Cluster, credential: &Credential) -> String {
    let ca = cluster.authority();
    let ssh = "ssh-rsa-cert-v01@openssh.com AAAA bot-db\n";
    let hosts = "@cert-authority *.example.com ssh-rsa AAAA type=host\n";
    [&credential.key_pem, ssh, &credential.cert_pem, hosts, &ca.user_ca_pem(), &ca.host_ca_pem()].concat()
}

#[test]
fn an_identity_file_is_taken_apart() {
    let cluster = cluster();
    let credential = cluster.issue("db", KeyForm::EcPkcs8, Life::default()).unwrap();
    let bundle = Bundle::from_identity(identity_text(&cluster, &credential).as_bytes()).unwrap();
    let subject = bundle.subject();
    assert_eq!(bundle.authorities().len(), 2);
    assert_eq!(subject.app.as_deref(), Some("db"));
    assert_eq!(subject.app_public_addr.as_deref(), Some("db.cube.teleport.sh"));
    assert_eq!(subject.cluster.as_deref(), Some("cube.teleport.sh"));
    assert_eq!(subject.issuer.as_deref(), Some("cube.teleport.sh"));
    assert_eq!(subject.user.as_deref(), Some("bot-cube"));
    assert_eq!(subject.roles, ["cube-operator"]);
    assert!(subject.has_route);
    assert_eq!(subject.lifetime().as_secs(), 3660);
}

#[test]
fn blocks_out_of_order_are_refused() {
    let cluster = cluster();
    let credential = cluster.issue("db", KeyForm::EcPkcs8, Life::default()).unwrap();
    let (key, cert) = (&credential.key_pem, &credential.cert_pem);
    let torn = |text: String| Bundle::from_identity(text.as_bytes()).err();
    assert_eq!(torn(String::new()), Some(Torn::Empty));
    assert_eq!(torn(" \n\n".to_owned()), Some(Torn::Empty));
    assert_eq!(torn("hello".to_owned()), Some(Torn::NoKey));
    assert_eq!(torn(key.clone()), Some(Torn::NoCertificate));
    assert_eq!(torn(format!("{cert}{key}")), Some(Torn::Misplaced("a certificate")));
    assert_eq!(torn(format!("{key}{key}")), Some(Torn::Misplaced("a private key")));
    assert_eq!(torn(format!("{key}{cert}{key}")), Some(Torn::Misplaced("a private key")));
    assert_eq!(authorities(b"").unwrap_err(), Torn::Empty);
    assert_eq!(authorities(b"-----BEGIN CERTIFICATE-----\nAAAA").unwrap_err(), Torn::BadPem);
}

#[test]
fn keys_of_another_generation_do_not_match() {
    let cluster = cluster();
    let old = cluster.issue("db", KeyForm::EcPkcs8, Life::default()).unwrap();
    let new = cluster.issue("db", KeyForm::EcPkcs8, Life::default()).unwrap();
    let mixed = Bundle::from_pair(new.cert_pem.as_bytes(), old.key_pem.as_bytes()).unwrap();
    assert_eq!(Identity::new(&mixed, &[]).unwrap_err(), Torn::Mismatch);
    let whole = Bundle::from_pair(new.cert_pem.as_bytes(), new.key_pem.as_bytes()).unwrap();
    assert!(Identity::new(&whole, &[]).is_ok());
}

#[test]
fn every_cut_within_key_and_certificate_is_torn() {
    let cluster = cluster();
    let credential = cluster.issue("db", KeyForm::EcPkcs8, Life::default()).unwrap();
    let text = identity_text(&cluster, &credential);
    let whole = text.find("@cert-authority").unwrap();
    // Without its line break the last line of the certificate is whole as well.
    for cut in 0..whole - 1 {
        assert!(Bundle::from_identity(&text.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Bundle::from_identity(text.as_bytes()).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn garbage_is_torn_and_never_panics(text in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Bundle::from_identity(&text).is_err());
        prop_assert!(Bundle::from_pair(&text, &text).is_err());
        prop_assert!(authorities(&text).is_err());
        prop_assert!(Subject::from_der(&text).is_err());
    }

    #[test]
    fn torn_pem_never_panics(
        parts in prop::collection::vec(prop_oneof![
            Just("-----BEGIN CERTIFICATE-----\n"), Just("-----END CERTIFICATE-----\n"),
            Just("-----BEGIN PRIVATE KEY-----\n"), Just("-----END PRIVATE KEY-----\n"),
            Just("-----BEGIN EC PRIVATE KEY-----\n"), Just("-----BEGIN"), Just("MIIB\n"), Just("AAAA\n"), Just("====\n"), Just("ssh-rsa x\n"),
        ], 0..14),
    ) {
        let text = parts.concat();
        prop_assert!(Bundle::from_identity(text.as_bytes()).is_err(), "no certificate here is one");
    }

    #[test]
    fn a_flipped_bit_never_panics(at in 0usize..3000, bit in 0u8..8) {
        static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let text = TEXT.get_or_init(|| {
            let cluster = cluster();
            identity_text(&cluster, &cluster.issue("db", KeyForm::EcPkcs8, Life::default()).unwrap())
        });
        let mut text = text.clone().into_bytes();
        let at = at % text.len();
        text[at] ^= 1 << bit;
        // What still reads as whole must at least prove its key: a signature check follows at the proxy.
        if let Ok(bundle) = Bundle::from_identity(&text) {
            let _ = Identity::new(&bundle, &[]);
        }
    }
}

/// Key and certificate belong together, but nothing of today takes a certificate of version 1.
#[test]
fn a_certificate_of_version_1_is_no_mismatch() {
    let bundle = Bundle::from_identity(include_bytes!("../../../tests/x509_v1.pem")).unwrap();
    assert_eq!(Identity::new(&bundle, &[]).unwrap_err(), Torn::BadCertificate);
}
