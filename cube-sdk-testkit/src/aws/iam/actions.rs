//! The IAM calls that make, read and unmake a role (IAM API reference).

use std::sync::Arc;

use super::super::clock;
use super::super::identity::Caller;
use super::super::policy::{Denial, Document, Kind};
use super::super::query::{ApiError, Constraints, Form, Pattern, Xml};
use super::super::state::State;
use super::Role;

/// Characters of all inline policies of a role, whitespace left out (IAM and STS quotas).
const INLINE_QUOTA: usize = 10_240;
/// Characters of a trust policy, by default.
const TRUST_QUOTA: usize = 2_048;
const MAX_SESSION: std::ops::RangeInclusive<u32> = 3_600..=43_200;

/// Answers one IAM action with the inside of its `…Result`, or `None` where the answer has none.
pub(crate) fn handle(state: &State, caller: &Caller, action: &str, form: &Form) -> Result<Option<Xml>, ApiError> {
    let name = form.need("RoleName")?;
    let mut constraints = Constraints::default();
    constraints.text(name, "roleName", 1..=64, Pattern::Words { marks: "+=,.@-", shown: "[\\w+=,.@-]+" });
    for (parameter, shown) in
        [("PolicyDocument", "policyDocument"), ("AssumeRolePolicyDocument", "assumeRolePolicyDocument")]
    {
        if let Some(text) = form.get(parameter) {
            constraints.text(text, shown, 1..=131_072, Pattern::Latin1);
        }
    }
    constraints.finish()?;
    let resource = format!("arn:aws:iam::{}:role/{name}", state.account_id);
    let needed = format!("iam:{action}");
    // Another account's user asks about its own account's roles, where it has no IAM permission either.
    let decided = if caller.account() == state.account_id {
        state.permit_account(caller, &needed, &resource)
    } else {
        Err(Denial::NoIdentity)
    };
    decided.map_err(|why| {
        ApiError::denied(format!(
            "User: {} is not authorized to perform: {needed} on resource: {resource} {}",
            caller.arn(),
            why.because(&needed)
        ))
    })?;
    match action {
        "CreateRole" => create(state, name, form).map(Some),
        "GetRole" => {
            let roles = state.iam.latest();
            let role = roles.get(name).ok_or_else(|| missing(name))?;
            Ok(Some(Xml::new().wrap("Role", |xml| describe(xml, role))))
        }
        "DeleteRole" => {
            state.iam.change(&state.mint, |roles| {
                let role = roles.get(name).ok_or_else(|| missing(name))?;
                if !role.inline.is_empty() {
                    return Err(ApiError::sender(
                        409,
                        "DeleteConflict",
                        "Cannot delete entity, must delete policies first.",
                    ));
                }
                roles.remove(name);
                Ok(())
            })?;
            Ok(None)
        }
        "UpdateAssumeRolePolicy" => {
            let trust = document(form, Kind::Trust)?;
            trust_quota(&trust)?;
            edit(state, name, |role| role.trust = trust)
        }
        "PutRolePolicy" => {
            let policy = form.need("PolicyName")?.to_owned();
            let text = document(form, Kind::Identity)?;
            state.iam.change(&state.mint, |roles| {
                let role = roles.get_mut(name).ok_or_else(|| missing(name))?;
                role.inline.insert(policy, text);
                let total: usize = role.inline.values().map(|document| without_whitespace(&document.text)).sum();
                if total > INLINE_QUOTA {
                    let message = format!("Maximum policy size of {INLINE_QUOTA} bytes exceeded for role {name}");
                    return Err(ApiError::limit(&message));
                }
                Ok(None)
            })
        }
        "GetRolePolicy" => {
            let roles = state.iam.latest();
            let role = roles.get(name).ok_or_else(|| missing(name))?;
            let policy = form.need("PolicyName")?;
            let text = role.inline.get(policy).ok_or_else(|| missing_policy(policy))?;
            Ok(Some(
                Xml::new()
                    .text("RoleName", name)
                    .text("PolicyName", policy)
                    .text("PolicyDocument", &url_encoded(&text.text)),
            ))
        }
        "ListRolePolicies" => {
            let roles = state.iam.latest();
            let role = roles.get(name).ok_or_else(|| missing(name))?;
            let members = |xml: Xml| role.inline.keys().fold(xml, |xml, policy| xml.text("member", policy));
            Ok(Some(Xml::new().wrap("PolicyNames", members).text("IsTruncated", "false")))
        }
        "DeleteRolePolicy" => {
            let policy = form.need("PolicyName")?;
            state.iam.change(&state.mint, |roles| {
                let role = roles.get_mut(name).ok_or_else(|| missing(name))?;
                role.inline.remove(policy).map(|_| ()).ok_or_else(|| missing_policy(policy))
            })?;
            Ok(None)
        }
        "ListAttachedRolePolicies" | "ListInstanceProfilesForRole" => {
            let list = if action == "ListAttachedRolePolicies" { "AttachedPolicies" } else { "InstanceProfiles" };
            state.iam.latest().get(name).ok_or_else(|| missing(name))?;
            Ok(Some(Xml::new().wrap(list, |xml| xml).text("IsTruncated", "false")))
        }
        "TagRole" => {
            let tags = form.pairs("Tags.member");
            edit(state, name, |role| {
                role.tags.retain(|(key, _)| !tags.iter().any(|(new, _)| new == key));
                role.tags.extend(tags);
            })
        }
        _ => Err(ApiError::invalid_action(action)),
    }
}

fn create(state: &State, name: &str, form: &Form) -> Result<Xml, ApiError> {
    let text = form.need("AssumeRolePolicyDocument")?;
    let trust = Arc::new(Document::parse(text, Kind::Trust).map_err(|bad| ApiError::malformed_policy(&bad.0))?);
    trust_quota(&trust)?;
    let max_session = match form.get("MaxSessionDuration").map(str::parse::<u32>) {
        None => 3_600,
        Some(Ok(seconds)) if MAX_SESSION.contains(&seconds) => seconds,
        Some(_) => {
            let mut constraints = Constraints::default();
            let given = form.get("MaxSessionDuration").and_then(|text| text.parse().ok()).unwrap_or_default();
            constraints.number(given, "maxSessionDuration", MAX_SESSION);
            constraints.finish()?;
            3_600
        }
    };
    let path = form.get("Path").unwrap_or("/").to_owned();
    if !(path.starts_with('/') && path.ends_with('/')) {
        return Err(ApiError::sender(
            400,
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with /.",
        ));
    }
    let role = Role {
        name: name.to_owned(),
        id: state.mint.unique_id("AROA"),
        arn: format!("arn:aws:iam::{}:role{path}{name}", state.account_id),
        path,
        created: state.clock.now(),
        description: form.get("Description").map(str::to_owned),
        max_session,
        tags: form.pairs("Tags.member"),
        trust,
        inline: Default::default(),
    };
    state.iam.change(&state.mint, |roles| {
        if roles.contains_key(name) {
            return Err(ApiError::sender(
                409,
                "EntityAlreadyExists",
                &format!("Role with name {name} already exists."),
            ));
        }
        roles.insert(name.to_owned(), role.clone());
        Ok(())
    })?;
    Ok(Xml::new().wrap("Role", |xml| describe(xml, &role)))
}

fn edit(state: &State, name: &str, edit: impl FnOnce(&mut Role)) -> Result<Option<Xml>, ApiError> {
    state.iam.change(&state.mint, |roles| {
        edit(roles.get_mut(name).ok_or_else(|| missing(name))?);
        Ok(None)
    })
}

fn without_whitespace(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

fn trust_quota(trust: &Document) -> Result<(), ApiError> {
    if without_whitespace(&trust.text) > TRUST_QUOTA {
        return Err(ApiError::limit(&format!("Cannot exceed quota for ACLSizePerRole: {TRUST_QUOTA}")));
    }
    Ok(())
}

fn document(form: &Form, kind: Kind) -> Result<Arc<Document>, ApiError> {
    let text = form.need("PolicyDocument")?;
    Document::parse(text, kind).map(Arc::new).map_err(|bad| ApiError::malformed_policy(&bad.0))
}

fn describe(xml: Xml, role: &Role) -> Xml {
    let mut xml = xml
        .text("Path", &role.path)
        .text("RoleName", &role.name)
        .text("RoleId", &role.id)
        .text("Arn", &role.arn)
        .text("CreateDate", &clock::seconds(role.created))
        .text("AssumeRolePolicyDocument", &url_encoded(&role.trust.text));
    if let Some(description) = &role.description {
        xml = xml.text("Description", description);
    }
    xml = xml.text("MaxSessionDuration", &role.max_session.to_string());
    if role.tags.is_empty() {
        return xml;
    }
    xml.wrap("Tags", |xml| {
        role.tags
            .iter()
            .fold(xml, |xml, (key, value)| xml.wrap("member", |xml| xml.text("Key", key).text("Value", value)))
    })
}

fn missing(name: &str) -> ApiError {
    ApiError::sender(404, "NoSuchEntity", &format!("The role with name {name} cannot be found."))
}

fn missing_policy(name: &str) -> ApiError {
    ApiError::sender(404, "NoSuchEntity", &format!("The role policy with name {name} cannot be found."))
}

/// RFC 3986, as IAM returns documents.
fn url_encoded(text: &str) -> String {
    super::super::sigv4::uri_encode(text, true)
}
