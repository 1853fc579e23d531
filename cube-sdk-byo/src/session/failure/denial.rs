//! What AWS's message of a refusal says (IAM user guide, access denied errors).

/// How S3 and STS refuse without a reason, as they do across accounts.
const BARE: &str = "access denied";

/// Refused without a word of why.
pub(super) fn is_bare(message: &str) -> bool {
    message.get(..BARE.len()).is_some_and(|start| start.eq_ignore_ascii_case(BARE))
}

/// The action that was denied: `… is not authorized to perform: s3:GetObject on resource: …`.
pub(super) fn action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("ot authorized to perform")?;
    let action = rest.trim_start_matches(':').split_whitespace().next()?;
    Some(action.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '*')).filter(|action| !action.is_empty())
}

/// The policy that the message ends with: `… because no session policy allows the s3:GetObject action` or `… with an
/// explicit deny in a session policy`, behind which its ARN may stand. What a key's name says stands before it.
pub(super) fn policy(message: &str) -> Option<&str> {
    const SILENT: &str = " because no ";
    const EXPLICIT: &str = " with an explicit deny in a";
    let message = message.trim_end_matches('.');
    let end = |words: &str| message.rfind(words).map(|at| (at, &message[at + words.len()..]));
    let (silent, explicit) = (end(SILENT), end(EXPLICIT));
    let policy = match (silent, explicit) {
        (Some((at, rest)), explicit) if explicit.is_none_or(|(other, _)| other < at) => {
            rest.split_once(" allows the ")?.0
        }
        (_, explicit) => {
            let rest = explicit?.1;
            let rest = rest.strip_prefix("n ").unwrap_or(rest);
            rest.split_once(':').map_or(rest, |(policy, _)| policy)
        }
    };
    Some(policy.trim())
}
