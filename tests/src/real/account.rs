//! A customer's AWS account on MiniStack, made with the real `aws` command line client.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cube_sdk::SecretString;
use cube_sdk::byo::iam::ReaderRole;
use cube_sdk::byo::{Bucket, PrincipalArn, RoleArn, S3Uri, Sha256, Storage};
use serde_json::{Value, json};

use super::{AwsCli, MiniStack};

/// The account: EdgeGate's worker as an IAM user with a key of its own, and a bucket with a model.
#[derive(Debug)]
pub struct CustomerAccount {
    /// The account's root, as a caller.
    pub root: AwsCli,
    /// Where S3, STS and IAM answer.
    pub endpoint: String,
    /// Whom trust policies name.
    pub principal: PrincipalArn,
    /// The model in the bucket.
    pub model: S3Uri,
    /// Its digest.
    pub digest: Sha256,
    /// Its size in bytes.
    pub size: u64,
    key: String,
    secret: SecretString,
    dir: tempfile::TempDir,
    _ministack: MiniStack,
}

impl CustomerAccount {
    /// Where the bucket is.
    pub const REGION: &str = "eu-central-1";

    /// The account that the tests of one process share, gone with its last user; none when it may be skipped.
    ///
    /// # Panics
    /// When a component is required and missing, or a command fails.
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<CustomerAccount>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = shared.upgrade() {
            return Some(account);
        }
        let account = Arc::new(Self::open()?);
        *shared = Arc::downgrade(&account);
        Some(account)
    }

    fn open() -> Option<Self> {
        let ministack = MiniStack::start()?;
        let root = AwsCli::find(&ministack.endpoint, Self::REGION, MiniStack::ROOT_KEY, MiniStack::ROOT_SECRET)?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let user = root.run(&["iam", "create-user", "--user-name", "edgegate-worker"]);
        let may_assume = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/*" },
        ] });
        let named = ["--user-name", "edgegate-worker", "--policy-name", "AssumeReaders"];
        let policy = ["--policy-document", &may_assume.to_string()];
        root.run(&[&["iam", "put-user-policy"], &named[..], &policy[..]].concat());
        let made = root.run(&["iam", "create-access-key", "--user-name", "edgegate-worker"]);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();

        let mut bytes = vec![0; (9 << 20) + 4321];
        fastrand::Rng::with_seed(9).fill(&mut bytes);
        let account = Self {
            principal: text(&user["User"]["Arn"]).parse().expect("the user's ARN"),
            key: text(&made["AccessKey"]["AccessKeyId"]),
            secret: text(&made["AccessKey"]["SecretAccessKey"]).into(),
            endpoint: ministack.endpoint.clone(),
            model: "s3://acme-edge-models/vision/net.onnx".parse().expect("an S3 URI"),
            digest: Sha256::of(&bytes),
            size: bytes.len() as u64,
            root,
            dir,
            _ministack: ministack,
        };
        account.make_bucket(account.bucket());
        account.put(&account.model, &bytes);
        Some(account)
    }

    /// The bucket of the model.
    pub fn bucket(&self) -> &Bucket {
        self.model.bucket()
    }

    /// Makes a bucket in [`REGION`](Self::REGION).
    ///
    /// # Panics
    /// When the command fails.
    pub fn make_bucket(&self, bucket: &Bucket) {
        let place = format!("LocationConstraint={}", Self::REGION);
        let made = ["s3api", "create-bucket", "--bucket", bucket.as_str()];
        self.root.run(&[&made[..], &["--create-bucket-configuration", &place]].concat());
    }

    /// Puts an object.
    ///
    /// # Panics
    /// When the command fails.
    pub fn put(&self, uri: &S3Uri, bytes: &[u8]) {
        let file = self.dir.path().join(uri.key().as_str().replace('/', "-"));
        fs::write(&file, bytes).expect("the object's file can be written");
        self.root.run(&["s3", "cp", "--no-progress", &file.display().to_string(), &uri.to_string()]);
        fs::remove_file(&file).expect("the object's file can be removed");
    }

    /// What reads with the worker's keys.
    pub fn storage(&self) -> Storage {
        let url = self.endpoint.parse().expect("the endpoint is a URL");
        let storage = Storage::builder().keys(self.key.clone(), self.secret.clone(), None).endpoint_url(url);
        storage.build().expect("the settings are right")
    }

    /// Runs a script of generated commands as it stands; what it printed.
    ///
    /// # Panics
    /// When it fails, with what it wrote.
    pub fn run_script(&self, script: &str) -> String {
        run_script(&self.root, script, self.dir.path())
    }

    /// Makes the role with the generated script; its ARN, which is what the script prints last.
    ///
    /// # Panics
    /// When the script fails.
    pub fn create_role(&self, role: &ReaderRole) -> RoleArn {
        let printed = self.run_script(&role.aws_cli().directory(self.dir.path()).create_role_script());
        printed.lines().last().unwrap_or_default().parse().expect("the script prints the role's ARN last")
    }

    /// Puts the role's External ID into its trust policy with the generated script.
    ///
    /// # Panics
    /// When the script fails.
    pub fn update_trust_policy(&self, role: &ReaderRole) {
        self.run_script(&role.aws_cli().directory(self.dir.path()).update_trust_policy_script());
    }
}

/// Runs a script of generated commands as it stands; what it printed.
///
/// # Panics
/// When it fails, with what it wrote.
pub fn run_script(caller: &AwsCli, script: &str, dir: &Path) -> String {
    let output = caller.shell(script, dir);
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
