//! The text of credential files, taken apart without I/O and without TLS: a whole set, or why it is torn.

use std::fmt;

use rustls::pki_types::pem::{self, PemObject, SectionKind};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox};

use super::subject::Subject;
use super::torn::Torn;

/// How the private key is encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyEncoding {
    /// `RSA PRIVATE KEY`: PKCS#1.
    Pkcs1,
    /// `PRIVATE KEY`: PKCS#8, any algorithm.
    Pkcs8,
    /// `EC PRIVATE KEY`: SEC1.
    Sec1,
}

/// A key, its certificate and the authorities that came with them, not yet proved to match.
pub struct Bundle {
    encoding: KeyEncoding,
    key: SecretBox<[u8]>,
    certificate: Vec<u8>,
    subject: Subject,
    authorities: Vec<Vec<u8>>,
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("subject", &self.subject)
            .field("key", &self.encoding)
            .field("authorities", &self.authorities.len())
            .finish_non_exhaustive()
    }
}

impl Bundle {
    /// From the text of an `identity` file: the first PEM block is the key, the second the client
    /// certificate, further ones are authorities; lines outside PEM blocks (SSH certificate, known
    /// hosts) are passed over.
    ///
    /// # Errors
    /// What makes it torn.
    pub fn from_identity(text: &[u8]) -> Result<Self, Torn> {
        let mut blocks = Blocks::new(text)?;
        let (encoding, key) = blocks.key()?;
        let certificate = blocks.certificate()?.ok_or(Torn::NoCertificate)?;
        let mut authorities = Vec::new();
        while let Some(authority) = blocks.certificate()? {
            check_certificate(&authority)?;
            authorities.push(authority);
        }
        Self::new(encoding, key, certificate, authorities)
    }

    /// From the texts of `tlscert` and `key`. Only the leaf is kept: Teleport accepts exactly one client
    /// certificate.
    ///
    /// # Errors
    /// What makes them torn. That both are whole does not yet prove that they match.
    pub fn from_pair(certificate: &[u8], key: &[u8]) -> Result<Self, Torn> {
        let (encoding, key) = Blocks::new(key)?.key()?;
        let mut blocks = Blocks::new(certificate)?;
        let leaf = blocks.certificate()?.ok_or(Torn::NoCertificate)?;
        while blocks.certificate()?.is_some() {}
        Self::new(encoding, key, leaf, Vec::new())
    }

    fn new(
        encoding: KeyEncoding,
        key: SecretBox<[u8]>,
        certificate: Vec<u8>,
        authorities: Vec<Vec<u8>>,
    ) -> Result<Self, Torn> {
        let subject = Subject::from_der(&certificate)?;
        Ok(Self { encoding, key, certificate, subject, authorities })
    }

    /// Whose certificate it is, for which app, and until when.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The client certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// How the key is encoded.
    pub fn encoding(&self) -> KeyEncoding {
        self.encoding
    }

    /// Authorities from the same text, DER.
    pub fn authorities(&self) -> &[Vec<u8>] {
        &self.authorities
    }

    /// The key, DER.
    pub(crate) fn key(&self) -> &[u8] {
        self.key.expose_secret()
    }
}

/// The certificates of an authority file such as `teleport-host-ca.crt`, DER; during a rotation of the
/// authority there are several.
///
/// # Errors
/// What makes it torn; a file without any certificate is.
pub fn authorities(text: &[u8]) -> Result<Vec<Vec<u8>>, Torn> {
    let mut blocks = Blocks::new(text)?;
    let mut found = Vec::new();
    while let Some(certificate) = blocks.certificate()? {
        check_certificate(&certificate)?;
        found.push(certificate);
    }
    if found.is_empty() { Err(Torn::NoCertificate) } else { Ok(found) }
}

fn check_certificate(der: &[u8]) -> Result<(), Torn> {
    match x509_parser::parse_x509_certificate(der) {
        Ok(([], _)) => Ok(()),
        _ => Err(Torn::BadCertificate),
    }
}

/// PEM blocks of the kinds that credentials are made of, in order.
struct Blocks<'a>(Box<dyn Iterator<Item = Result<Block, pem::Error>> + 'a>);

type Block = (SectionKind, Vec<u8>);

impl<'a> Blocks<'a> {
    fn new(text: &'a [u8]) -> Result<Self, Torn> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(Torn::Empty);
        }
        Ok(Self(Box::new(Block::pem_slice_iter(text))))
    }

    fn next(&mut self) -> Result<Option<Block>, Torn> {
        self.0.next().transpose().map_err(|_| Torn::BadPem)
    }

    fn key(&mut self) -> Result<(KeyEncoding, SecretBox<[u8]>), Torn> {
        let (kind, mut der) = self.next()?.ok_or(Torn::NoKey)?;
        let encoding = match kind {
            SectionKind::RsaPrivateKey => KeyEncoding::Pkcs1,
            SectionKind::PrivateKey => KeyEncoding::Pkcs8,
            SectionKind::EcPrivateKey => KeyEncoding::Sec1,
            _ => return Err(Torn::Misplaced("a certificate")),
        };
        let key = SecretBox::new(der.clone().into_boxed_slice());
        der.zeroize();
        Ok((encoding, key))
    }

    fn certificate(&mut self) -> Result<Option<Vec<u8>>, Torn> {
        match self.next()? {
            None => Ok(None),
            Some((SectionKind::Certificate, der)) => Ok(Some(der)),
            Some((kind, mut der)) => {
                der.zeroize();
                let secret =
                    matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey);
                Err(Torn::Misplaced(if secret { "a private key" } else { "a block of another kind" }))
            }
        }
    }
}

#[cfg(test)]
mod tests;
