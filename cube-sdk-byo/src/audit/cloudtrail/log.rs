//! CloudTrail's log files: JSON, plain or gzip, one `Records` list per file.

use std::io::Read;
use std::path::Path;

use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};
use serde::Deserialize;

/// Largest log file that is read, unpacked. CloudTrail's own files stay far below.
const MAX_UNPACKED: u64 = 512 * 1024 * 1024;

/// One record: the fields that the comparison needs (AWS CloudTrail user guide, "CloudTrail record contents").
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct TrailRecord {
    /// Whole seconds, UTC.
    #[serde(rename = "eventTime")]
    pub time: Timestamp,
    /// Such as `s3.amazonaws.com`.
    #[serde(rename = "eventSource")]
    pub source: String,
    /// Such as `GetObject`.
    #[serde(rename = "eventName")]
    pub name: String,
    /// The id that our rows carry as `aws_request_id`.
    #[serde(rename = "requestID", default)]
    pub request_id: Option<String>,
    /// AWS's error code when the call failed.
    #[serde(rename = "errorCode", default)]
    pub error_code: Option<String>,
    /// Who called, as CloudTrail has it.
    #[serde(rename = "userIdentity", default)]
    pub user_identity: serde_json::Value,
    /// What was asked, as CloudTrail has it.
    #[serde(rename = "requestParameters", default)]
    pub request_parameters: serde_json::Value,
}

impl TrailRecord {
    /// True for records of the two services that our rows are about.
    pub fn is_sts_or_s3(&self) -> bool {
        matches!(self.source.as_str(), "sts.amazonaws.com" | "s3.amazonaws.com")
    }

    /// True for calls that an AWS service made on the caller's behalf, such as S3's KMS Decrypt.
    pub fn is_on_behalf(&self) -> bool {
        let invoked_by = self.user_identity.get("invokedBy").and_then(serde_json::Value::as_str);
        self.source == "kms.amazonaws.com" || invoked_by.is_some_and(|by| by.ends_with(".amazonaws.com"))
    }

    /// The bucket that was asked for.
    pub fn bucket(&self) -> Option<&str> {
        self.request_parameters.get("bucketName")?.as_str()
    }

    /// The role: the one asked for by AssumeRole, else the one behind the session.
    pub fn role_arn(&self) -> Option<&str> {
        let asked = self.request_parameters.get("roleArn").and_then(serde_json::Value::as_str);
        asked.or_else(|| self.user_identity.pointer("/sessionContext/sessionIssuer/arn")?.as_str())
    }
}

/// Records read from log files.
#[derive(Clone, Debug, Default)]
pub struct CloudTrail {
    records: Vec<TrailRecord>,
}

#[derive(Deserialize)]
struct LogFile {
    #[serde(rename = "Records", default)]
    records: Vec<serde_json::Value>,
}

impl CloudTrail {
    /// No records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the records of one log file's bytes, gzip or plain JSON.
    ///
    /// # Errors
    /// `Decode` when the bytes are no CloudTrail log. Records that lack a field of every record, such as
    /// digest files have, are passed over.
    pub fn add_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let mut text = Vec::new();
        let plain = match bytes {
            [0x1f, 0x8b, ..] => {
                let unpacked = flate2::read::MultiGzDecoder::new(bytes).take(MAX_UNPACKED).read_to_end(&mut text);
                unpacked.map_err(|cause| not_a_log("it cannot be unpacked").cause(cause))?;
                text.as_slice()
            }
            _ => bytes,
        };
        let file: LogFile = serde_json::from_slice(plain).map_err(|cause| not_a_log("it is not JSON").cause(cause))?;
        self.records.extend(file.records.into_iter().filter_map(|record| serde_json::from_value(record).ok()));
        Ok(())
    }

    /// Adds a log file, or every `.json` and `.json.gz` below a folder. Blocks on the disk.
    ///
    /// # Errors
    /// `Io` when something cannot be read, `Decode` naming the file that is no log.
    pub fn add_path(&mut self, path: &Path) -> Result<()> {
        let failed = |cause| Error::io(format!("could not read {}", path.display()), cause);
        if path.is_dir() {
            let mut below: Vec<_> = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
                .map_err(failed)?;
            below.sort();
            let is_log = |path: &Path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                path.is_dir() || name.ends_with(".json") || name.ends_with(".json.gz")
            };
            return below.iter().filter(|path| is_log(path)).try_for_each(|path| self.add_path(path));
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        self.add_bytes(&bytes).map_err(|error| error.with_target(path.display().to_string()))
    }

    /// Every record.
    pub fn records(&self) -> &[TrailRecord] {
        &self.records
    }

    /// The records that concern one role or one bucket: what our rows can be compared with.
    pub fn records_of(&self, role_arn: Option<&str>, bucket: &str) -> Vec<TrailRecord> {
        let concerns = |record: &&TrailRecord| match (record.bucket(), record.role_arn()) {
            (Some(name), role) => name == bucket && (role_arn.is_none() || role == role_arn),
            (None, role) => role_arn.is_some() && role == role_arn,
        };
        self.records.iter().filter(concerns).cloned().collect()
    }
}

fn not_a_log(why: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("this is no CloudTrail log file: {why}"))
        .advice("give files of AWSLogs/<account>/CloudTrail/, not of CloudTrail-Digest/")
}
