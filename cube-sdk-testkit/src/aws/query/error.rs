//! Errors in the query protocol's shape.

use super::xml::Xml;

/// `<ErrorResponse><Error>…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// Whose fault: `Sender` or `Receiver`.
    sender: bool,
}

impl ApiError {
    pub(crate) fn sender(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned(), sender: true }
    }

    pub(crate) fn receiver(status: u16, code: &str, message: &str) -> Self {
        Self { sender: false, ..Self::sender(status, code, message) }
    }

    pub(crate) fn denied(message: String) -> Self {
        Self::sender(403, "AccessDenied", &message)
    }

    pub(crate) fn malformed_policy(message: &str) -> Self {
        Self::sender(400, "MalformedPolicyDocument", message)
    }

    pub(crate) fn invalid_action(action: &str) -> Self {
        Self::sender(400, "InvalidAction", &format!("Could not find operation {action} in this service"))
    }

    pub(crate) fn packed_policy(percent: usize) -> Self {
        let message = format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
        Self::sender(400, "PackedPolicyTooLarge", &message)
    }

    pub(crate) fn region_disabled(account: &str) -> Self {
        let message = format!(
            "STS is not activated in this region for account:{account}. Your account administrator can activate STS in \
             this region using the IAM Console."
        );
        Self::sender(403, "RegionDisabledException", &message)
    }

    pub(crate) fn limit(message: &str) -> Self {
        Self::sender(409, "LimitExceeded", message)
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value null at '{parameter}' failed to satisfy constraint: Member must not be null"
        );
        Self::sender(400, "ValidationError", &message)
    }

    pub(crate) fn render(&self, namespace: &str, request_id: &str) -> String {
        let inside = |xml: Xml| {
            xml.text("Type", if self.sender { "Sender" } else { "Receiver" })
                .text("Code", &self.code)
                .text("Message", &self.message)
        };
        Xml::new().wrap("Error", inside).text("RequestId", request_id).document("ErrorResponse", namespace)
    }
}
