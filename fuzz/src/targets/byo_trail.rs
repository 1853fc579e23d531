//! CloudTrail's log files: records or an error in few words, packed or not.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::input::check_words;
use crate::trail::CloudTrail;

pub fn run(data: &[u8]) {
    let read = |bytes: &[u8]| {
        let mut trail = CloudTrail::new();
        trail.add_bytes(bytes).map(|()| trail)
    };
    let plain = read(data);
    if let Err(error) = &plain {
        check_words(error);
    }
    let Ok(trail) = plain else { return };
    for record in trail.records() {
        let (_, _) = (record.is_sts_or_s3(), record.is_on_behalf());
        if let Some(bucket) = record.bucket() {
            let concerned = trail.records_of(record.role_arn(), bucket);
            assert!(concerned.contains(record), "{record:?}");
        }
    }
    if data.starts_with(&[0x1f, 0x8b]) {
        return;
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = packed.write_all(data).and_then(|()| packed.finish()).unwrap_or_default();
    assert_eq!(read(&packed).map(|trail| trail.records().to_vec()).ok().as_deref(), Some(trail.records()));
}
