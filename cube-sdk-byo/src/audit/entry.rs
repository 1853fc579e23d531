//! One row of the audit log.

use cube_sdk_core::{Timestamp, open_enum};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::attempt_id::{AttemptId, ProbeId};
use crate::ids::{ArtifactId, RunId};

/// One call to AWS, as it stands in the audit log: EdgeGate's own rows and those of this library have the
/// same shape. Fields that this version does not know are kept in `extra`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The row's number in EdgeGate's log; none for rows that were recorded here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// What was called, or `verify_probe` for every call of a probe.
    pub event_type: AuditEvent,
    /// AWS's request id, the join key to CloudTrail's `requestID`. None when AWS gave none, as after a
    /// network fault; the wire shows an empty text then.
    #[serde(default, serialize_with = "or_empty", deserialize_with = "none_if_empty")]
    pub aws_request_id: Option<String>,
    /// The role that was used; none for a session with keys of its own.
    #[serde(default, serialize_with = "or_empty", deserialize_with = "none_if_empty")]
    pub role_arn: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// The key; none for calls to STS and on the bucket itself.
    #[serde(default)]
    pub s3_key: Option<String>,
    /// For reads: the length that the answer promises, or in the row of a broken body the bytes that came.
    #[serde(default)]
    pub bytes_read: Option<u64>,
    /// The host that made the call.
    #[serde(default)]
    pub worker_hostname: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The typed code of a failure, or AWS's own code where no typed one fits.
    #[serde(default)]
    pub error_code: Option<String>,
    /// The artifact that was read for.
    #[serde(default)]
    pub artifact_id: Option<ArtifactId>,
    /// The run that was read for.
    #[serde(default)]
    pub run_id: Option<RunId>,
    /// When the answer's headers came, or the failure was seen.
    pub ts: Timestamp,
    /// This library's id of the HTTP attempt: two rows of one attempt share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<AttemptId>,
    /// Shared by the rows of one probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_id: Option<ProbeId>,
    /// The call, such as `s3.get_object`: tells the calls of a probe apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Whatever else the row holds.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl AuditEntry {
    /// A row of an attempt on a bucket, made now; the other fields are empty.
    pub fn new(event_type: AuditEvent, bucket: impl Into<String>, outcome: AuditOutcome) -> Self {
        Self {
            id: None,
            event_type,
            aws_request_id: None,
            role_arn: None,
            bucket: bucket.into(),
            s3_key: None,
            bytes_read: None,
            worker_hostname: None,
            outcome,
            error_code: None,
            artifact_id: None,
            run_id: None,
            ts: Timestamp::now(),
            attempt_id: Some(AttemptId::mint()),
            probe_id: None,
            operation: None,
            extra: serde_json::Map::new(),
        }
    }
}

fn or_empty<S: Serializer>(value: &Option<String>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(value.as_deref().unwrap_or_default())
}

fn none_if_empty<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(input)?.filter(|text| !text.is_empty()))
}

open_enum! {
    /// What an audit row is about.
    pub enum AuditEvent {
        /// STS AssumeRole.
        AssumeRole = "assume_role",
        /// S3 HeadObject.
        HeadObject = "head_object",
        /// S3 HeadBucket.
        HeadBucket = "head_bucket",
        /// S3 GetObject.
        GetObject = "get_object",
        /// S3 ListObjectsV2: one row a page.
        ListObjects = "list_objects",
        /// KMS Decrypt, which S3 makes on the role's behalf. EdgeGate may list it; this library never emits it.
        KmsDecrypt = "kms_decrypt",
        /// Any call of a readiness probe.
        VerifyProbe = "verify_probe",
    }
}

open_enum! {
    /// How an audited call ended.
    pub enum AuditOutcome {
        /// It succeeded.
        Success = "success",
        /// Policy refused it.
        Denied = "denied",
        /// It failed otherwise, or its body broke.
        Error = "error",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"id":42,"event_type":"get_object","aws_request_id":"4Z1X0E9RFQ2T7K5M","role_arn":"arn:aws:iam::210987654321:role/edgegate-byo-read-c2b7a6d4","bucket":"acme-edge-models","s3_key":"vision/net.onnx","bytes_read":14012345,"worker_hostname":"worker-3","outcome":"success","error_code":null,"artifact_id":"7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77","run_id":"e1c3a0b9-2f66-4f2b-8a44-5b0c9f1d8e20","ts":"2026-07-01T09:15:30Z"}"#;

    #[test]
    fn reads_and_writes_the_row_of_the_wire() {
        let entry: AuditEntry = serde_json::from_str(ROW).unwrap();
        assert_eq!(entry.event_type, AuditEvent::GetObject);
        assert_eq!(entry.bytes_read, Some(14_012_345));
        assert_eq!(serde_json::to_string(&entry).unwrap(), ROW);
    }

    #[test]
    fn a_missing_request_id_is_an_empty_text_on_the_wire() {
        let entry = AuditEntry::new(AuditEvent::AssumeRole, "abc", AuditOutcome::Error);
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!(json["aws_request_id"], "");
        let back: AuditEntry = serde_json::from_value(json).unwrap();
        assert_eq!(back.aws_request_id, None);
        assert_eq!(back, entry);
    }

    #[test]
    fn unknown_words_and_fields_are_kept() {
        let row = ROW.replace("get_object", "teleported").replace("\"id\":42", "\"id\":42,\"shard\":7");
        let entry: AuditEntry = serde_json::from_str(&row).unwrap();
        assert_eq!(entry.event_type, AuditEvent::Unknown("teleported".to_owned()));
        assert_eq!(entry.extra["shard"], 7);
    }
}
