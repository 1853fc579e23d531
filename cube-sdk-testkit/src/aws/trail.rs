//! CloudTrail as the customer's account gets it, in the shape of its log files (CloudTrail user guide; S3 user guide,
//! "Amazon S3 CloudTrail events"). What is recorded where is told row by row in docs/aws-double.md.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use cube_sdk_core::whole_file::{self, Readers};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::clock;
use super::identity::Caller;
use super::mint::Mint;
use super::request_log::Tally;

/// Records per log file.
const PER_FILE: usize = 1_000;

/// One call, as CloudTrail is told.
pub(crate) struct Event {
    pub(crate) source: &'static str,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) request_id: String,
    pub(crate) identity: Value,
    pub(crate) user_agent: String,
    pub(crate) source_ip: String,
    pub(crate) error: Option<(String, String)>,
    pub(crate) request_parameters: Value,
    pub(crate) response_elements: Value,
    pub(crate) resources: Value,
    pub(crate) read_only: bool,
    /// An object-level event, recorded only where the trail has data events on; here it always has.
    pub(crate) data: bool,
    /// The answer, whose body is counted as it leaves.
    pub(crate) answer: Option<Arc<Tally>>,
    /// `x-amz-id-2`.
    pub(crate) host_id: Option<String>,
}

struct Record {
    event: Event,
    id: String,
    at: Timestamp,
}

/// Everything recorded since the start.
#[derive(Default)]
pub(crate) struct Trail {
    records: Mutex<Vec<Record>>,
}

impl Trail {
    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, mint: &Mint, at: Timestamp, event: Event) {
        self.records().push(Record { event, id: mint.uuid(), at });
    }

    /// The records as JSON, oldest first.
    pub(crate) fn render(&self, account_id: &str) -> Vec<Value> {
        self.records().iter().map(|record| record.render(account_id)).collect()
    }
}

impl Record {
    fn render(&self, account_id: &str) -> Value {
        let event = &self.event;
        let mut record = Map::new();
        let mut put = |name: &str, value: Value| {
            record.insert(name.to_owned(), value);
        };
        put("eventVersion", json!("1.11"));
        put("userIdentity", event.identity.clone());
        put("eventTime", json!(clock::seconds(self.at)));
        put("eventSource", json!(event.source));
        put("eventName", json!(event.name));
        put("awsRegion", json!(event.region));
        put("sourceIPAddress", json!(event.source_ip));
        put("userAgent", json!(event.user_agent));
        if let Some((code, message)) = &event.error {
            put("errorCode", json!(code));
            put("errorMessage", json!(message));
        }
        put("requestParameters", event.request_parameters.clone());
        put("responseElements", event.response_elements.clone());
        if event.data || event.host_id.is_some() {
            let mut more = json!({
                "SignatureVersion": "SigV4",
                "AuthenticationMethod": "AuthHeader",
                "bytesTransferredIn": 0,
                "bytesTransferredOut": event.answer.as_ref().map_or(0, |answer| answer.bytes()),
            });
            if let Some(host_id) = &event.host_id {
                more["x-amz-id-2"] = json!(host_id);
            }
            put("additionalEventData", more);
        }
        put("requestID", json!(event.request_id));
        put("eventID", json!(self.id));
        put("readOnly", json!(event.read_only));
        if !event.resources.is_null() {
            put("resources", event.resources.clone());
        }
        put("eventType", json!("AwsApiCall"));
        put("managementEvent", json!(!event.data));
        put("recipientAccountId", json!(account_id));
        put("eventCategory", json!(if event.data { "Data" } else { "Management" }));
        Value::Object(record)
    }
}

/// `userIdentity` as the customer's trail shows the caller: a foreign account's user only by its account, nobody by a name
/// that stands for nobody.
pub(crate) fn identity(caller: Option<&Caller>, account_id: &str) -> Value {
    match caller {
        Some(caller) if caller.account() == account_id => caller.trail_identity(),
        Some(caller) => {
            json!({ "type": "AWSAccount", "principalId": caller.user_id(), "accountId": caller.account() })
        }
        None => json!({ "type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL" }),
    }
}

/// Writes `records` into `dir` as CloudTrail names its files: `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json`
/// and `.gz` where asked; each is written whole before it takes its name.
pub(crate) fn write(
    records: &[Value],
    account_id: &str,
    region: &str,
    at: Timestamp,
    mint: &Mint,
    dir: &Path,
    gz: bool,
) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(dir)?;
    let stamp = at.strftime("%Y%m%dT%H%MZ");
    let suffix = if gz { ".json.gz" } else { ".json" };
    records
        .chunks(PER_FILE)
        .map(|chunk| {
            let path = dir.join(format!("{account_id}_CloudTrail_{region}_{stamp}_{}{suffix}", mint.file_suffix()));
            let text = serde_json::to_vec(&json!({ "Records": chunk }))?;
            let bytes = if gz {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&text)?;
                encoder.finish()?
            } else {
                text
            };
            whole_file::write(&path, &bytes, Readers::Mask)?;
            Ok(path)
        })
        .collect()
}
