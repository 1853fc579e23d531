//! The decision: explicit deny first, then what identity, session and resource policies allow together.

use super::context::Context;
use super::document::{Document, Principals, Scope, Statement};
use super::pattern::matches_ignoring_case;

/// One request as the evaluator sees it.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    /// The names the caller answers to in a `Principal`: its ARN, its role's ARN, its account.
    pub(crate) principal_names: &'a [String],
    /// `service:Action`.
    pub(crate) action: &'a str,
    /// The resource's ARN.
    pub(crate) resource: &'a str,
    /// Condition keys in lower case.
    pub(crate) context: Context,
}

/// The policies in force for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    /// The caller's own policies.
    pub(crate) identity: &'a [&'a Document],
    /// The policy the session was opened with.
    pub(crate) session: Option<&'a Document>,
    /// The policy on the resource.
    pub(crate) resource: Option<&'a Document>,
    /// The organization's and the boundary's word: each that is there must allow, none of them grants.
    pub(crate) guards: &'a [(Guard, &'a Document)],
    /// Whether caller and resource belong to one account; else both sides must allow.
    pub(crate) same_account: bool,
}

/// A policy that only takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Guard {
    /// The organization's, over the callers of the account.
    ServiceControl,
    /// The organization's, over the resources of the account.
    ResourceControl,
    /// The boundary of the account's roles.
    PermissionsBoundary,
    /// The network's that callers come from, over all that they ask for: whose it is the account cannot know.
    VpcEndpoint,
}

impl Guard {
    fn name(self) -> &'static str {
        match self {
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
            Self::PermissionsBoundary => "permissions boundary",
            Self::VpcEndpoint => "VPC endpoint policy",
        }
    }

    /// Behind an explicit deny AWS names the policy itself, of IAM and of the organization.
    fn arn(self) -> &'static str {
        match self {
            Self::ServiceControl => {
                ": arn:aws:organizations::999988887777:policy/o-double/service_control_policy/p-guard"
            }
            Self::ResourceControl => {
                ": arn:aws:organizations::999988887777:policy/o-double/resource_control_policy/p-guard"
            }
            Self::PermissionsBoundary => ": arn:aws:iam::aws:policy/boundary",
            Self::VpcEndpoint => "",
        }
    }
}

/// Why access was refused; the text is the tail of AWS's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    ExplicitIdentity,
    ExplicitSession,
    ExplicitResource,
    NoIdentity,
    NoSession,
    NoResource,
    ExplicitGuard(Guard),
    NoGuard(Guard),
}

impl Denial {
    /// `because …`, as AWS ends its access-denied messages (IAM user guide, access denied errors).
    pub(crate) fn because(self, action: &str) -> String {
        match self {
            Self::ExplicitIdentity => "with an explicit deny in an identity-based policy".to_owned(),
            Self::ExplicitSession => "with an explicit deny in a session policy".to_owned(),
            Self::ExplicitResource => "with an explicit deny in a resource-based policy".to_owned(),
            Self::NoIdentity => {
                format!("because no identity-based policy allows the {action} action")
            }
            Self::NoSession => format!("because no session policy allows the {action} action"),
            Self::NoResource => {
                format!("because no resource-based policy allows the {action} action")
            }
            Self::ExplicitGuard(guard) => format!("with an explicit deny in a {}{}", guard.name(), guard.arn()),
            Self::NoGuard(guard) => format!("because no {} allows the {action} action", guard.name()),
        }
    }
}

/// The outcome.
pub(crate) type Decision = Result<(), Denial>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allow,
    Deny,
    Silent,
}

/// Decides one request.
pub(crate) fn decide(question: &Question<'_>, access: Access<'_>) -> Decision {
    let identity = read(access.identity.iter().copied(), question);
    let session = access.session.map(|document| read([document].into_iter(), question));
    let resource = read(access.resource.into_iter(), question);
    if resource == Verdict::Deny {
        return Err(Denial::ExplicitResource);
    }
    if identity == Verdict::Deny {
        return Err(Denial::ExplicitIdentity);
    }
    if session == Some(Verdict::Deny) {
        return Err(Denial::ExplicitSession);
    }
    let guards: Vec<_> =
        access.guards.iter().map(|(guard, document)| (*guard, read([*document].into_iter(), question))).collect();
    if let Some((guard, _)) = guards.iter().find(|(_, verdict)| *verdict == Verdict::Deny) {
        return Err(Denial::ExplicitGuard(*guard));
    }
    if let Some((guard, _)) = guards.iter().find(|(_, verdict)| *verdict == Verdict::Silent) {
        return Err(Denial::NoGuard(*guard));
    }
    let by_identity = identity == Verdict::Allow;
    let by_resource = resource == Verdict::Allow;
    if !access.same_account && !by_resource {
        return Err(Denial::NoResource);
    }
    if !(by_identity || access.same_account && by_resource) {
        return Err(Denial::NoIdentity);
    }
    match session {
        None | Some(Verdict::Allow) => Ok(()),
        Some(_) => Err(Denial::NoSession),
    }
}

fn read<'a>(documents: impl Iterator<Item = &'a Document>, question: &Question<'_>) -> Verdict {
    let mut verdict = Verdict::Silent;
    for statement in documents.flat_map(|document| &document.statements) {
        if statement.applies(question) {
            if statement.deny {
                return Verdict::Deny;
            }
            verdict = Verdict::Allow;
        }
    }
    verdict
}

impl Statement {
    fn applies(&self, question: &Question<'_>) -> bool {
        self.actions.covers(|pattern| matches_ignoring_case(pattern, question.action))
            && self
                .resources
                .as_ref()
                .is_none_or(|scope| scope.covers(|template| template.is_like(question.resource, &question.context)))
            && self.principals.as_ref().is_none_or(|named| named.admit(question.principal_names))
            && self.conditions.iter().all(|condition| condition.holds(&question.context))
    }
}

impl<T> Scope<T> {
    fn covers(&self, matches: impl Fn(&T) -> bool) -> bool {
        self.patterns.iter().any(matches) != self.inverted
    }
}

impl Principals {
    fn admit(&self, caller: &[String]) -> bool {
        self.names.iter().any(|name| name == "*" || caller.contains(name)) != self.inverted
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::document::Kind;
    use super::*;
    use serde_json::{Value, json};

    const OBJECT: &str = "arn:aws:s3:::models/vision/net.onnx";

    fn identity(statements: Value) -> Document {
        Document::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string(), Kind::Identity).unwrap()
    }

    fn resource(statements: Value) -> Document {
        Document::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string(), Kind::Resource).unwrap()
    }

    fn allow(action: &str, resource: &str) -> Value {
        json!({"Effect": "Allow", "Action": action, "Resource": resource})
    }

    fn deny(action: &str, resource: &str) -> Value {
        json!({"Effect": "Deny", "Action": action, "Resource": resource})
    }

    #[test]
    fn table_of_decisions() {
        let names = ["arn:aws:iam::111122223333:role/r".to_owned(), "111122223333".to_owned()];
        let question =
            Question { principal_names: &names, action: "s3:GetObject", resource: OBJECT, context: Context::new() };
        let reads = identity(json!([allow("s3:GetObject", "arn:aws:s3:::models/*")]));
        let lists = identity(json!([allow("s3:ListBucket", "arn:aws:s3:::models")]));
        let denies = identity(json!([allow("*", "*"), deny("s3:Get*", "arn:aws:s3:::models/vision/*")]));
        let others = identity(json!([{"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"}]));
        let elsewhere =
            identity(json!([{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::models/*"}]));
        let bucket_allows = resource(
            json!([{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models/*"}]),
        );
        let bucket_denies =
            resource(json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECT}]));
        let bucket_of_others = resource(
            json!([{"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": "*"}]),
        );
        type Case<'a> = (&'a [&'a Document], Option<&'a Document>, Option<&'a Document>, bool, Decision);
        let cases: &[Case<'_>] = &[
            (&[&reads], None, None, true, Ok(())),
            (&[], None, None, true, Err(Denial::NoIdentity)),
            (&[&lists], None, None, true, Err(Denial::NoIdentity)),
            (&[&denies], None, None, true, Err(Denial::ExplicitIdentity)),
            (&[&reads, &denies], None, None, true, Err(Denial::ExplicitIdentity)),
            (&[&others], None, None, true, Err(Denial::NoIdentity)),
            (&[&elsewhere], None, None, true, Err(Denial::NoIdentity)),
            (&[&reads], Some(&reads), None, true, Ok(())),
            (&[&reads], Some(&lists), None, true, Err(Denial::NoSession)),
            (&[&lists], Some(&reads), None, true, Err(Denial::NoIdentity)),
            (&[&reads], Some(&denies), None, true, Err(Denial::ExplicitSession)),
            (&[], None, Some(&bucket_allows), true, Ok(())),
            (&[&reads], None, Some(&bucket_denies), true, Err(Denial::ExplicitResource)),
            (&[&reads], None, Some(&bucket_of_others), true, Ok(())),
            (&[&reads], None, None, false, Err(Denial::NoResource)),
            (&[&reads], None, Some(&bucket_allows), false, Ok(())),
            (&[], None, Some(&bucket_allows), false, Err(Denial::NoIdentity)),
        ];
        for (row, (identity, session, resource, same_account, expected)) in cases.iter().enumerate() {
            let same_account = *same_account;
            let access = Access { identity, session: *session, resource: *resource, guards: &[], same_account };
            assert_eq!(decide(&question, access), *expected, "row {row}");
        }
    }

    #[test]
    fn guards_take_away_and_say_so() {
        let names = ["111122223333".to_owned()];
        let question =
            Question { principal_names: &names, action: "s3:GetObject", resource: OBJECT, context: Context::new() };
        let all = identity(json!([allow("*", "*")]));
        let none = identity(json!([allow("ec2:*", "*")]));
        let not_this = identity(json!([allow("*", "*"), deny("s3:Get*", "*")]));
        for (guard, policy, words) in [
            (
                Guard::ServiceControl,
                &not_this,
                "with an explicit deny in a service control policy: \
                 arn:aws:organizations::999988887777:policy/o-double/service_control_policy/p-guard",
            ),
            (
                Guard::ResourceControl,
                &not_this,
                "with an explicit deny in a resource control policy: \
                 arn:aws:organizations::999988887777:policy/o-double/resource_control_policy/p-guard",
            ),
            (Guard::VpcEndpoint, &not_this, "with an explicit deny in a VPC endpoint policy"),
            (Guard::VpcEndpoint, &none, "because no VPC endpoint policy allows the s3:GetObject action"),
            (Guard::PermissionsBoundary, &none, "because no permissions boundary allows the s3:GetObject action"),
        ] {
            let guards = [(Guard::ServiceControl, &all), (guard, policy)];
            let access =
                Access { identity: &[&all], session: None, resource: None, guards: &guards, same_account: true };
            assert_eq!(decide(&question, access).unwrap_err().because("s3:GetObject"), words);
        }
    }
}
