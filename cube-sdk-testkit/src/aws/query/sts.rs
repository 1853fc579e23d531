//! AssumeRole and GetCallerIdentity (STS API reference).

use std::sync::atomic::AtomicBool;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::super::clock;
use super::super::identity::{Caller, Session};
use super::super::policy::{Access, Denial, Document, Guard, Question, decide};
use super::super::state::State;
use super::super::xml::Xml;
use super::constraint::{Constraints, Pattern};
use super::error::ApiError;
use super::form::Form;
use super::session_policy;

const MIN_SECONDS: u32 = 900;
const MAX_SECONDS: u32 = 43_200;
/// A session that assumes a role may not ask for more than an hour.
const MAX_CHAINED_SECONDS: u32 = 3_600;

/// Parameters of AssumeRole that change what a session may do, and that this world does not know: refused, never ignored.
const UNKNOWN: [&str; 6] =
    ["PolicyArns.", "Tags.", "TransitiveTagKeys.", "SourceIdentity", "SerialNumber", "ProvidedContexts."];

/// Opens a session in `region`, or says why not; the second value is CloudTrail's `responseElements`.
pub(super) fn assume_role(
    state: &State,
    caller: &Caller,
    region: &str,
    form: &Form,
    facts: &[(&str, &str)],
) -> Result<(Xml, Value), ApiError> {
    let role_arn = form.need("RoleArn")?;
    let name = form.need("RoleSessionName")?;
    let external_id = form.get("ExternalId");
    let policy = form.get("Policy");
    let mut constraints = Constraints::default();
    constraints.text(role_arn, "roleArn", 20..=2_048, Pattern::Text);
    constraints.text(name, "roleSessionName", 2..=64, Pattern::Words { marks: "+=,.@-", shown: "[\\w+=,.@-]*" });
    if let Some(id) = external_id {
        let pattern = Pattern::Words { marks: "+=,.@:/-", shown: "[\\w+=,.@:\\/-]*" };
        constraints.text(id, "externalId", 2..=1_224, pattern);
    }
    if let Some(policy) = policy {
        constraints.text(policy, "policy", 1..=2_048, Pattern::Latin1);
    }
    let seconds = match form.get("DurationSeconds") {
        None => MAX_CHAINED_SECONDS,
        Some(text) => {
            let least = if state.settings.short_sessions { 1 } else { MIN_SECONDS };
            let seconds = text.parse().map_err(|_| {
                let message = format!("1 validation error detected: Value '{text}' at 'durationSeconds' is no integer");
                ApiError::sender(400, "MalformedInput", &message)
            })?;
            constraints.number(seconds, "durationSeconds", least..=MAX_SECONDS);
            seconds
        }
    };
    constraints.finish()?;
    if let Some(unknown) = form.names().find(|name| UNKNOWN.iter().any(|prefix| name.starts_with(prefix))) {
        let message = format!("This double of STS does not know the parameter {unknown}");
        return Err(ApiError::sender(501, "NotImplemented", &message));
    }
    if !is_role_arn(role_arn) {
        return Err(ApiError::sender(400, "ValidationError", &format!("{role_arn} is invalid")));
    }
    let policy = policy.map(|text| session_policy::parse(text, state.settings.packed_policy)).transpose()?;
    if account_of(role_arn) == Some(&state.account_id) && state.settings.switches().sts_disabled.contains(region) {
        return Err(ApiError::region_disabled(&state.account_id));
    }

    let denied = |because: &str| {
        ApiError::denied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}{because}",
            caller.arn()
        ))
    };
    let roles = state.iam.settled();
    let role = roles.values().find(|role| role.arn == role_arn).ok_or_else(|| denied(""))?;
    let mut context = state.context(caller);
    context.insert("sts:rolesessionname".to_owned(), name.to_owned());
    if let Some(id) = external_id {
        context.insert("sts:externalid".to_owned(), id.to_owned());
    }
    context.extend(facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    let names = caller.principal_names();
    let question = Question { principal_names: &names, action: "sts:AssumeRole", resource: role_arn, context };
    let identity = state.identity_policies(caller);
    let identity: Vec<&Document> = identity.iter().map(AsRef::as_ref).collect();
    // A boundary is the role's own and an organization's word over callers is its own account's.
    let mut guards = state.guards_over(caller);
    guards.retain(|(guard, _)| matches!(guard, Guard::ResourceControl | Guard::VpcEndpoint));
    let guards: Vec<(Guard, &Document)> = guards.iter().map(|(guard, document)| (*guard, &**document)).collect();
    let access = Access {
        identity: &identity,
        session: state.session_policy(caller),
        resource: Some(&role.trust),
        guards: &guards,
        // A trust policy must allow even the role's own account: it is the one resource policy that is never optional.
        same_account: false,
    };
    decide(&question, access).map_err(|why| match why {
        // Of its own policies a caller is told; of another account's trust policy nothing.
        Denial::ExplicitIdentity
        | Denial::ExplicitSession
        | Denial::ExplicitGuard(Guard::VpcEndpoint)
        | Denial::NoGuard(Guard::VpcEndpoint) => denied(&format!(" {}", why.because("sts:AssumeRole"))),
        _ => denied(""),
    })?;
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
    let (policy, packed) = policy.unzip();
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

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

fn is_role_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [arn, partition, iam, region, account, resource] = parts.as_slice() else { return false };
    (*arn, *iam, *region) == ("arn", "iam", "")
        && partition.starts_with("aws")
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty() && !name.ends_with('/'))
}
