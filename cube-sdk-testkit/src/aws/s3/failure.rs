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
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned(), elements: Vec::new(), headers: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn with(mut self, element: &'static str, value: impl Into<String>) -> Self {
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

    pub(crate) fn bad_request(code: &str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn invalid_argument(name: &str, value: &str, message: &str) -> Self {
        Self::bad_request("InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
    }

    pub(crate) fn invalid_range(range: &str, size: u64) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "The requested range is not satisfiable")
            .with("RangeRequested", range)
            .with("ActualObjectSize", size.to_string())
            .header("content-range", format!("bytes */{size}"))
    }

    pub(crate) fn invalid_part_number(number: u32, count: u32) -> Self {
        let message = "The requested partnumber is not satisfiable";
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidPartNumber", message)
            .with("PartNumberRequested", number.to_string())
            .with("ActualPartCount", count.to_string())
    }

    pub(crate) fn not_implemented(header: &str) -> Self {
        let message = "A header you provided implies functionality that is not implemented";
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message).with("Header", header)
    }

    pub(crate) fn archived(class: &str, tier: Option<&str>) -> Self {
        let what = if tier.is_some() { "access tier" } else { "storage class" };
        let message = format!("The operation is not valid for the object's {what}");
        let failure = Self::new(StatusCode::FORBIDDEN, "InvalidObjectState", &message).with("StorageClass", class);
        match tier {
            Some(tier) => failure.with("AccessTier", tier),
            None => failure,
        }
    }

    pub(crate) fn no_such_upload(id: &str) -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                       aborted or completed.";
        Self::new(StatusCode::NOT_FOUND, "NoSuchUpload", message).with("UploadId", id)
    }

    pub(crate) fn no_such_version(key: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchVersion", "The specified version does not exist.")
            .with("Key", key)
            .with("VersionId", id)
    }

    /// S3's own answer while a new bucket's name is not yet known everywhere, to requests with the right region too.
    /// `path` is that of the path-style request.
    pub(crate) fn temporary_redirect(bucket: &str, path: &str, region: &str) -> Self {
        let message = "Please re-send this request to the specified temporary endpoint. Continue to use the original \
                       request endpoint for future requests.";
        let endpoint = format!("{bucket}.s3.{region}.amazonaws.com");
        Self::new(StatusCode::TEMPORARY_REDIRECT, "TemporaryRedirect", message)
            .with("Endpoint", &endpoint)
            .with("Bucket", bucket)
            .header(
                "location",
                format!("https://{endpoint}{}", path.strip_prefix(&format!("/{bucket}")).unwrap_or(path)),
            )
            .header("x-amz-bucket-region", region)
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
        Self::bad_request("InvalidToken", message).with("Token-0", token)
    }

    pub(crate) fn expired_token(token: &str) -> Self {
        Self::bad_request("ExpiredToken", "The provided token has expired.").with("Token-0", token)
    }

    pub(crate) fn redirect(bucket: &str, region: &str) -> Self {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                       send all future requests to this endpoint.";
        Self::new(StatusCode::MOVED_PERMANENTLY, "PermanentRedirect", message)
            .with("Endpoint", format!("{bucket}.s3.{region}.amazonaws.com"))
            .with("Bucket", bucket)
            .header("x-amz-bucket-region", region)
    }

    pub(crate) fn wrong_scope(signed: &str, region: &str) -> Self {
        let message =
            format!("The authorization header is malformed; the region '{signed}' is wrong; expecting '{region}'");
        Self::bad_request("AuthorizationHeaderMalformed", &message)
            .with("Region", region)
            .header("x-amz-bucket-region", region)
    }

    pub(crate) fn slow_down(retry_after: Option<u64>) -> Self {
        let failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.");
        match retry_after {
            Some(seconds) => failure.header("retry-after", seconds.to_string()),
            None => failure,
        }
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
