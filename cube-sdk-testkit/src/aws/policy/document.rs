//! A policy document, parsed as strictly as IAM does.

use serde_json::{Map, Value};

use super::condition::Condition;
use super::malformed::Malformed;
use super::variable::{Template, Variables};

/// Where a document may stand; IAM demands other fields in each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A role's trust policy: `Principal`, no `Resource`.
    Trust,
    /// An inline policy or a session policy: `Resource`, no `Principal`.
    Identity,
    /// A bucket policy: both.
    Resource,
}

/// A parsed policy and the text it came from.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) text: String,
    pub(super) statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) deny: bool,
    pub(super) principals: Option<Principals>,
    pub(super) actions: Scope<String>,
    pub(super) resources: Option<Scope<Template>>,
    pub(super) conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug)]
pub(super) struct Scope<T> {
    pub(super) patterns: Vec<T>,
    pub(super) inverted: bool,
}

/// `Principal` or `NotPrincipal`: the AWS principals named; `*` is everyone.
#[derive(Clone, Debug)]
pub(super) struct Principals {
    pub(super) names: Vec<String>,
    pub(super) inverted: bool,
}

impl Document {
    /// Parses `text` as a document of `kind`.
    pub(crate) fn parse(text: &str, kind: Kind) -> Result<Self, Malformed> {
        let value: Value =
            serde_json::from_str(text).map_err(|_| Malformed::new("This policy contains invalid Json"))?;
        let object = value.as_object().ok_or_else(|| Malformed::new("Syntax errors in policy."))?;
        if let Some(extra) = object.keys().find(|k| !matches!(k.as_str(), "Version" | "Id" | "Statement")) {
            return Err(Malformed(format!("Syntax errors in policy: unknown field {extra}.")));
        }
        // The older version of the language, which is also the default, knows no variables.
        let variables = match object.get("Version").map(Value::as_str) {
            Some(Some("2012-10-17")) => Variables::Resolved,
            None | Some(Some("2008-10-17")) => Variables::Literal,
            Some(_) => {
                return Err(Malformed::new("The policy must contain a valid version string"));
            }
        };
        let statements = match object.get("Statement") {
            Some(Value::Array(many)) if !many.is_empty() => many.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err(Malformed::new("Missing required field Statement")),
        };
        let statements =
            statements.into_iter().map(|s| Statement::parse(s, kind, variables)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), statements })
    }
}

impl Statement {
    fn parse(value: &Value, kind: Kind, variables: Variables) -> Result<Self, Malformed> {
        let object = value.as_object().ok_or_else(|| Malformed::new("Syntax errors in policy."))?;
        for key in object.keys() {
            match key.as_str() {
                "Sid" | "Effect" | "Action" | "NotAction" | "Condition" => {}
                "Principal" | "NotPrincipal" if kind == Kind::Identity => {
                    return Err(Malformed::new("Policy document should not specify a principal."));
                }
                "Resource" | "NotResource" if kind == Kind::Trust => {
                    return Err(Malformed(format!("Has prohibited field {key}")));
                }
                "Principal" | "NotPrincipal" | "Resource" | "NotResource" => {}
                other => {
                    return Err(Malformed(format!("Syntax errors in policy: unknown field {other}.")));
                }
            }
        }
        let deny = match object.get("Effect").and_then(Value::as_str) {
            Some("Allow") => false,
            Some("Deny") => true,
            _ => return Err(Malformed::new("Missing required field Effect")),
        };
        let actions = Scope::parse(object, "Action", "NotAction")?
            .ok_or_else(|| Malformed::new("Policy statement must contain actions."))?;
        if let Some(bad) = actions.patterns.iter().find(|a| a.as_str() != "*" && !a.contains(':')) {
            return Err(Malformed(format!(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {bad}"
            )));
        }
        let resources = Scope::parse(object, "Resource", "NotResource")?;
        if resources.is_none() && kind != Kind::Trust {
            return Err(Malformed::new("Policy statement must contain resources."));
        }
        resources.iter().flat_map(|scope| &scope.patterns).try_for_each(|text| check_arn(text))?;
        let resources = resources.map(|scope| Scope {
            patterns: scope.patterns.iter().map(|text| Template::resource(text, variables)).collect(),
            inverted: scope.inverted,
        });
        let principals = Principals::parse(object)?;
        if principals.is_none() && kind != Kind::Identity {
            return Err(Malformed::new("Missing required field Principal"));
        }
        let conditions = object.get("Condition").map(|block| Condition::parse_block(block, variables));
        Ok(Self { deny, principals, actions, resources, conditions: conditions.transpose()?.unwrap_or_default() })
    }
}

/// Partition and service of a resource are written out. A star that ends a segment may stand for the segments behind it.
fn check_arn(text: &str) -> Result<(), Malformed> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, vendor, rest @ ..] = parts.as_slice() else {
        return if text == "*" { Ok(()) } else { Err(no_arn(text)) };
    };
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_word(partition) {
        return Err(Malformed(format!("Partition \"{partition}\" is not valid for resource \"{text}\".")));
    }
    if !is_word(vendor) {
        return Err(Malformed::new("Resource vendor must be fully qualified and cannot contain regexes."));
    }
    if rest.len() == 3 || text.ends_with('*') { Ok(()) } else { Err(no_arn(text)) }
}

fn no_arn(text: &str) -> Malformed {
    Malformed(format!("Resource {text} must be in ARN format or \"*\"."))
}

impl Scope<String> {
    fn parse(object: &Map<String, Value>, name: &str, inverse: &str) -> Result<Option<Self>, Malformed> {
        let (value, inverted) = match (object.get(name), object.get(inverse)) {
            (Some(value), None) => (value, false),
            (None, Some(value)) => (value, true),
            (None, None) => return Ok(None),
            _ => {
                return Err(Malformed(format!("Statement holds both {name} and {inverse}.")));
            }
        };
        let patterns = texts(value)?;
        if patterns.is_empty() {
            return Err(Malformed(format!("{name} must not be empty.")));
        }
        Ok(Some(Self { patterns, inverted }))
    }
}

impl Principals {
    fn parse(object: &Map<String, Value>) -> Result<Option<Self>, Malformed> {
        let (value, inverted) = match (object.get("Principal"), object.get("NotPrincipal")) {
            (Some(value), None) => (value, false),
            (None, Some(value)) => (value, true),
            (None, None) => return Ok(None),
            _ => {
                return Err(Malformed::new("Statement holds both Principal and NotPrincipal."));
            }
        };
        let mut names = Vec::new();
        match value {
            Value::String(text) if text == "*" => names.push("*".to_owned()),
            Value::Object(kinds) => {
                for (kind, value) in kinds {
                    let listed = texts(value)?;
                    match kind.as_str() {
                        "AWS" => {
                            if let Some(bad) = listed.iter().find(|name| !is_aws_principal(name)) {
                                return Err(Malformed(format!("Invalid principal in policy: \"AWS\":\"{bad}\"")));
                            }
                            names.extend(listed);
                        }
                        // Legal, but never a caller of this world.
                        "Service" | "Federated" | "CanonicalUser" => {}
                        _ => {
                            return Err(Malformed(format!("Invalid principal in policy: \"{kind}\"")));
                        }
                    }
                }
            }
            _ => return Err(Malformed::new("Invalid principal in policy.")),
        }
        Ok(Some(Self { names, inverted }))
    }
}

fn is_aws_principal(name: &str) -> bool {
    let account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if name == "*" || account(name) {
        return true;
    }
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", "aws", "iam", "", id, rest] => {
            account(id)
                && (*rest == "root" || ["user/", "role/"].iter().any(|p| rest.len() > p.len() && rest.starts_with(p)))
        }
        ["arn", "aws", "sts", "", id, rest] => account(id) && rest.starts_with("assumed-role/"),
        _ => false,
    }
}

fn texts(value: &Value) -> Result<Vec<String>, Malformed> {
    let one =
        |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| Malformed::new("Syntax errors in policy."));
    match value {
        Value::Array(many) => many.iter().map(one).collect(),
        single => Ok(vec![one(single)?]),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_iam_refuses() {
        let identity = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#;
        let of = |resource: &str| identity.replace(r#""*""#, &format!("{resource:?}"));
        assert!(Document::parse(identity, Kind::Identity).is_ok());
        for resource in ["arn:aws:s3:::b", "arn:aws:s3:*", "arn:aws-cn:s3:::b/x:y", "arn:aws:kms:*:111122223333:key/*"]
        {
            assert!(Document::parse(&of(resource), Kind::Identity).is_ok(), "{resource}");
        }
        assert!(Document::parse(trust, Kind::Trust).is_ok());
        for (text, kind, words) in [
            ("{", Kind::Identity, "invalid Json"),
            ("[]", Kind::Identity, "Syntax errors"),
            (r#"{"Version":"2012-10-17"}"#, Kind::Identity, "Statement"),
            (r#"{"Version":"2020-01-01","Statement":[]}"#, Kind::Identity, "version"),
            (trust, Kind::Identity, "principal"),
            (identity, Kind::Trust, "prohibited field Resource"),
            (r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#, Kind::Trust, "Principal"),
            (r#"{"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}"#, Kind::Identity, "Effect"),
            (r#"{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}"#, Kind::Identity, "vendor"),
            (r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}"#, Kind::Identity, "ARN format"),
            (r#"{"Statement":{"Effect":"Allow","Action":"s3:*"}}"#, Kind::Identity, "resources"),
            (&of("arn:*:s3:::b/*"), Kind::Identity, "Partition \"*\""),
            (&of("arn::s3:::b"), Kind::Identity, "Partition \"\""),
            (&of("arn:aws:*:::b"), Kind::Identity, "vendor must be fully qualified"),
            (&of("arn:aws:s?:::b"), Kind::Identity, "vendor must be fully qualified"),
            (&of("arn:aws:${aws:username}:::b"), Kind::Identity, "vendor must be fully qualified"),
            (&of("arn:aws:s3:b"), Kind::Identity, "ARN format"),
            (&of("arn:aws"), Kind::Identity, "ARN format"),
            (&of(""), Kind::Identity, "ARN format"),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"bob"}}}"#,
                Kind::Trust,
                "Invalid principal",
            ),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Colour":"red"}}"#,
                Kind::Identity,
                "Colour",
            ),
        ] {
            let refused = Document::parse(text, kind).unwrap_err();
            assert!(refused.0.contains(words), "{text}: {refused:?}");
        }
    }
}
