//! The role as a CloudFormation template.
//!
//! Parameters: `ExternalId`, `BucketName`, `KmsKeyArn` (empty = none), `EdgeGatePrincipalArn`, `RoleName`, and
//! `ManageBucketPolicy` (off: a bucket policy would replace the customer's own). Output: `RoleArn`.

use cube_sdk_core::{Error, ErrorKind, Result};
use url::Url;

use super::aws_cli::Command;
use super::role::ReaderRole;
use crate::region::Region;

const TEMPLATE: &str = include_str!("cloudformation.yaml");

/// The role as a CloudFormation template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CloudFormation {
    role: ReaderRole,
}

impl ReaderRole {
    /// The role as a CloudFormation template.
    pub fn cloudformation(&self) -> CloudFormation {
        CloudFormation::new(self.clone())
    }
}

impl CloudFormation {
    pub(crate) fn new(role: ReaderRole) -> Self {
        Self { role }
    }

    /// The template, with this role's values as defaults of its parameters: it can be launched as it is.
    pub fn template(&self) -> String {
        let role = &self.role;
        let tags: Vec<_> = role
            .tags()
            .into_iter()
            .map(|(key, value)| match key {
                "edgegate:external_id" => tag(key, "!Ref ExternalId"),
                "edgegate:bucket" => tag(key, "!Ref BucketName"),
                _ => tag(key, &scalar(&value)),
            })
            .collect();
        let default = |value: &str| format!("\n    Default: {}", scalar(value));
        TEMPLATE
            .replace("{{ExternalId}}", &default(role.external_id().as_str()))
            .replace("{{BucketName}}", &default(role.bucket().as_str()))
            .replace("{{KmsKeyArn}}", &scalar(role.key().map_or("", |key| key.as_str())))
            .replace("{{RoleName}}", &scalar(role.role_name().as_str()))
            .replace("{{Tags}}", &tags.concat())
            // Last: alone among the values an ARN's path may hold braces.
            .replace("{{EdgeGatePrincipalArn}}", &default(role.principal().as_str()))
    }

    /// The parameters of the stack by name, as this role sets them.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let role = &self.role;
        vec![
            ("ExternalId", role.external_id().to_string()),
            ("BucketName", role.bucket().to_string()),
            ("KmsKeyArn", role.key().map(ToString::to_string).unwrap_or_default()),
            ("EdgeGatePrincipalArn", role.principal().to_string()),
            ("RoleName", role.role_name().to_string()),
        ]
    }

    /// The page of the AWS console that creates the stack in one click, all parameters filled in.
    ///
    /// `template_url` is where the console loads the template from, such as
    /// [`SetupInfo::cloudformation_template_url`](crate::rest::SetupInfo::cloudformation_template_url).
    ///
    /// # Errors
    /// `InvalidInput` when the template is on no `s3*.amazonaws.com` host: the console fails silently then.
    pub fn launch_url(&self, region: &Region, stack: &str, template_url: &str) -> Result<Url> {
        let refused = |why: &str| {
            Error::new(ErrorKind::InvalidInput, format!("template URL refused: {why}"))
                .advice("deploy the rendered template with `deploy_command` instead")
        };
        let template = Url::parse(template_url).map_err(|cause| refused("it is no URL").cause(cause))?;
        let host = template.host_str().unwrap_or_default();
        let on_s3 =
            host.strip_suffix(".amazonaws.com").is_some_and(|rest| rest.split('.').any(|l| l.starts_with("s3")));
        if template.scheme() != "https" || !on_s3 {
            return Err(refused("the console loads templates from https://…s3….amazonaws.com only"));
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("templateURL", template.as_str()).append_pair("stackName", stack);
        for (name, value) in self.parameters() {
            query.append_pair(&format!("param_{name}"), &value);
        }
        // The console reads this part itself, from the fragment, where a plus is no space.
        let query = query.finish().replace('+', "%20");
        let page = format!("https://{region}.console.aws.amazon.com/cloudformation/home?region={region}");
        Url::parse(&format!("{page}#/stacks/create/review?{query}"))
            .map_err(|cause| refused("it makes no link").cause(cause))
    }

    /// Creates or updates the stack from the template in `file`.
    pub fn deploy_command(&self, stack: &str, file: &str) -> Command {
        let fixed = [
            "aws",
            "cloudformation",
            "deploy",
            "--stack-name",
            stack,
            "--template-file",
            file,
            "--capabilities",
            "CAPABILITY_NAMED_IAM",
            "--parameter-overrides",
        ];
        let parameters = self.parameters().into_iter().map(|(name, value)| format!("{name}={value}"));
        Command {
            purpose: "create or update the stack with the role",
            argv: fixed.into_iter().map(str::to_owned).chain(parameters).collect(),
        }
    }
}

fn tag(key: &str, value: &str) -> String {
    format!("        - Key: {key}\n          Value: {value}\n")
}

/// A YAML single-quoted scalar: nothing but the quote itself needs care in it.
fn scalar(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
