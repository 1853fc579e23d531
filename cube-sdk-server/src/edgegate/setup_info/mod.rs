//! `GET setup-info`: what a customer needs to make the role. It answers 200 on every plan, and also when the operator
//! has not set the account: then with placeholders and a warning.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use super::app::App;
use super::call::Call;
use super::settings::OperatorSettings;
use crate::refusal::Answer;
use crate::store::Role;

#[derive(Debug, Serialize)]
pub(crate) struct SetupInfo {
    edgegate_aws_account_id: String,
    edgegate_principal_arn: String,
    docs_url: &'static str,
    trust_policy_template: String,
    permission_policy_template: String,
    permission_policy_with_kms_template: String,
    cloudformation_template_url: String,
    cloudformation_template_yaml: String,
    terraform_template: String,
    terraform_template_with_kms: String,
    setup_info_warning: Option<&'static str>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, call: Call) -> Answer<Json<SetupInfo>> {
    app.access(&call).await?.at_least(Role::Admin)?;
    Ok(Json(setup_info(&app.settings)))
}

pub(crate) fn setup_info(settings: &OperatorSettings) -> SetupInfo {
    let principal = settings.principal();
    SetupInfo {
        edgegate_aws_account_id: settings.account().to_owned(),
        docs_url: "https://edgegate.frozo.ai/docs/byo-storage",
        trust_policy_template: pretty(&trust_policy(&principal)),
        permission_policy_template: pretty(&permission_policy(false)),
        permission_policy_with_kms_template: pretty(&permission_policy(true)),
        cloudformation_template_url: settings.template_url.clone().unwrap_or_default(),
        cloudformation_template_yaml: CLOUDFORMATION.replace("${PRINCIPAL_ARN}", &principal),
        terraform_template: TERRAFORM.replace("${PRINCIPAL_ARN}", &principal).replace("${DECRYPT}", ""),
        terraform_template_with_kms: TERRAFORM
            .replace("${PRINCIPAL_ARN}", &principal)
            .replace("${DECRYPT}", TERRAFORM_DECRYPT),
        edgegate_principal_arn: principal,
        setup_info_warning: settings.account_id.is_none().then_some(
            "the operator has not set BYO_EDGEGATE_AWS_ACCOUNT_ID: no role can be made from these documents yet",
        ),
    }
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

fn trust_policy(principal: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": "<EXTERNAL_ID>" } },
    }] })
}

fn permission_policy(kms: bool) -> Value {
    let mut statements = vec![
        json!({ "Sid": "ReadObjects", "Effect": "Allow", "Action": ["s3:GetObject"],
            "Resource": "arn:aws:s3:::<BUCKET>/*" }),
        json!({ "Sid": "ListBucket", "Effect": "Allow", "Action": ["s3:ListBucket"],
            "Resource": "arn:aws:s3:::<BUCKET>" }),
    ];
    if kms {
        statements.push(json!({ "Sid": "DecryptModels", "Effect": "Allow", "Action": ["kms:Decrypt"],
            "Resource": "<KMS_KEY_ARN>" }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

const CLOUDFORMATION: &str = include_str!("cloudformation.yaml");
const TERRAFORM: &str = include_str!("role.tf");
const TERRAFORM_DECRYPT: &str = include_str!("decrypt.tf");

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn an_unset_account_warns_and_never_fails() {
        let info = setup_info(&OperatorSettings::default());
        assert_eq!(info.edgegate_aws_account_id, "<EDGEGATE_ACCOUNT_ID>");
        assert!(info.setup_info_warning.is_some());
    }

    #[test]
    fn documents_grant_reading_and_nothing_else() {
        let principal = "arn:aws:iam::444455556666:user/edgegate-worker".parse().unwrap();
        let info = setup_info(&OperatorSettings::for_principal(&principal));
        assert_eq!(info.setup_info_warning, None);
        let trust: Value = serde_json::from_str(&info.trust_policy_template).unwrap();
        assert_eq!(trust["Statement"][0]["Principal"]["AWS"], principal.as_str());
        assert_eq!(trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"], "<EXTERNAL_ID>");
        let plain: Value = serde_json::from_str(&info.permission_policy_template).unwrap();
        let kms: Value = serde_json::from_str(&info.permission_policy_with_kms_template).unwrap();
        assert_eq!(plain["Statement"].as_array().unwrap().len(), 2);
        assert_eq!(kms["Statement"][2]["Action"][0], "kms:Decrypt");
        for text in [&info.cloudformation_template_yaml, &info.terraform_template, &info.terraform_template_with_kms] {
            assert!(
                text.contains(principal.as_str()) && !text.contains("${PRINCIPAL_ARN}") && !text.contains("${DECRYPT}")
            );
            assert!(!text.contains("s3:Put") && !text.contains("s3:Delete"));
        }
        assert!(info.terraform_template_with_kms.contains("kms:Decrypt"));
        assert!(!info.terraform_template.contains("kms:Decrypt"));
    }
}
