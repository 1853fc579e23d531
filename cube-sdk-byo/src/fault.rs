//! The typed fault of BYO storage, riding inside [`cube_sdk_core::Error`].

use cube_sdk_core::{Error, Operation};

use crate::code::ByoCode;
use crate::region::Region;

/// What EdgeGate, STS or S3 refused, as a code with what is known beside it.
///
/// Reached by [`ByoErrorExt::byo`].
///
/// ```
/// use cube_sdk_byo::{ByoCode, ByoFault};
///
/// let fault = ByoFault::from_detail("BYO_KMS_ACCESS_DENIED: the key policy denies it").unwrap();
/// assert_eq!(fault.code(), &ByoCode::KmsAccessDenied);
/// assert_eq!(fault.detail(), Some("the key policy denies it"));
/// println!("{}: {}", fault.code().meaning(), fault.code().fix());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ByoFault {
    code: ByoCode,
    detail: Option<String>,
    bucket_region: Option<Region>,
    request_ids: Vec<String>,
}

impl ByoFault {
    /// A fault of a code.
    pub fn new(code: ByoCode) -> Self {
        Self { code, detail: None, bucket_region: None, request_ids: Vec::new() }
    }

    /// Reads a refusal's text that starts with a code: `CODE` or `CODE: words`. None without a code.
    pub fn from_detail(text: &str) -> Option<Self> {
        let (code, words) = ByoCode::leading(text)?;
        let fault = Self::new(code);
        Some(if words.is_empty() { fault } else { fault.with_detail(words) })
    }

    /// The code.
    pub fn code(&self) -> &ByoCode {
        &self.code
    }

    /// What the server said beside the code.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The region that the bucket really lives in, when S3 told it.
    pub fn bucket_region(&self) -> Option<&Region> {
        self.bucket_region.as_ref()
    }

    /// The request ids of every call that led to the verdict, in order.
    pub fn request_ids(&self) -> &[String] {
        &self.request_ids
    }

    /// Adds what the server said.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the region that the bucket really lives in.
    #[must_use]
    pub fn with_bucket_region(mut self, region: Region) -> Self {
        self.bucket_region = Some(region);
        self
    }

    /// Adds one request id.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<impl Into<String>>) -> Self {
        self.request_ids.extend(id.map(Into::into));
        self
    }

    /// The error that carries this fault: kind, code, words and advice come from the code. Give the
    /// status afterwards, with [`Error::with_status`], when a server answered.
    pub fn into_error(self, operation: Operation) -> Error {
        let message = match &self.detail {
            // A service of ours says the meaning itself.
            Some(detail) if detail.contains(self.code.meaning()) => detail.clone(),
            Some(detail) => format!("{}: {detail}", self.code.meaning()),
            None => self.code.meaning().to_owned(),
        };
        let advice = match &self.bucket_region {
            Some(region) => format!("{}: {region}", self.code.fix()),
            None => self.code.fix().to_owned(),
        };
        Error::new(self.code.kind(), message)
            .with_operation(operation)
            .with_code(self.code.as_str())
            .with_request_id(self.request_ids.last().cloned())
            .advice(advice)
            .with_fault(self)
    }
}

/// Reads the BYO fault out of an error.
///
/// ```
/// use cube_sdk_byo::{ByoCode, ByoErrorExt, EdgeGate};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(422);
/// # let answer = answer.set_body_json(serde_json::json!({"detail": "BYO_OBJECT_NOT_FOUND"}));
/// # wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
/// let refused = byo.register_artifact("s3://acme-models/vision/net.onnx").await.unwrap_err();
/// match refused.byo().map(|fault| fault.code()) {
///     Some(ByoCode::ObjectNotFound) => println!("upload it first"),
///     Some(code) => panic!("{}: {}", code.meaning(), code.fix()),
///     None => return Err(refused),
/// }
/// # Ok(())
/// # }
/// ```
pub trait ByoErrorExt {
    /// The fault, when the error carries one.
    fn byo(&self) -> Option<&ByoFault>;
}

impl ByoErrorExt for Error {
    fn byo(&self) -> Option<&ByoFault> {
        self.fault()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use cube_sdk_core::{ErrorKind, Idempotency};

    use super::*;

    #[test]
    fn a_fault_rides_in_the_error() {
        const OP: Operation = Operation::new("s3", "head_bucket", Idempotency::Read);
        let error = ByoFault::new(ByoCode::RegionMismatch)
            .with_bucket_region("eu-west-1".parse().unwrap())
            .with_request_id(Some("REQ1"))
            .with_request_id(None::<String>)
            .with_request_id(Some("REQ2"))
            .into_error(OP);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.code(), Some("BYO_REGION_MISMATCH"));
        assert_eq!(error.request_id(), Some("REQ2"));
        assert!(error.to_string().contains("eu-west-1"), "{error}");
        let fault = error.byo().unwrap();
        assert_eq!(fault.request_ids(), ["REQ1", "REQ2"]);
        assert_eq!(fault.bucket_region().unwrap().as_str(), "eu-west-1");
    }

    #[test]
    fn a_meaning_is_said_once() {
        const OP: Operation = Operation::new("s3", "head_bucket", Idempotency::Read);
        let meaning = ByoCode::BucketGone.meaning();
        for detail in [meaning.to_owned(), format!("s3://b/k: {meaning}"), "NoSuchBucket".to_owned()] {
            let error = ByoFault::new(ByoCode::BucketGone).with_detail(&detail).into_error(OP);
            assert_eq!(error.to_string().matches(meaning).count(), 1, "{error}");
            assert!(error.to_string().contains(&detail), "{error}");
        }
    }

    #[test]
    fn details_are_read_leniently() {
        let fault = ByoFault::from_detail("BYO_ASSUME_ROLE_FAILED: AccessDenied").unwrap();
        assert_eq!((fault.code(), fault.detail()), (&ByoCode::AssumeRoleFailed, Some("AccessDenied")));
        assert!(ByoFault::from_detail("bucket mismatch").is_none());
    }
}
