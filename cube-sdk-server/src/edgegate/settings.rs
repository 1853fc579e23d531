//! What the operator of the service sets: EdgeGate's own AWS identity, which customers put into their trust policies.

use cube_sdk_byo::{AccountId, PrincipalArn, PrincipalKind};
use cube_sdk_core::config::{Environment, Key};
use cube_sdk_core::{Error, ErrorKind, Result};

/// `BYO_EDGEGATE_AWS_ACCOUNT_ID`
pub const ACCOUNT_ID: Key =
    Key::open("BYO_EDGEGATE_AWS_ACCOUNT_ID", "12 digits of the AWS account that the EdgeGate workers call from.");
/// `BYO_EDGEGATE_PRINCIPAL_KIND`
pub const PRINCIPAL_KIND: Key =
    Key::open("BYO_EDGEGATE_PRINCIPAL_KIND", "`user` (default) or `role`: what the workers call AWS as.");
/// `BYO_EDGEGATE_PRINCIPAL_NAME`
pub const PRINCIPAL_NAME: Key =
    Key::open("BYO_EDGEGATE_PRINCIPAL_NAME", "Name of that user or role, with its path; default `edgegate-worker`.");
/// `BYO_CLOUDFORMATION_TEMPLATE_URL`
pub const CLOUDFORMATION_TEMPLATE_URL: Key = Key::open(
    "BYO_CLOUDFORMATION_TEMPLATE_URL",
    "URL of the hosted CloudFormation template, on an `s3*.amazonaws.com` host; without it no one-click launch is offered.",
);

/// Every setting of the operator, for the documentation.
pub const KEYS: [Key; 4] = [ACCOUNT_ID, PRINCIPAL_KIND, PRINCIPAL_NAME, CLOUDFORMATION_TEMPLATE_URL];

/// The operator's settings. A missing account is no error: setup-info then answers with placeholders and a warning.
#[derive(Clone, Debug)]
pub struct OperatorSettings {
    pub(crate) account_id: Option<AccountId>,
    pub(crate) principal_kind: PrincipalKind,
    pub(crate) principal_name: String,
    pub(crate) template_url: Option<String>,
}

impl Default for OperatorSettings {
    fn default() -> Self {
        Self {
            account_id: None,
            principal_kind: PrincipalKind::User,
            principal_name: "edgegate-worker".to_owned(),
            template_url: None,
        }
    }
}

impl OperatorSettings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// `Config`, naming the variable: an account that is not 12 digits, a kind other than `user` and `role`, a name
    /// that IAM does not allow, a template URL outside `https://…s3….amazonaws.com`, where the console would fail
    /// without saying why.
    pub fn from_env(env: &Environment) -> Result<Self> {
        let mut settings = Self::default();
        if let Some(found) = env.text(ACCOUNT_ID)? {
            settings.account_id = Some(found.value.parse().map_err(named(ACCOUNT_ID))?);
        }
        if let Some(found) = env.text(PRINCIPAL_KIND)? {
            settings.principal_kind = match found.value.as_str() {
                "user" => PrincipalKind::User,
                "role" => PrincipalKind::Role,
                _ => return Err(refused(PRINCIPAL_KIND, "it is neither `user` nor `role`")),
            };
        }
        if let Some(found) = env.text(PRINCIPAL_NAME)? {
            settings.principal_name = found.value;
            let kind = settings.kind_word();
            format!("arn:aws:iam::000000000000:{kind}/{}", settings.principal_name)
                .parse::<PrincipalArn>()
                .map_err(named(PRINCIPAL_NAME))?;
        }
        if let Some(found) = env.url(CLOUDFORMATION_TEMPLATE_URL)? {
            let host = found.value.host_str().unwrap_or_default();
            let on_s3 = host.ends_with(".amazonaws.com") && host.split('.').any(|label| label.starts_with("s3"));
            if found.value.scheme() != "https" || !on_s3 {
                return Err(refused(
                    CLOUDFORMATION_TEMPLATE_URL,
                    "CloudFormation loads templates from S3 over https only",
                ));
            }
            settings.template_url = Some(found.value.to_string());
        }
        Ok(settings)
    }

    /// The principal given whole, as the local world does.
    #[must_use]
    pub fn for_principal(principal: &PrincipalArn) -> Self {
        let name = principal.as_str().split_once('/').map_or(principal.name(), |(_, path)| path);
        Self {
            account_id: principal.account().parse().ok(),
            principal_kind: principal.kind(),
            principal_name: name.to_owned(),
            template_url: None,
        }
    }

    /// Is the account set, which customers' trust policies name?
    ///
    /// ```
    /// use cube_sdk_server::edgegate::OperatorSettings;
    /// assert!(!OperatorSettings::default().names_account());
    /// ```
    pub fn names_account(&self) -> bool {
        self.account_id.is_some()
    }

    fn kind_word(&self) -> &'static str {
        match self.principal_kind {
            PrincipalKind::Role => "role",
            _ => "user",
        }
    }

    /// The account, or the placeholder that clients know to stop at.
    pub(crate) fn account(&self) -> &str {
        self.account_id.as_ref().map_or("<EDGEGATE_ACCOUNT_ID>", AccountId::as_str)
    }

    /// The principal of trust policies, with the placeholder inside while the account is unset.
    pub(crate) fn principal(&self) -> String {
        format!("arn:aws:iam::{}:{}/{}", self.account(), self.kind_word(), self.principal_name)
    }
}

fn refused(key: Key, why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{} refused: {why}", key.env)).with_target(key.env).advice(key.doc)
}

fn named(key: Key) -> impl Fn(Error) -> Error {
    move |error| error.with_kind(ErrorKind::Config).with_target(key.env)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<OperatorSettings> {
        OperatorSettings::from_env(&Environment::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn unset_means_placeholders() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.principal(), "arn:aws:iam::<EDGEGATE_ACCOUNT_ID>:user/edgegate-worker");
    }

    #[test]
    fn all_set() {
        let settings = read(&[
            ("BYO_EDGEGATE_AWS_ACCOUNT_ID", "444455556666"),
            ("BYO_EDGEGATE_PRINCIPAL_KIND", "role"),
            ("BYO_EDGEGATE_PRINCIPAL_NAME", "svc/worker"),
            (
                "BYO_CLOUDFORMATION_TEMPLATE_URL",
                "https://acme.s3.eu-central-1.amazonaws.com/byo-storage/cloudformation.yaml",
            ),
        ])
        .unwrap();
        assert_eq!(settings.principal(), "arn:aws:iam::444455556666:role/svc/worker");
        let principal: PrincipalArn = settings.principal().parse().unwrap();
        assert_eq!(OperatorSettings::for_principal(&principal).principal(), settings.principal());
    }

    #[test]
    fn mistakes_name_their_variable() {
        for (name, value) in [
            ("BYO_EDGEGATE_AWS_ACCOUNT_ID", "123"),
            ("BYO_EDGEGATE_PRINCIPAL_KIND", "group"),
            ("BYO_EDGEGATE_PRINCIPAL_NAME", "a b"),
            ("BYO_CLOUDFORMATION_TEMPLATE_URL", "https://example.com/t.yaml"),
            ("BYO_CLOUDFORMATION_TEMPLATE_URL", "http://acme.s3.amazonaws.com/t.yaml"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some(name)), "{value}");
        }
    }
}
