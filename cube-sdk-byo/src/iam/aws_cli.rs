//! The role as commands of the AWS CLI, for people and agents to run visibly.
//!
//! Policies go through files: they hold no secret, and a file needs no second quoting.

use std::fmt;
use std::path::{Path, PathBuf};

use super::INLINE_POLICY_NAME;
use super::policy::Policy;
use super::role::ReaderRole;
use super::shell::quote;

/// A policy and the file that a command reads it from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PolicyFile {
    /// Where it is written.
    pub path: PathBuf,
    /// What is written.
    pub policy: Policy,
}

/// One command. `Display` gives it quoted for a POSIX shell.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Command {
    /// What it is for, in words.
    pub purpose: &'static str,
    /// Program and arguments, unquoted: what `std::process::Command` wants.
    pub argv: Vec<String>,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.argv.iter().map(|word| quote(word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// The role as commands of the AWS CLI, version 1 or 2.
///
/// ```
/// use cube_sdk_byo::iam::ReaderRole;
///
/// # fn main() -> cube_sdk_core::Result<()> {
/// let role = ReaderRole::new(
///     "arn:aws:iam::123456789012:user/edgegate-worker".parse()?,
///     "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?,
///     "acme-edge-models".parse()?,
/// );
/// let cli = role.aws_cli().profile("acme-admin").directory("/tmp");
/// for command in cli.create_role() {
///     println!("# {}\n{command}", command.purpose);
/// }
/// assert_eq!(
///     cli.update_trust_policy().to_string(),
///     "aws --profile acme-admin iam update-assume-role-policy --role-name edgegate-byo-read-c2b7a6d4 \
///      --policy-document file:///tmp/edgegate-trust-c2b7a6d4.json"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "ask for the commands or the script"]
pub struct AwsCli {
    role: ReaderRole,
    directory: PathBuf,
    global: Vec<String>,
}

impl ReaderRole {
    /// The role as commands of the AWS CLI.
    pub fn aws_cli(&self) -> AwsCli {
        AwsCli::new(self.clone())
    }
}

impl AwsCli {
    pub(crate) fn new(role: ReaderRole) -> Self {
        Self { role, directory: std::env::temp_dir(), global: Vec::new() }
    }

    /// Where the policy files are written. Default: the system's folder for temporary files.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// The profile of the AWS CLI to use.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.global.extend(["--profile".to_owned(), name.into()]);
        self
    }

    /// Another endpoint than AWS's own: a service that speaks the same API.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.global.extend(["--endpoint-url".to_owned(), url.into()]);
        self
    }

    /// The trust policy and its file.
    pub fn trust_file(&self) -> PolicyFile {
        PolicyFile { path: self.path("trust"), policy: self.role.trust_policy() }
    }

    /// The permission policy and its file.
    pub fn permission_file(&self) -> PolicyFile {
        PolicyFile { path: self.path("perm"), policy: self.role.permission_policy() }
    }

    /// Who am I, create the role, attach its inline policy, print its ARN. Run them in this order, once
    /// [`trust_file`](Self::trust_file) and [`permission_file`](Self::permission_file) are written; then attach
    /// the ARN at EdgeGate.
    pub fn create_role(&self) -> Vec<Command> {
        let name = self.role.role_name();
        let tags: Vec<_> = self
            .role
            .tags()
            .into_iter()
            .map(|(key, value)| serde_json::json!({ "Key": key, "Value": value }))
            .collect();
        vec![
            self.who_am_i(),
            self.command(
                "create the role that EdgeGate assumes",
                &[
                    "iam",
                    "create-role",
                    "--role-name",
                    name.as_str(),
                    "--assume-role-policy-document",
                    &file_url(&self.path("trust")),
                    "--description",
                    &self.role.description(),
                    "--tags",
                    &serde_json::Value::from(tags).to_string(),
                ],
            ),
            self.put_role_policy(),
            self.get_role(),
        ]
    }

    /// Shows which account the commands act in.
    pub fn who_am_i(&self) -> Command {
        self.command("show which account the commands act in", &["sts", "get-caller-identity"])
    }

    /// Attaches the inline policy, replacing an older one of the same name.
    pub fn put_role_policy(&self) -> Command {
        self.command(
            "allow the role to read the bucket",
            &[
                "iam",
                "put-role-policy",
                "--role-name",
                self.role.role_name().as_str(),
                "--policy-name",
                INLINE_POLICY_NAME,
                "--policy-document",
                &file_url(&self.path("perm")),
            ],
        )
    }

    /// Prints the role's ARN.
    pub fn get_role(&self) -> Command {
        let name = self.role.role_name();
        self.command(
            "print the role's ARN, to attach at EdgeGate",
            &["iam", "get-role", "--role-name", name.as_str(), "--query", "Role.Arn", "--output", "text"],
        )
    }

    /// Puts the current External ID into the trust policy: after a rotation, or when it has drifted.
    pub fn update_trust_policy(&self) -> Command {
        self.command(
            "put the current External ID into the role's trust policy",
            &[
                "iam",
                "update-assume-role-policy",
                "--role-name",
                self.role.role_name().as_str(),
                "--policy-document",
                &file_url(&self.path("trust")),
            ],
        )
    }

    /// Takes the role away again: EdgeGate's reads end.
    pub fn delete_role(&self) -> Vec<Command> {
        let name = self.role.role_name();
        vec![
            self.command(
                "take the role's permission away",
                &["iam", "delete-role-policy", "--role-name", name.as_str(), "--policy-name", INLINE_POLICY_NAME],
            ),
            self.command("delete the role", &["iam", "delete-role", "--role-name", name.as_str()]),
        ]
    }

    /// [`create_role`](Self::create_role) as one POSIX shell script that also writes the files.
    pub fn create_role_script(&self) -> String {
        self.script(&[self.trust_file(), self.permission_file()], &self.create_role())
    }

    /// [`update_trust_policy`](Self::update_trust_policy) as one POSIX shell script that also writes the file.
    pub fn update_trust_policy_script(&self) -> String {
        self.script(&[self.trust_file()], &[self.update_trust_policy()])
    }

    fn script(&self, files: &[PolicyFile], commands: &[Command]) -> String {
        let mut script = String::from("set -eu\n");
        for file in files {
            let (text, path) = (quote(&file.policy.to_string()), quote(&file.path.to_string_lossy()));
            script.push_str(&format!("printf '%s\\n' {text} > {path}\n"));
        }
        for command in commands {
            script.push_str(&format!("# {}\n{command}\n", command.purpose));
        }
        script
    }

    fn path(&self, what: &str) -> PathBuf {
        let short = self.role.external_id().short().replace([':', '/'], "-");
        self.directory.join(format!("edgegate-{what}-{short}.json"))
    }

    fn command(&self, purpose: &'static str, arguments: &[&str]) -> Command {
        let program = std::iter::once("aws".to_owned());
        let arguments = arguments.iter().map(|word| (*word).to_owned());
        Command { purpose, argv: program.chain(self.global.iter().cloned()).chain(arguments).collect() }
    }
}

/// The AWS CLI reads `file://` and a path, which it does not percent-decode.
fn file_url(path: &Path) -> String {
    format!("file://{}", path.display())
}
