//! The query protocol of STS and IAM: a form in, XML out.

mod constraint;
mod error;
mod form;
mod session_policy;
mod sts;
mod xml;

use http::request;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::iam;
use super::identity::{Caller, Rejected};
use super::sigv4::{Authorization, Refused};
use super::state::State;

pub(crate) use constraint::{Constraints, Pattern};
pub(crate) use error::ApiError;
pub(crate) use form::Form;
pub(crate) use xml::Xml;

/// The largest form that is read, in bytes.
pub(crate) const MAX_FORM: usize = 256 * 1024;

/// The two services, told apart by the API version in the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Sts,
    Iam,
}

impl Service {
    /// The service of a form: STS unless it carries IAM's version.
    pub(crate) fn of(form: &Form) -> Self {
        if form.get("Version") == Some("2010-05-08") { Self::Iam } else { Self::Sts }
    }

    fn scope(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Sts => "sts.amazonaws.com",
            Self::Iam => "iam.amazonaws.com",
        }
    }

    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
        }
    }
}

/// The answer to one form, and what CloudTrail is told about it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) caller: Option<Caller>,
    /// Whether the customer's account is told of the call at all.
    pub(crate) recorded: bool,
    pub(crate) error: Option<(String, String)>,
    pub(crate) request_parameters: Value,
    pub(crate) response_elements: Value,
    pub(crate) resources: Value,
}

/// Answers one form.
pub(crate) fn answer(
    state: &State,
    parts: &request::Parts,
    form: &Form,
    body: &[u8],
    request_id: &str,
    facts: &[(&str, &str)],
) -> Answer {
    let service = Service::of(form);
    let action = form.get("Action").unwrap_or_default();
    let mut answer = Answer {
        status: 200,
        body: String::new(),
        caller: None,
        recorded: false,
        error: None,
        request_parameters: form.trail_parameters(),
        response_elements: Value::Null,
        resources: Value::Null,
    };
    if let Some(arn) = form.get("RoleArn") {
        answer.resources = json!([{ "accountId": state.account_id, "type": "AWS::IAM::Role", "ARN": arn }]);
    }
    let outcome = authenticate(state, service, parts, body).and_then(|(caller, region)| {
        answer.caller = Some(caller.clone());
        match (service, action) {
            (Service::Sts, "AssumeRole") => {
                sts::assume_role(state, &caller, &region, form, facts).map(|(xml, elements)| {
                    answer.response_elements = elements;
                    Some(xml)
                })
            }
            (Service::Sts, "GetCallerIdentity") => Ok(Some(sts::caller_identity(&caller))),
            (Service::Sts, _) => Err(ApiError::invalid_action(action)),
            (Service::Iam, _) => iam::handle(state, &caller, action, form),
        }
    });
    // A call is logged in its caller's account; an AssumeRole that succeeded also in the role's.
    let own = answer.caller.as_ref().is_some_and(|caller| caller.account() == state.account_id);
    answer.recorded = own || outcome.is_ok() && action == "AssumeRole";
    match outcome {
        Ok(result) => answer.body = success(service, action, result, request_id),
        Err(failed) => {
            answer.status = failed.status;
            answer.body = failed.render(service.namespace(), request_id);
            answer.error = Some((failed.code, failed.message));
        }
    }
    answer
}

fn success(service: Service, action: &str, result: Option<Xml>, request_id: &str) -> String {
    let mut xml = Xml::new();
    if let Some(result) = result {
        xml = xml.wrap(&format!("{action}Result"), |xml| xml.append(&result));
    }
    xml = xml.wrap("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    xml.document(&format!("{action}Response"), service.namespace())
}

/// The caller, and the region that it signed for.
fn authenticate(
    state: &State,
    service: Service,
    parts: &request::Parts,
    body: &[u8],
) -> Result<(Caller, String), ApiError> {
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    if header("authorization").is_none() {
        return Err(ApiError::sender(403, "MissingAuthenticationToken", "Request is missing Authentication Token"));
    }
    let authorization = Authorization::read(&parts.headers).ok_or_else(|| {
        ApiError::sender(400, "IncompleteSignature", "The request signature does not conform to AWS standards.")
    })?;
    if authorization.service != service.scope() {
        let message = format!("Credential should be scoped to correct service: '{}'. ", service.scope());
        return Err(ApiError::sender(403, "SignatureDoesNotMatch", &message));
    }
    let invalid =
        || ApiError::sender(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    let secret = state.directory.secret(&authorization.access_key_id).ok_or_else(invalid)?;
    authorization.verify(parts, body, secret.expose_secret(), jiff::Timestamp::now()).map_err(|why| match why {
        Refused::Malformed => {
            let message = "The request signature does not conform to AWS standards.";
            ApiError::sender(400, "IncompleteSignature", message)
        }
        Refused::Skewed(message) => ApiError::sender(403, "SignatureDoesNotMatch", &message),
        Refused::Mismatch => {
            let message = "The request signature we calculated does not match the signature you provided. Check your AWS \
                           Secret Access Key and signing method. Consult the service documentation for details.";
            ApiError::sender(403, "SignatureDoesNotMatch", message)
        }
    })?;
    let admitted =
        state.directory.admit(&authorization.access_key_id, header("x-amz-security-token"), state.clock.now());
    let caller = admitted.map_err(|why| match why {
        Rejected::UnknownKey | Rejected::WrongToken => invalid(),
        Rejected::Expired => {
            ApiError::sender(403, "ExpiredToken", "The security token included in the request is expired")
        }
    })?;
    Ok((caller, authorization.region))
}
