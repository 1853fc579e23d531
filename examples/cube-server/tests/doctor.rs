//! `edgegate doctor` beside an AWS double that is well, and one that is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::Command;

use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_server::local::World;
use cube_sdk_testkit::aws::{Effect, Fault};

struct Patient {
    world: World,
    dir: tempfile::TempDir,
}

impl Patient {
    async fn new() -> Self {
        let (world, dir) = (World::start().await.unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(dir.path().join("empty"), "").unwrap();
        let patient = Self { world, dir };
        let made = patient.command("init").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        patient
    }

    fn command(&self, what: &str) -> Command {
        let aws = &self.world.card().aws;
        let (arn, name) = aws.principal_arn.split_once(":user/").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cube-server"));
        command.args(["edgegate", what, "--db"]).arg(self.dir.path().join("edgegate.sqlite"));
        command.env("AWS_ENDPOINT_URL", &aws.endpoint_url).env("AWS_ACCESS_KEY_ID", &aws.access_key_id);
        command.env("AWS_SECRET_ACCESS_KEY", aws.secret_access_key.expose_secret());
        // Nothing of this machine's own.
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", self.dir.path().join("empty"));
        command.env("AWS_SHARED_CREDENTIALS_FILE", self.dir.path().join("empty"));
        command.env("BYO_EDGEGATE_AWS_ACCOUNT_ID", arn.rsplit(':').next().unwrap());
        command.env("BYO_EDGEGATE_PRINCIPAL_NAME", name);
        command
    }

    /// What the doctor says with these variables besides, and whether all is well.
    fn seen(&self, more: &[(&str, &str)]) -> (bool, String) {
        let output = self.command("doctor").envs(more.iter().copied()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// One finding is wrong, in these words; the others are as they were.
    fn lacks(&self, more: &[(&str, &str)], wrong: &[&str], words: &[&str]) {
        let (well, said) = self.seen(more);
        let found: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("wrong  ")).collect();
        let named: Vec<&str> = found.iter().filter_map(|line| line.split(':').next()).collect();
        assert!(!well && named == wrong, "{said}");
        for word in words {
            assert!(found.iter().any(|line| line.contains(word)), "{word}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_is_told_as_found() {
    let patient = Patient::new().await;
    let (well, said) = patient.seen(&[]);
    assert!(well && said.lines().count() == 8 && said.lines().all(|line| line.starts_with("ok     ")), "{said}");
    assert!(
        said.contains(&patient.world.card().aws.principal_arn) && said.contains("authorities of the system"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_wrong_missing_or_anothers_are_told_and_never_shown() {
    let patient = Patient::new().await;
    patient.lacks(&[("AWS_SECRET_ACCESS_KEY", "canary")], &["AWS identity"], &["SignatureDoesNotMatch", "next: "]);
    assert!(!patient.seen(&[("AWS_SECRET_ACCESS_KEY", "canary")]).1.contains("canary"));
    let none = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    patient.lacks(&none, &["AWS identity", "clock and AWS's"], &["no AWS keys were found", "not compared"]);
    patient.lacks(
        &[("BYO_EDGEGATE_AWS_ACCOUNT_ID", "999988887777")],
        &["AWS identity"],
        &["BYO_EDGEGATE_AWS_ACCOUNT_ID", "999988887777"],
    );
    patient.lacks(&[("BYO_EDGEGATE_PRINCIPAL_NAME", "somebody-else")], &["AWS identity"], &["user/somebody-else"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_aws_would_refuse_is_told() {
    let patient = Patient::new().await;
    let date = |value: &str| Effect::Header { name: "date".to_owned(), value: Some(value.as_bytes().to_vec()) };
    patient.world.aws().faults().add(Fault::new(date("Sun, 06 Nov 1994 08:49:37 GMT")).on("GetCallerIdentity"));
    patient.lacks(&[], &["clock and AWS's"], &["ahead", "NTP"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_trusts_nobody_is_told() {
    let patient = Patient::new().await;
    let empty = tempfile::tempdir().unwrap();
    let nobody = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", empty.path().to_str().unwrap())];
    patient.lacks(&nobody, &["trust store"], &["trusts nobody", "CUBE_CA_FILE"]);
    let (well, said) = patient.seen(&[("CUBE_CA_FILE", "/nowhere")]);
    assert!(!well && said.contains("wrong  trust store: CUBE_CA_FILE"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_is_not_there_is_told() {
    let patient = Patient::new().await;
    let nowhere = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    patient.lacks(&nowhere, &["AWS identity", "clock and AWS's"], &["connection refused"]);
}
