//! The generated AWS CLI commands, run as they stand by the real `aws` client: in the embedded account and in a third
//! party's, they make a role that the probe finds ready, keep it so after a rotation, and take it away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use cube_sdk::Cube;
use cube_sdk::byo::iam::AwsCli as Commands;
use cube_sdk::byo::probe::{CheckName, CheckStatus, ProbeReport};
use cube_sdk::byo::rest::{Byo, ConfirmRotation, Grant, GrantStatus};
use cube_sdk::byo::{ByoCode, GrantRef, KmsKeyArn, ObjectKey, PrincipalArn, Region, RoleArn, S3Uri, Storage};
use cube_sdk::core::secret::ExposeSecret;
use cube_sdk_server::local::{LocalEdgeGate, World};
use cube_sdk_tests::real::{AwsCli, CustomerAccount, run_script};

/// An AWS account, whoever plays it, and an EdgeGate beside it.
struct Place {
    byo: Byo,
    storage: Storage,
    /// Who may make roles in the account.
    admin: AwsCli,
    model: S3Uri,
    region: Region,
    dir: tempfile::TempDir,
}

impl Place {
    async fn new(
        storage: Storage,
        principal: PrincipalArn,
        admin: AwsCli,
        model: S3Uri,
        region: Region,
    ) -> (Self, LocalEdgeGate) {
        let edgegate = LocalEdgeGate::builder(storage.clone(), principal).start().await.unwrap();
        let cube = Cube::builder().environment(edgegate.environment()).build();
        let workspace = cube.edgegate().unwrap().workspace(&edgegate.card().workspace);
        let dir = tempfile::tempdir().unwrap();
        (Self { byo: workspace.byo(), storage, admin, model, region, dir }, edgegate)
    }

    /// The embedded account, and what must live as long as it is used.
    async fn embedded() -> Option<(Self, (World, LocalEdgeGate))> {
        let world = World::start().await.unwrap();
        let card = &world.card().aws;
        let secret = card.admin_secret_access_key.expose_secret();
        let admin = AwsCli::find(&card.endpoint_url, &card.region, &card.admin_access_key_id, secret)?;
        let storage = Storage::builder()
            .keys(card.access_key_id.clone(), card.secret_access_key.clone(), None)
            .endpoint_url(card.endpoint_url.parse().unwrap())
            .build()
            .unwrap();
        let model = format!("s3://{}/{}", card.bucket, card.object_key).parse().unwrap();
        let region = card.region.parse().unwrap();
        let (place, edgegate) = Self::new(storage, card.principal_arn.parse().unwrap(), admin, model, region).await;
        Some((place, (world, edgegate)))
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs a script of the generated commands; what it printed.
    fn run(&self, script: &str) -> String {
        run_script(&self.admin, script, self.dir())
    }

    fn create_role(&self, commands: &Commands) -> RoleArn {
        let printed = self.run(&commands.create_role_script());
        printed.lines().last().unwrap().parse().expect("the script prints the role's ARN last")
    }

    async fn probe(&self, grant: &Grant, sample: ObjectKey) -> ProbeReport {
        self.storage.probe(&GrantRef::try_from(grant).unwrap()).strict(true).sample_key(sample).await.unwrap()
    }
}

/// The whole life of a role.
async fn made_rotated_deleted(place: &Place) {
    let (byo, bucket) = (&place.byo, place.model.bucket().clone());
    let setup = byo.setup(bucket, place.region.clone()).await.unwrap();
    let commands = setup.role.aws_cli().directory(place.dir());
    let arn = place.create_role(&commands);
    assert_eq!(arn.name(), setup.role.role_name().as_str());
    let grant = setup.attach_role(arn).await.unwrap();
    assert!(grant.is_active(), "{:?}", grant.last_verify_error);
    let report = place.probe(&grant, place.model.key().clone()).await;
    for check in [CheckName::AssumeRole, CheckName::Region, CheckName::Bucket, CheckName::List, CheckName::Read] {
        assert_eq!(report.check(check).unwrap().status, CheckStatus::Passed, "{report}");
    }

    // Run twice, the script stops where the role is there already, and says so.
    let again = place.admin.shell(&commands.create_role_script(), place.dir());
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("EntityAlreadyExists"));
    assert!(!String::from_utf8_lossy(&again.stdout).contains(":role/"), "nothing came after it");

    let confirm = ConfirmRotation::reads_fail_until_the_trust_policy_is_edited(&grant);
    let rotated = byo.rotate_external_id(confirm).await.unwrap();
    assert_ne!(rotated.grant.external_id, rotated.previous);
    let drifted = byo.verify().await.unwrap();
    assert_eq!(drifted.failure().unwrap().code(), &ByoCode::AssumeRoleFailed);
    place.run(&rotated.role.aws_cli().directory(place.dir()).update_trust_policy_script());
    let grant = byo.verify().await.unwrap();
    assert!(grant.is_active(), "{:?}", grant.last_verify_error);

    let commands: Vec<_> = rotated.role.aws_cli().delete_role().iter().map(ToString::to_string).collect();
    place.run(&commands.join("\n"));
    let gone = place.admin.shell(&rotated.role.aws_cli().get_role().to_string(), place.dir());
    assert!(String::from_utf8_lossy(&gone.stderr).contains("NoSuchEntity"), "{gone:?}");
    let grant = byo.verify().await.unwrap();
    assert_eq!(grant.status, GrantStatus::Failed);
    assert_eq!(grant.failure().unwrap().code(), &ByoCode::AssumeRoleFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_embedded_account() {
    let Some((place, _running)) = Place::embedded().await else { return };
    made_rotated_deleted(&place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_ministack() {
    let Some(account) = CustomerAccount::shared() else { return };
    let (admin, model, region) =
        (account.root.clone(), account.model.clone(), CustomerAccount::REGION.parse().unwrap());
    let (place, _edgegate) = Place::new(account.storage(), account.principal.clone(), admin, model, region).await;
    made_rotated_deleted(&place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_the_role_decrypts() {
    let Some((place, (world, _edgegate))) = Place::embedded().await else { return };
    let card = &world.card().aws;
    let key: KmsKeyArn = card.kms_key_arn.parse().unwrap();
    let setup = place.byo.setup(place.model.bucket().clone(), place.region.clone()).kms_key(key).await.unwrap();
    let arn = place.create_role(&setup.role.aws_cli().directory(place.dir()));
    let grant = setup.attach_role(arn).await.unwrap();
    let report = place.probe(&grant, card.kms_denied_key.parse().unwrap()).await;
    assert_eq!(report.check(CheckName::Decrypt).unwrap().status, CheckStatus::Passed, "{report}");

    // Without the key in its policy the role may do all but decrypt: the statement is what makes the difference.
    let keyless = cube_sdk::byo::iam::ReaderRole::new(
        setup.role.principal().clone(),
        setup.role.external_id().clone(),
        setup.role.bucket().clone(),
    );
    let commands = keyless.name(setup.role.role_name()).aws_cli().directory(place.dir());
    let file = commands.permission_file();
    std::fs::write(&file.path, file.policy.to_string()).unwrap();
    place.run(&commands.put_role_policy().to_string());
    let report = place.probe(&grant, card.kms_denied_key.parse().unwrap()).await;
    assert_eq!(report.code(), Some(&ByoCode::KmsAccessDenied), "{report}");
}
