//! AssumeRole and GetCallerIdentity (STS API reference).

use std::sync::atomic::AtomicBool;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::super::clock;
use super::super::identity::{Caller, Session};
use super::super::policy::{Access, Document, Kind, Question, decide};
use super::super::state::State;
use super::error::ApiError;
use super::form::Form;
use super::xml::Xml;

const MIN_SECONDS: u32 = 900;
const MAX_SECONDS: u32 = 43_200;
/// A session that assumes a role may not ask for more than an hour.
const MAX_CHAINED_SECONDS: u32 = 3_600;
const MAX_POLICY_CHARS: usize = 2_048;

/// Opens a session, or says why not; the second value is CloudTrail's `responseElements`.
pub(super) fn assume_role(state: &State, caller: &Caller, form: &Form) -> Result<(Xml, Value), ApiError> {
    let role_arn = form.need("RoleArn")?;
    let name = form.need("RoleSessionName")?;
    let external_id = form.get("ExternalId");
    check_words(name, "roleSessionName", 2..=64, b"+=,.@-_")?;
    if let Some(id) = external_id {
        check_words(id, "externalId", 2..=1_224, b"+=,.@:/-_")?;
    }
    if role_arn.len() < 20 {
        return Err(ApiError::validation(role_arn, "roleArn", "Member must have length greater than or equal to 20"));
    }
    let policy = form.get("Policy").map(session_policy).transpose()?;
    let seconds = match form.get("DurationSeconds") {
        None => MAX_CHAINED_SECONDS,
        Some(text) => duration(state, text)?,
    };

    let denied = || {
        ApiError::denied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            caller.arn()
        ))
    };
    let roles = state.iam.settled();
    let role = roles.values().find(|role| role.arn == role_arn).ok_or_else(denied)?;
    let mut context = state.context(caller);
    context.insert("sts:rolesessionname".to_owned(), name.to_owned());
    if let Some(id) = external_id {
        context.insert("sts:externalid".to_owned(), id.to_owned());
    }
    let names = caller.principal_names();
    let question = Question { principal_names: &names, action: "sts:AssumeRole", resource: role_arn, context };
    let identity = state.identity_policies(caller);
    let identity: Vec<&Document> = identity.iter().map(AsRef::as_ref).collect();
    let access = Access {
        identity: &identity,
        session: state.session_policy(caller),
        resource: Some(&role.trust),
        // A trust policy must allow even the role's own account: it is the one resource policy that is never optional.
        same_account: false,
    };
    decide(&question, access).map_err(|_| denied())?;
    if matches!(caller, Caller::Session(_)) && seconds > MAX_CHAINED_SECONDS {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(ApiError::sender(400, "ValidationError", message));
    }
    if seconds > role.max_session {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(ApiError::sender(400, "ValidationError", message));
    }

    let issued = state.clock.now();
    let packed = policy.as_ref().map(|policy| policy.text.len() * 100 / MAX_POLICY_CHARS);
    let session = state.directory.open(Session {
        access_key_id: state.mint.unique_id("ASIA"),
        secret: SecretString::from(state.mint.secret()),
        token: SecretString::from(state.mint.session_token()),
        account: state.account_id.clone(),
        role_name: role.name.clone(),
        role_arn: role.arn.clone(),
        role_id: role.id.clone(),
        name: name.to_owned(),
        policy,
        issued,
        expires: issued.saturating_add(SignedDuration::from_secs(seconds.into())).unwrap_or(issued),
        ended: AtomicBool::new(false),
    });
    let assumed_id = format!("{}:{name}", role.id);
    let expiration = clock::seconds(session.expires);
    let mut xml = Xml::new()
        .wrap("AssumedRoleUser", |xml| xml.text("AssumedRoleId", &assumed_id).text("Arn", &session.arn()))
        .wrap("Credentials", |xml| {
            xml.text("AccessKeyId", &session.access_key_id)
                .text("SecretAccessKey", session.secret.expose_secret())
                .text("SessionToken", session.token.expose_secret())
                .text("Expiration", &expiration)
        });
    if let Some(percent) = packed {
        xml = xml.text("PackedPolicySize", &percent.to_string());
    }
    let elements = json!({
        "credentials": {
            "accessKeyId": session.access_key_id,
            "sessionToken": "HIDDEN_DUE_TO_SECURITY_REASONS",
            "expiration": session.expires.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string(),
        },
        "assumedRoleUser": { "assumedRoleId": assumed_id, "arn": session.arn() },
    });
    Ok((xml, elements))
}

/// Needs no permission: every admitted caller may ask who it is.
pub(super) fn caller_identity(caller: &Caller) -> Xml {
    Xml::new().text("Arn", &caller.arn()).text("UserId", &caller.user_id()).text("Account", caller.account())
}

fn session_policy(text: &str) -> Result<Document, ApiError> {
    if text.chars().count() > MAX_POLICY_CHARS {
        return Err(ApiError::validation(text, "policy", "Member must have length less than or equal to 2048"));
    }
    Document::parse(text, Kind::Identity).map_err(|bad| ApiError::malformed_policy(&bad.0))
}

fn duration(state: &State, text: &str) -> Result<u32, ApiError> {
    let least = if state.settings.short_sessions { 1 } else { MIN_SECONDS };
    let seconds: u32 = text.parse().map_err(|_| ApiError::sender(400, "MalformedInput", "Invalid DurationSeconds"))?;
    if seconds < least {
        let constraint = format!("Member must have value greater than or equal to {least}");
        return Err(ApiError::validation(text, "durationSeconds", &constraint));
    }
    if seconds > MAX_SECONDS {
        return Err(ApiError::validation(
            text,
            "durationSeconds",
            "Member must have value less than or equal to 43200",
        ));
    }
    Ok(seconds)
}

fn check_words(
    value: &str,
    parameter: &str,
    length: std::ops::RangeInclusive<usize>,
    marks: &[u8],
) -> Result<(), ApiError> {
    if value.len() < *length.start() {
        let constraint = format!("Member must have length greater than or equal to {}", length.start());
        return Err(ApiError::validation(value, parameter, &constraint));
    }
    if value.len() > *length.end() {
        let constraint = format!("Member must have length less than or equal to {}", length.end());
        return Err(ApiError::validation(value, parameter, &constraint));
    }
    if value.bytes().all(|b| b.is_ascii_alphanumeric() || marks.contains(&b)) {
        return Ok(());
    }
    Err(ApiError::validation(value, parameter, "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*"))
}
