//! S3's errors: status, code, message and the elements that belong to each (S3 API reference, error responses).

use bytes::Bytes;
use http::StatusCode;

use super::super::query::Xml;

/// One error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    elements: Vec<(&'static str, String)>,
    /// `x-amz-bucket-region`.
    pub(crate) bucket_region: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            elements: Vec::new(),
            bucket_region: None,
            retry_after: None,
        }
    }

    fn with(mut self, element: &'static str, value: impl Into<String>) -> Self {
        self.elements.push((element, value.into()));
        self
    }

    pub(crate) fn denied(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(crate) fn no_such_bucket(bucket: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist")
            .with("BucketName", bucket)
    }

    pub(crate) fn no_such_key(key: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.").with("Key", key)
    }

    pub(crate) fn invalid_range(range: &str, size: u64) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "The requested range is not satisfiable")
            .with("RangeRequested", range)
            .with("ActualObjectSize", size.to_string())
    }

    pub(crate) fn precondition(condition: &str) -> Self {
        let message = "At least one of the pre-conditions you specified did not hold";
        Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message).with("Condition", condition)
    }

    pub(crate) fn not_modified() -> Self {
        Self::new(StatusCode::NOT_MODIFIED, "NotModified", "Not Modified")
    }

    pub(crate) fn unknown_key(access_key_id: &str) -> Self {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        Self::new(StatusCode::FORBIDDEN, "InvalidAccessKeyId", message).with("AWSAccessKeyId", access_key_id)
    }

    pub(crate) fn invalid_token(token: &str) -> Self {
        let message = "The provided token is malformed or otherwise invalid.";
        Self::new(StatusCode::BAD_REQUEST, "InvalidToken", message).with("Token-0", token)
    }

    pub(crate) fn expired_token(token: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ExpiredToken", "The provided token has expired.").with("Token-0", token)
    }

    pub(crate) fn redirect(bucket: &str, region: &str) -> Self {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                       send all future requests to this endpoint.";
        let mut failure = Self::new(StatusCode::MOVED_PERMANENTLY, "PermanentRedirect", message)
            .with("Endpoint", format!("{bucket}.s3.{region}.amazonaws.com"))
            .with("Bucket", bucket);
        failure.bucket_region = Some(region.to_owned());
        failure
    }

    pub(crate) fn wrong_scope(signed: &str, region: &str) -> Self {
        let message =
            format!("The authorization header is malformed; the region '{signed}' is wrong; expecting '{region}'");
        let mut failure =
            Self::new(StatusCode::BAD_REQUEST, "AuthorizationHeaderMalformed", &message).with("Region", region);
        failure.bucket_region = Some(region.to_owned());
        failure
    }

    pub(crate) fn slow_down(retry_after: Option<u64>) -> Self {
        let mut failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.");
        failure.retry_after = retry_after;
        failure
    }

    pub(crate) fn internal() -> Self {
        let message = "We encountered an internal error. Please try again.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    /// What s3s answered by itself, in AWS's words where s3s has none.
    pub(crate) fn from_s3s(status: StatusCode, body: &Bytes) -> Self {
        let text = String::from_utf8_lossy(body);
        let element = |name: &str| {
            let from = text.find(&format!("<{name}>"))? + name.len() + 2;
            let len = text.get(from..)?.find(&format!("</{name}>"))?;
            text.get(from..from + len)
        };
        let code = element("Code").unwrap_or("InternalError");
        let message = match (code, element("Message")) {
            ("SignatureDoesNotMatch", None) => {
                "The request signature we calculated does not match the signature you provided. Check your key and \
                 signing method."
            }
            ("RequestTimeTooSkewed", _) => "The difference between the request time and the current time is too large.",
            ("AccessDenied", _) => "Access Denied",
            (_, Some(message)) => return Self::new(status, code, &unescape(message)),
            (code, None) => code,
        };
        Self::new(status, code, message)
    }

    pub(crate) fn render(&self, request_id: &str, host_id: &str) -> String {
        let mut xml = Xml::new().text("Code", &self.code).text("Message", &self.message);
        for (name, value) in &self.elements {
            xml = xml.text(name, value);
        }
        xml.text("RequestId", request_id).text("HostId", host_id).declared("Error")
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&")
}
