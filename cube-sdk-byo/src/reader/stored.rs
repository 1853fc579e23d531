//! Comparing what is read with the checksum that S3 itself keeps of it.

use cube_sdk_core::{Error, ErrorKind, Result};

use super::open::OpenObject;
use super::pin::Pin;
use crate::code::ByoCode;
use crate::digest::Sha256;
use crate::fault::ByoFault;
use crate::session::HEAD_OBJECT;
use crate::stored_checksum::ChecksumAlgorithm;

impl OpenObject {
    /// Compares the bytes with the checksum of the whole object that S3 stores beside it: CRC64NVME of most objects
    /// since 2025, else what they were uploaded with. A HeadObject in checksum mode is made first and leaves its row; the
    /// read is pinned to the version that it shows. The checksum is computed where the parts are fetched and costs next to
    /// nothing; the last chunk is held back until it is checked. It finds bytes that were altered on the way, as a SHA-256
    /// of the caller's own also finds those that were altered on purpose.
    ///
    /// # Errors
    /// Opening fails with `Unsupported`, and says that a checksum is not available, where S3 shows none of the whole object;
    /// reading fails with `Integrity` instead of its last chunk where the bytes have another one.
    pub fn verify_stored_checksum(mut self) -> Self {
        self.verify_stored = true;
        self
    }

    /// Asks S3 for the checksum, and expects it.
    pub(super) async fn expect_stored(&mut self) -> Result<()> {
        if !self.verify_stored {
            return Ok(());
        }
        let uri = self.check()?;
        let deadline = self.ends();
        let info = self.session.inspect_until(&uri, deadline).await?;
        let target = uri.to_string();
        if self.pin.as_ref().is_some_and(|pin| !pin.is(&info.etag)) {
            let fault = ByoFault::new(ByoCode::IntegrityMismatch);
            let fault = fault.with_detail("its etag is not the one that was asked for");
            return Err(fault.into_error(HEAD_OBJECT).with_target(target).with_request_id(info.request_id));
        }
        let checksum = info.checksum.map_err(|why| {
            Error::new(ErrorKind::Unsupported, format!("a stored checksum is not available: {why}"))
                .with_operation(HEAD_OBJECT)
                .with_target(target.as_str())
                .with_request_id(info.request_id.as_deref())
                .advice("read without the stored checksum, or with a SHA-256 of the object where one is known")
        })?;
        if checksum.algorithm() == ChecksumAlgorithm::Sha256
            && let Ok(bytes) = <[u8; 32]>::try_from(checksum.as_bytes())
        {
            let stored = Sha256::from_bytes(bytes);
            if let Some(expected) = self.sha256.filter(|expected| *expected != stored) {
                let fault = ByoFault::new(ByoCode::IntegrityMismatch);
                let fault = fault.with_detail(format!("expected {expected}, S3 stores {stored}"));
                return Err(fault.into_error(HEAD_OBJECT).with_target(target).with_request_id(info.request_id));
            }
            self.sha256 = Some(stored);
            self.digest = true;
        }
        self.pin = Some(info.etag.as_str()).filter(|etag| !etag.is_empty()).map(Pin::new).or(self.pin.take());
        self.checksum = Some(checksum);
        Ok(())
    }
}
