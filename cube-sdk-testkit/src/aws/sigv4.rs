//! Signature version 4 of query-API calls (AWS general reference): s3s checks S3's own, but refuses IAM's scope.

use aws_lc_rs::{digest, hmac};
use http::{HeaderMap, Uri, request};
use jiff::{SignedDuration, Timestamp};

use super::mint::hex;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// AWS accepts a signature for this long on either side of its own time.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// The `Authorization` header, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) access_key_id: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) signed_headers: Vec<String>,
    signature: String,
}

/// Why a signature is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The header or the date cannot be read.
    Malformed,
    /// Signed too long ago, or ahead of time; in AWS's words.
    Skewed(String),
    /// Another secret signed, or another request was signed.
    Mismatch,
}

impl Authorization {
    /// Reads the header; `None` when it is absent or not of this form.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let fields = text.strip_prefix(ALGORITHM)?;
        let field = |name: &str| {
            fields.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let credential = field("Credential")?;
        let mut scope = credential.split('/').map(str::to_owned);
        let (access_key_id, date, region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        (scope.next().as_deref() == Some("aws4_request")).then_some(())?;
        Some(Self {
            access_key_id,
            date,
            region,
            service,
            signed_headers: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: field("Signature")?,
        })
    }

    /// Checks the signature over the request against `secret`.
    pub(crate) fn verify(
        &self,
        parts: &request::Parts,
        body: &[u8],
        secret: &str,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let stamp = parts.headers.get("x-amz-date").and_then(|v| v.to_str().ok()).ok_or(Refused::Malformed)?;
        let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp)
            .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC))
            .map_err(|_| Refused::Malformed)?
            .timestamp();
        if !stamp.starts_with(&self.date) {
            return Err(Refused::Mismatch);
        }
        let basic = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let bound = |edge: Result<Timestamp, _>, sign| {
            format!("{} ({} {sign} 15 min.)", basic(edge.unwrap_or(now)), basic(now))
        };
        if now.duration_since(signed) > SKEW {
            let edge = bound(now.checked_sub(SKEW), '-');
            return Err(Refused::Skewed(format!("Signature expired: {stamp} is now earlier than {edge}")));
        }
        if signed.duration_since(now) > SKEW {
            let edge = bound(now.checked_add(SKEW), '+');
            return Err(Refused::Skewed(format!("Signature not yet current: {stamp} is still later than {edge}")));
        }
        let canonical = canonical_request(parts, &self.signed_headers, body);
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        let signature = from_hex(&self.signature).ok_or(Refused::Mismatch)?;
        hmac::verify(&self.signing_key(secret), to_sign.as_bytes(), &signature).map_err(|_| Refused::Mismatch)
    }

    fn signing_key(&self, secret: &str) -> hmac::Key {
        let first = format!("AWS4{secret}").into_bytes();
        let last = [&self.date, &self.region, &self.service, "aws4_request"].iter().fold(first, |key, part| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
        });
        hmac::Key::new(hmac::HMAC_SHA256, &last)
    }
}

fn canonical_request(parts: &request::Parts, signed: &[String], body: &[u8]) -> String {
    let headers: String = signed
        .iter()
        .map(|name| {
            let values: Vec<String> =
                parts.headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(squeeze).collect();
            format!("{name}:{}\n", values.join(","))
        })
        .collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        parts.method,
        uri_encode(parts.uri.path(), false),
        canonical_query(&parts.uri),
        signed.join(";"),
        sha256_hex(body),
    )
}

fn canonical_query(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default().as_bytes();
    let mut pairs: Vec<String> = url::form_urlencoded::parse(query)
        .map(|(key, value)| format!("{}={}", uri_encode(&key, true), uri_encode(&value, true)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

/// Trimmed, runs of spaces made one.
fn squeeze(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// RFC 3986 encoding of everything but unreserved characters, and `/` where asked.
pub(crate) fn uri_encode(text: &str, slash: bool) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || (byte == b'/' && !slash) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    if !digits.remainder().is_empty() {
        return None;
    }
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The worked example of AWS's SigV4 documentation (IAM ListUsers, 2015-08-30).
    fn example() -> request::Parts {
        let authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        let request = http::Request::get("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("host", "iam.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header("authorization", authorization);
        request.body(()).unwrap().into_parts().0
    }

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    #[test]
    fn the_documented_example_verifies() {
        let parts = example();
        let authorization = Authorization::read(&parts.headers).unwrap();
        let at: Timestamp = "2015-08-30T12:40:00Z".parse().unwrap();
        assert_eq!((authorization.region.as_str(), authorization.service.as_str()), ("us-east-1", "iam"));
        assert_eq!(authorization.verify(&parts, b"", SECRET, at), Ok(()));
        assert_eq!(authorization.verify(&parts, b"", "another", at), Err(Refused::Mismatch));
        assert_eq!(authorization.verify(&parts, b"x", SECRET, at), Err(Refused::Mismatch));
        let late: Timestamp = "2015-08-30T12:51:01Z".parse().unwrap();
        let words =
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)";
        assert_eq!(authorization.verify(&parts, b"", SECRET, late), Err(Refused::Skewed(words.to_owned())));
        let early: Timestamp = "2015-08-30T12:20:59Z".parse().unwrap();
        let words = "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)";
        assert_eq!(authorization.verify(&parts, b"", SECRET, early), Err(Refused::Skewed(words.to_owned())));
    }

    #[test]
    fn any_signed_part_that_changes_breaks_it() {
        let at: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
        let mut parts = example();
        parts.uri = "https://iam.amazonaws.com/?Action=ListRoles&Version=2010-05-08".parse().unwrap();
        let authorization = Authorization::read(&parts.headers).unwrap();
        assert_eq!(authorization.verify(&parts, b"", SECRET, at), Err(Refused::Mismatch));
        let mut parts = example();
        parts.headers.insert("host", "sts.amazonaws.com".parse().unwrap());
        assert_eq!(authorization.verify(&parts, b"", SECRET, at), Err(Refused::Mismatch));
    }

    #[test]
    fn what_is_not_version_4_is_not_read() {
        for text in [
            "",
            "Basic YWJj",
            "AWS4-HMAC-SHA256 Credential=a/b/c",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signature=00",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", text.parse().unwrap());
            assert_eq!(Authorization::read(&headers), None, "{text}");
        }
    }
}
