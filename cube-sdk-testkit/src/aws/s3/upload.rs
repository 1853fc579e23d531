//! Multipart uploads on their way: their parts, and how these become an object. They end with the world, also one with a
//! data directory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use jiff::Timestamp;

use super::super::mint::hex;
use super::super::object::{Attributes, ChecksumAlgorithm, Object, StoredChecksum};
use super::failure::Failure;
use super::integrity::{digest, md5};

/// Bytes that every part but the last has at least.
const MIN_PART: usize = 5 * 1024 * 1024;

/// An upload that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) attributes: Box<Attributes>,
    pub(super) algorithm: ChecksumAlgorithm,
    /// The checksum is to be one of the parts' checksums, not of the whole.
    pub(super) composite: bool,
    pub(super) begun: Timestamp,
    pub(super) parts: BTreeMap<i32, Part>,
}

/// A part that was sent.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    pub(super) checksum: String,
    pub(super) modified: Timestamp,
}

/// Uploads by id.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<BTreeMap<String, Upload>>);

impl Uploads {
    pub(super) fn all(&self) -> MutexGuard<'_, BTreeMap<String, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at, or changes, the upload of this id for this object.
    pub(super) fn with<T>(
        &self,
        id: &str,
        (bucket, key): (&str, &str),
        work: impl FnOnce(&mut Upload) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut all = self.all();
        let upload = all.get_mut(id).filter(|upload| (upload.bucket.as_str(), upload.key.as_str()) == (bucket, key));
        work(upload.ok_or_else(|| Failure::no_such_upload(id))?)
    }
}

impl Part {
    pub(super) fn new(bytes: Bytes, algorithm: ChecksumAlgorithm, modified: Timestamp) -> Self {
        Self { etag: hex(&md5(&bytes)), checksum: digest(algorithm, &bytes), bytes, modified }
    }
}

impl Upload {
    /// The object of the parts that are named by number and ETag.
    pub(super) fn assemble(&self, named: &[(i32, String)]) -> Result<Object, Failure> {
        if named.is_empty() {
            let message = "The XML you provided was not well-formed or did not validate against our published schema";
            return Err(Failure::bad_request("MalformedXML", message));
        }
        if !named.is_sorted_by(|(a, _), (b, _)| a < b) {
            let message = "The list of parts was not in ascending order. The parts list must be specified in order by part \
                           number.";
            return Err(Failure::bad_request("InvalidPartOrder", message));
        }
        let mut parts = Vec::new();
        for (index, (number, etag)) in named.iter().enumerate() {
            let part = self.parts.get(number).filter(|part| part.etag == *etag).ok_or_else(|| {
                let message = "One or more of the specified parts could not be found.  The part may not have been \
                               uploaded, or the specified entity tag may not match the part's entity tag.";
                Failure::bad_request("InvalidPart", message).with("PartNumber", number.to_string()).with("ETag", etag)
            })?;
            if part.bytes.len() < MIN_PART && index + 1 < named.len() {
                let message = "Your proposed upload is smaller than the minimum allowed size";
                return Err(Failure::new(StatusCode::BAD_REQUEST, "EntityTooSmall", message)
                    .with("ETag", etag)
                    .with("MinSizeAllowed", MIN_PART.to_string())
                    .with("PartNumber", number.to_string())
                    .with("ProposedSize", part.bytes.len().to_string()));
            }
            parts.push(part);
        }
        let mut content = BytesMut::with_capacity(parts.iter().map(|part| part.bytes.len()).sum());
        parts.iter().for_each(|part| content.extend_from_slice(&part.bytes));
        let digests: Vec<u8> = parts.iter().flat_map(|part| md5(&part.bytes)).collect();
        let count = parts.len();
        let mut object = Object::bytes(content.freeze()).with_etag(format!("{}-{count}", hex(&md5(&digests))));
        object.attributes = self.attributes.clone();
        object.parts = parts.iter().map(|part| part.bytes.len() as u64).collect();
        let composite = self.composite.then(|| {
            let decode = |text: &String| base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
            let all: Vec<u8> = parts.iter().flat_map(|part| decode(&part.checksum)).collect();
            format!("{}-{count}", digest(self.algorithm, &all))
        });
        object.checksum = Some(StoredChecksum { algorithm: self.algorithm, composite });
        Ok(object)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn upload(composite: bool) -> Upload {
        let algorithm = if composite { ChecksumAlgorithm::Sha256 } else { ChecksumAlgorithm::Crc64Nvme };
        let now = Timestamp::UNIX_EPOCH;
        let parts = [(1, vec![7; MIN_PART]), (2, b"tail".to_vec()), (5, b"end".to_vec())];
        Upload {
            bucket: "b".to_owned(),
            key: "k".to_owned(),
            attributes: Box::default(),
            algorithm,
            composite,
            begun: now,
            parts: parts.map(|(number, bytes)| (number, Part::new(bytes.into(), algorithm, now))).into(),
        }
    }

    fn named(upload: &Upload, numbers: &[i32]) -> Vec<(i32, String)> {
        let etag = |number| upload.parts.get(number).map_or("none".to_owned(), |part: &Part| part.etag.clone());
        numbers.iter().map(|number| (*number, etag(number))).collect()
    }

    #[test]
    fn parts_become_an_object() {
        let upload = upload(false);
        let object = upload.assemble(&named(&upload, &[1, 2])).unwrap();
        assert_eq!((object.size(), &object.parts[..]), (MIN_PART as u64 + 4, &[MIN_PART as u64, 4][..]));
        assert!(object.etag().ends_with("-2"));
        assert_eq!(object.checksum.as_ref().unwrap().kind(), "FULL_OBJECT");
        let composite = self::upload(true);
        let object = composite.assemble(&named(&composite, &[1, 2])).unwrap();
        let stored = object.checksum.unwrap();
        assert!(stored.kind() == "COMPOSITE" && stored.composite.unwrap().ends_with("=-2"));
    }

    #[test]
    fn what_s3_refuses() {
        let upload = upload(false);
        for (numbers, code) in [
            (&[][..], "MalformedXML"),
            (&[2, 1], "InvalidPartOrder"),
            (&[1, 1], "InvalidPartOrder"),
            (&[1, 3], "InvalidPart"),
            (&[2, 5], "EntityTooSmall"),
        ] {
            assert_eq!(upload.assemble(&named(&upload, numbers)).unwrap_err().code, code, "{numbers:?}");
        }
        assert_eq!(upload.assemble(&[(1, "other".to_owned())]).unwrap_err().code, "InvalidPart");
    }
}
