//! The card as environment variables: the published clients' names where they exist, else `CUBE_LOCAL_<PATH>`.

use cube_sdk_core::SecretString;
use serde_json::Value;

use super::card::Card;

/// Paths of the card that clients know under a name of their own.
const PUBLISHED: [(&str, &str); 13] = [
    ("edgegate.url", "EDGEGATE_API_URL"),
    ("edgegate.api_key", "EDGEGATE_API_KEY"),
    ("edgegate.workspace", "EDGEGATE_WORKSPACE_ID"),
    ("cloud.url", "CUBE_CLOUD_URL"),
    ("cloud.api_key", "CUBE_API_KEY"),
    ("cloud.config_dir", "CUBE_AGENT_CONFIG_DIR"),
    ("apollo.url", "CUBE_APOLLO_URL"),
    ("apollo.client_id", "CUBE_APOLLO_CLIENT_ID"),
    ("apollo.client_secret", "CUBE_APOLLO_CLIENT_SECRET"),
    ("aws.endpoint_url", "AWS_ENDPOINT_URL"),
    ("aws.region", "AWS_REGION"),
    ("aws.access_key_id", "AWS_ACCESS_KEY_ID"),
    ("aws.secret_access_key", "AWS_SECRET_ACCESS_KEY"),
];

impl Card {
    /// Every field as a variable, in the order of the card. All values are kept as secrets, because some are.
    pub fn env(&self) -> Vec<(String, SecretString)> {
        let mut out = Vec::new();
        // The card is a plain tree of texts and numbers, whose serialisation cannot fail.
        let card = serde_json::to_value(self).unwrap_or_default();
        flatten("", &card, &mut out);
        out
    }
}

fn flatten(path: &str, value: &Value, out: &mut Vec<(String, SecretString)>) {
    let text = match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&inner, value, out);
            }
            return;
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let published = PUBLISHED.iter().find(|(known, _)| *known == path).map(|(_, name)| (*name).to_owned());
    let name = published.unwrap_or_else(|| format!("CUBE_LOCAL_{}", path.replace(['.', '-'], "_").to_uppercase()));
    out.push((name, SecretString::from(text)));
}
