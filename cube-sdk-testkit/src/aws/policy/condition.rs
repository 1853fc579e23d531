//! The `Condition` block: operators, context keys, and what an absent key means.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

use super::context::Context;
use super::malformed::Malformed;
use super::variable::{Template, Variables};

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    String,
    StringIgnoringCase,
    StringLike,
    /// `ArnEquals` and `ArnLike` behave alike (IAM user guide, condition operators).
    Arn,
    Bool,
    Date(Order),
    Numeric(Order),
    Ip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    const ALL: [(&'static str, Self); 5] = [
        ("Equals", Self::Equal),
        ("LessThan", Self::Less),
        ("LessThanEquals", Self::LessOrEqual),
        ("GreaterThan", Self::Greater),
        ("GreaterThanEquals", Self::GreaterOrEqual),
    ];

    fn holds<T: PartialOrd>(self, actual: &T, value: &T) -> bool {
        match self {
            Self::Equal => actual == value,
            Self::Less => actual < value,
            Self::LessOrEqual => actual <= value,
            Self::Greater => actual > value,
            Self::GreaterOrEqual => actual >= value,
        }
    }
}

/// What an operator's name says; a negated one holds when no value matches, and for an absent key.
fn comparison(name: &str) -> Option<(Comparison, bool)> {
    let simple = match name {
        "StringEquals" => (Comparison::String, false),
        "StringNotEquals" => (Comparison::String, true),
        "StringEqualsIgnoreCase" => (Comparison::StringIgnoringCase, false),
        "StringNotEqualsIgnoreCase" => (Comparison::StringIgnoringCase, true),
        "StringLike" => (Comparison::StringLike, false),
        "StringNotLike" => (Comparison::StringLike, true),
        "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
        "Bool" => (Comparison::Bool, false),
        "IpAddress" => (Comparison::Ip, false),
        "NotIpAddress" => (Comparison::Ip, true),
        "DateNotEquals" => (Comparison::Date(Order::Equal), true),
        "NumericNotEquals" => (Comparison::Numeric(Order::Equal), true),
        _ => {
            let named = |rest: &str| Order::ALL.iter().find(|(word, _)| *word == rest).map(|(_, order)| *order);
            let date = name.strip_prefix("Date").and_then(named).map(Comparison::Date);
            let number = || name.strip_prefix("Numeric").and_then(named).map(Comparison::Numeric);
            return date.or_else(number).map(|comparison| (comparison, false));
        }
    };
    Some(simple)
}

impl Comparison {
    fn holds(self, actual: &str, value: &Template, context: &Context) -> bool {
        match self {
            Self::StringLike => return value.is_like(actual, context),
            Self::Arn => return value.is_like_arn(actual, context),
            _ => {}
        }
        let Some(value) = value.text(context) else { return false };
        match self {
            Self::String => actual == value,
            Self::StringIgnoringCase | Self::Bool => actual.eq_ignore_ascii_case(&value),
            Self::Date(order) => date(actual).zip(date(&value)).is_some_and(|(a, v)| order.holds(&a, &v)),
            Self::Numeric(order) => {
                let numbers = actual.parse::<f64>().ok().zip(value.parse::<f64>().ok());
                numbers.is_some_and(|(a, v)| order.holds(&a, &v))
            }
            Self::Ip => in_network(actual, &value).unwrap_or(false),
            Self::StringLike | Self::Arn => false,
        }
    }
}

/// A time, a day, or seconds since 1970.
fn date(text: &str) -> Option<Timestamp> {
    let day = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let seconds = || Timestamp::from_second(text.parse().ok()?).ok();
    text.parse().ok().or_else(seconds).or_else(|| day().map(|zoned| zoned.timestamp()))
}

/// Whether an address lies in `ADDRESS` or `ADDRESS/BITS`.
fn in_network(address: &str, network: &str) -> Option<bool> {
    let address: IpAddr = address.parse().ok()?;
    let (base, bits) = network.split_once('/').map_or((network, None), |(base, bits)| (base, Some(bits)));
    let (number, base, width) = match (address, base.parse().ok()?) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return Some(false),
    };
    let bits: u32 = bits.map_or(Some(width), |bits| bits.parse().ok()).filter(|bits| *bits <= width)?;
    Some((number ^ base).checked_shr(width - bits).unwrap_or(0) == 0)
}

/// Over how many values of a key an operator speaks. The keys of this world have one value each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    Single,
    /// `ForAllValues:`, which an absent key satisfies.
    All,
    /// `ForAnyValue:`, which no absent key satisfies.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// `Null`: whether the key is absent.
    Null,
    Compare {
        by: Comparison,
        negated: bool,
        quantifier: Quantifier,
        if_exists: bool,
    },
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        if name == "Null" {
            return Some(Self::Null);
        }
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Quantifier::All, rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Quantifier::Any, rest)
        } else {
            (Quantifier::Single, name)
        };
        let (base, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |base| (base, true));
        let (by, negated) = comparison(base)?;
        Some(Self::Compare { by, negated, quantifier, if_exists })
    }

    fn takes_variables(self) -> bool {
        use Comparison as C;
        match self {
            Self::Null => false,
            Self::Compare { by, .. } => matches!(by, C::String | C::StringIgnoringCase | C::StringLike | C::Arn),
        }
    }
}

/// One operator over one key.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    operator: Operator,
    key: String,
    values: Vec<Template>,
}

impl Condition {
    /// Every condition of a block, all of which must hold.
    pub(super) fn parse_block(block: &Value, variables: Variables) -> Result<Vec<Self>, Malformed> {
        let operators = block.as_object().ok_or_else(|| Malformed::new("Syntax errors in policy."))?;
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            let operator =
                Operator::parse(name).ok_or_else(|| Malformed::new(&format!("Invalid Condition type : {name}.")))?;
            let keys = keys.as_object().ok_or_else(|| Malformed::new("Syntax errors in policy."))?;
            for (key, values) in keys {
                let values = match values {
                    Value::Array(values) => values.iter().map(scalar).collect::<Result<Vec<_>, _>>()?,
                    one => vec![scalar(one)?],
                };
                // Variables stand in comparisons of texts and ARNs alone.
                let variables = if operator.takes_variables() { variables } else { Variables::Literal };
                let values = values.iter().map(|text| Template::new(text, variables)).collect();
                conditions.push(Self { operator, key: key.to_ascii_lowercase(), values });
            }
        }
        Ok(conditions)
    }

    pub(super) fn holds(&self, context: &Context) -> bool {
        let actual = context.get(&self.key);
        match (self.operator, actual) {
            (Operator::Null, _) => self
                .values
                .iter()
                .filter_map(|value| value.text(context))
                .any(|value| value.eq_ignore_ascii_case("true") == actual.is_none()),
            (Operator::Compare { negated, quantifier, if_exists, .. }, None) => {
                if_exists || quantifier == Quantifier::All || (negated && quantifier == Quantifier::Single)
            }
            (Operator::Compare { by, negated, .. }, Some(actual)) => {
                self.values.iter().any(|value| by.holds(actual, value, context)) != negated
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
        Condition::parse_block(&block, Variables::Resolved).unwrap().iter().all(|c| c.holds(&context))
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

    fn parse(block: Value) -> Result<Vec<Condition>, Malformed> {
        Condition::parse_block(&block, Variables::Resolved)
    }

    #[test]
    fn numbers_addresses_arns_sets_and_variables() {
        let keys = [
            ("s3:max-keys", "10"),
            ("aws:sourceip", "203.0.113.7"),
            ("aws:principalarn", "arn:aws:iam::111122223333:role/reader"),
            ("aws:username", "bob"),
            ("s3:prefix", "home/bob/"),
            ("aws:epochtime", "1000"),
        ];
        for (block, expected) in [
            (json!({"NumericLessThanEquals": {"s3:max-keys": 10}}), true),
            (json!({"NumericGreaterThan": {"s3:max-keys": "10"}}), false),
            (json!({"NumericNotEquals": {"s3:max-keys": ["9", "11"]}}), true),
            (json!({"NumericEquals": {"aws:username": "1"}}), false),
            (json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}), true),
            (json!({"IpAddress": {"aws:SourceIp": "203.0.113.8/32"}}), false),
            (json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), true),
            (json!({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}), false),
            (json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), false),
            (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}), true),
            (json!({"ArnEquals": {"aws:PrincipalArn": "arn:*:role/reader"}}), false),
            (json!({"StringEquals": {"s3:prefix": "home/${aws:username}/"}}), true),
            (json!({"StringLike": {"s3:prefix": "home/${aws:username}${*}"}}), false),
            (json!({"StringEquals": {"s3:prefix": "home/${aws:nobody}/"}}), false),
            (json!({"StringNotEquals": {"s3:prefix": "home/${aws:nobody}/"}}), true),
            (json!({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}), true),
            (json!({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}), false),
            (json!({"ForAnyValue:StringEquals": {"aws:UserName": ["a", "bob"]}}), true),
            (json!({"DateGreaterThan": {"aws:EpochTime": "1970-01-01"}}), true),
            (json!({"DateLessThan": {"aws:EpochTime": 1000}}), false),
            // Defaults, nesting and characters.
            (json!({"StringEquals": {"s3:prefix": "home/${aws:nobody, 'bob'}/"}}), true),
            (json!({"StringEquals": {"aws:username": "${aws:nobody,'bob'}"}}), true),
            (json!({"StringEquals": {"aws:username": "${aws:nobody, 'b,o}b'}"}}), false),
            (json!({"StringLike": {"aws:username": "${aws:nobody, '*'}"}}), false),
            (json!({"StringEquals": {"aws:username": "${aws:${aws:username}}"}}), false),
            (json!({"StringEquals": {"aws:username": "${}"}}), false),
            (json!({"StringEquals": {"aws:username": "${aws:username"}}), false),
            (json!({"StringLike": {"s3:prefix": "home/${aws:nobody}*"}}), false),
            (json!({"StringNotLike": {"s3:prefix": "home/${aws:nobody}*"}}), true),
            (json!({"StringEqualsIgnoreCase": {"aws:username": "${AWS:USERNAME}"}}), true),
            (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:nobody, '111122223333'}:role/*"}}), true),
            (json!({"ForAnyValue:StringNotEquals": {"aws:username": "${aws:username}"}}), false),
            // Elsewhere than in comparisons of texts and ARNs a variable is no variable.
            (json!({"NumericEquals": {"s3:max-keys": "${s3:max-keys}"}}), false),
            (json!({"NumericNotEquals": {"s3:max-keys": "${s3:max-keys}"}}), true),
            (json!({"DateEquals": {"aws:EpochTime": "${aws:EpochTime}"}}), false),
            (json!({"IpAddress": {"aws:SourceIp": "${aws:SourceIp}"}}), false),
            (json!({"Bool": {"aws:username": "${aws:username}"}}), false),
            (json!({"Null": {"aws:nobody": "${aws:nobody, 'true'}"}}), false),
        ] {
            assert_eq!(holds(block.clone(), &keys), expected, "{block}");
        }
    }

    #[test]
    fn an_operator_outside_the_language_is_refused() {
        assert!(parse(json!({"StringSortOf": {"a": "b"}})).is_err());
        assert!(parse(json!({"StringEquals": {"a": {"b": 1}}})).is_err());
        assert!(parse(json!(["StringEquals"])).is_err());
    }
}
