//! The `Condition` block: operators, context keys, and what an absent key means.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::document::Malformed;
use super::pattern::matches;

/// What the request says about itself; keys in lower case, since AWS compares them so.
pub(crate) type Context = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    DateEquals,
    DateNotEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    Null,
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "StringEquals" => Self::StringEquals,
            "StringNotEquals" => Self::StringNotEquals,
            "StringEqualsIgnoreCase" => Self::StringEqualsIgnoreCase,
            "StringNotEqualsIgnoreCase" => Self::StringNotEqualsIgnoreCase,
            // ArnEquals and ArnLike behave alike (AWS IAM user guide, condition operators).
            "StringLike" | "ArnLike" | "ArnEquals" => Self::StringLike,
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => Self::StringNotLike,
            "DateEquals" => Self::DateEquals,
            "DateNotEquals" => Self::DateNotEquals,
            "DateLessThan" => Self::DateLessThan,
            "DateLessThanEquals" => Self::DateLessThanEquals,
            "DateGreaterThan" => Self::DateGreaterThan,
            "DateGreaterThanEquals" => Self::DateGreaterThanEquals,
            "Bool" => Self::Bool,
            "Null" => Self::Null,
            _ => return None,
        })
    }

    /// Negated operators hold when no value matches, and for an absent key.
    fn negated(self) -> bool {
        matches!(
            self,
            Self::StringNotEquals | Self::StringNotEqualsIgnoreCase | Self::StringNotLike | Self::DateNotEquals
        )
    }

    fn positive(self, actual: &str, value: &str) -> bool {
        let dates = || Some((actual.parse::<Timestamp>().ok()?, value.parse::<Timestamp>().ok()?));
        match self {
            Self::StringEquals | Self::StringNotEquals => actual == value,
            Self::StringEqualsIgnoreCase | Self::StringNotEqualsIgnoreCase | Self::Bool => {
                actual.eq_ignore_ascii_case(value)
            }
            Self::StringLike | Self::StringNotLike => matches(value, actual),
            Self::DateEquals | Self::DateNotEquals => dates().is_some_and(|(a, v)| a == v),
            Self::DateLessThan => dates().is_some_and(|(a, v)| a < v),
            Self::DateLessThanEquals => dates().is_some_and(|(a, v)| a <= v),
            Self::DateGreaterThan => dates().is_some_and(|(a, v)| a > v),
            Self::DateGreaterThanEquals => dates().is_some_and(|(a, v)| a >= v),
            Self::Null => false,
        }
    }
}

/// One operator over one key.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    operator: Operator,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

impl Condition {
    /// Every condition of a block, all of which must hold.
    pub(super) fn parse_block(block: &Value) -> Result<Vec<Self>, Malformed> {
        let operators = block.as_object().ok_or_else(|| Malformed::new("Syntax errors in policy."))?;
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            let (base, if_exists) = match name.strip_suffix("IfExists") {
                Some(base) => (base, true),
                None => (name.as_str(), false),
            };
            let operator =
                Operator::parse(base).ok_or_else(|| Malformed::new(&format!("Invalid Condition type : {name}.")))?;
            let keys = keys.as_object().ok_or_else(|| Malformed::new("Syntax errors in policy."))?;
            for (key, values) in keys {
                let values = match values {
                    Value::Array(values) => values.iter().map(scalar).collect::<Result<_, _>>()?,
                    one => vec![scalar(one)?],
                };
                conditions.push(Self { operator, if_exists, key: key.to_ascii_lowercase(), values });
            }
        }
        Ok(conditions)
    }

    pub(super) fn holds(&self, context: &Context) -> bool {
        let actual = context.get(&self.key);
        if self.operator == Operator::Null {
            return self.values.iter().any(|v| v.eq_ignore_ascii_case("true") == actual.is_none());
        }
        match actual {
            None => self.if_exists || self.operator.negated(),
            Some(actual) => {
                self.values.iter().any(|value| self.operator.positive(actual, value)) != self.operator.negated()
            }
        }
    }
}

fn scalar(value: &Value) -> Result<String, Malformed> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(Malformed::new("Syntax errors in policy.")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(block: Value, context: &[(&str, &str)]) -> bool {
        let context = context.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Condition::parse_block(&block).unwrap().iter().all(|c| c.holds(&context))
    }

    #[test]
    fn table() {
        let id = [("sts:externalid", "abc")];
        for (block, context, expected) in [
            (json!({"StringEquals": {"sts:ExternalId": "abc"}}), &id[..], true),
            (json!({"StringEquals": {"STS:externalID": ["x", "abc"]}}), &id, true),
            (json!({"StringEquals": {"sts:ExternalId": "ABC"}}), &id, false),
            (json!({"StringEquals": {"sts:ExternalId": "abc"}}), &[], false),
            (json!({"StringEqualsIfExists": {"sts:ExternalId": "x"}}), &[], true),
            (json!({"StringNotEquals": {"sts:ExternalId": "x"}}), &id, true),
            (json!({"StringNotEquals": {"sts:ExternalId": ["x", "abc"]}}), &id, false),
            (json!({"StringNotEquals": {"sts:ExternalId": "x"}}), &[], true),
            (json!({"StringLike": {"sts:ExternalId": "a?c*"}}), &id, true),
            (json!({"StringLike": {"sts:ExternalId": "*"}}), &[], false),
            (json!({"Null": {"sts:ExternalId": "true"}}), &[], true),
            (json!({"Null": {"sts:ExternalId": "true"}}), &id, false),
            (json!({"Null": {"sts:ExternalId": false}}), &id, true),
        ] {
            assert_eq!(holds(block.clone(), context), expected, "{block} with {context:?}");
        }
    }

    #[test]
    fn dates_compare_as_times() {
        let issued = [("aws:tokenissuetime", "2026-07-01T09:00:00Z")];
        assert!(holds(json!({"DateLessThan": {"aws:TokenIssueTime": "2026-07-01T09:00:00.500Z"}}), &issued));
        assert!(!holds(json!({"DateLessThan": {"aws:TokenIssueTime": "2026-07-01T09:00:00Z"}}), &issued));
        assert!(!holds(json!({"DateLessThan": {"aws:TokenIssueTime": "2026-07-01T09:00:00Z"}}), &[]));
        assert!(!holds(json!({"DateLessThan": {"aws:TokenIssueTime": "yesterday"}}), &issued));
    }

    #[test]
    fn an_operator_outside_the_language_is_refused() {
        assert!(Condition::parse_block(&json!({"StringSortOf": {"a": "b"}})).is_err());
        assert!(Condition::parse_block(&json!({"StringEquals": {"a": {"b": 1}}})).is_err());
        assert!(Condition::parse_block(&json!(["StringEquals"])).is_err());
    }
}
