//! Which statements of a policy let everybody in.
//!
//! A principal `*` is everybody of AWS and nobody else only where conditions leave fixed values: what Amazon S3 calls public ("The meaning of
//! public", user guide), kept to the keys that requests to ECR have.

use serde_json::{Map, Value};

use super::{AccessPolicy, listed, statement_text};

/// Condition keys that say who asks, or from where.
const WHO_ASKS: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpcsourceip",
];
/// Operators that hold only where a key is there and has one of the values.
const IS: &[&str] = &[
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
    "arnequals",
    "arnlike",
    "ipaddress",
];
/// Operators that hold where a key is not there or has none of the values.
const IS_NOT: &[&str] = &[
    "stringnotequals",
    "stringnotequalsignorecase",
    "stringnotlike",
    "arnnotequals",
    "arnnotlike",
    "notipaddress",
];

impl AccessPolicy {
    /// Returns the statements that let everybody in, as [`AccessPolicy::statements`] writes them. A text that nobody can read is one of
    /// them: it may say anything.
    pub fn open_statements(&self) -> Vec<String> {
        if self.is_none() {
            return Vec::new();
        }
        let Ok(Value::Object(document)) = serde_json::from_str(&self.text) else {
            return vec![self.text.clone()];
        };
        let all: Vec<&Value> = listed(document.get("Statement")).collect();
        let open = all.iter().filter(|it| match it.as_object() {
            Some(statement) => is_open(statement) && !all.iter().any(|it| shuts(it, statement)),
            None => true,
        });
        open.map(|it| statement_text(it)).collect()
    }
}

fn is_open(statement: &Map<String, Value>) -> bool {
    let allows = statement.get("Effect").and_then(Value::as_str) != Some("Deny");
    let everybody = statement.contains_key("NotPrincipal")
        || statement.get("Principal").is_none_or(is_everybody);
    allows && everybody && !conditions(statement).any(|it| it.limits(IS))
}

/// Whether a statement denies everybody but a few what another one allows.
fn shuts(deny: &Value, allow: &Map<String, Value>) -> bool {
    let Some(deny) = deny.as_object() else {
        return false;
    };
    // All conditions hold where a statement denies, so one more of them lets somebody in again.
    let few = conditions(deny).next().is_some() && conditions(deny).all(|it| it.limits(IS_NOT));
    deny.get("Effect").and_then(Value::as_str) == Some("Deny")
        && deny.get("Principal").is_some_and(is_everybody)
        && few
        && covers(deny, allow)
}

fn covers(deny: &Map<String, Value>, allow: &Map<String, Value>) -> bool {
    let denied: Vec<&str> = listed(deny.get("Action"))
        .filter_map(Value::as_str)
        .collect();
    if denied
        .iter()
        .any(|it| *it == "*" || it.eq_ignore_ascii_case("ecr:*"))
    {
        return true;
    }
    let mut allowed = listed(allow.get("Action")).peekable();
    !allow.contains_key("NotAction")
        && allowed.peek().is_some()
        && allowed.all(|action| {
            let action = action.as_str().unwrap_or("*");
            !action.contains('*') && denied.iter().any(|it| it.eq_ignore_ascii_case(action))
        })
}

fn is_everybody(principal: &Value) -> bool {
    match principal {
        Value::String(name) => name == "*",
        Value::Object(kinds) => kinds
            .values()
            .any(|it| listed(Some(it)).any(|it| it.as_str() == Some("*"))),
        _ => true,
    }
}

/// One key of a condition with its operator and values.
struct Condition<'a> {
    operator: &'a str,
    key: &'a str,
    values: &'a Value,
}

fn conditions(statement: &Map<String, Value>) -> impl Iterator<Item = Condition<'_>> {
    let operators = statement.get("Condition").and_then(Value::as_object);
    operators
        .into_iter()
        .flatten()
        .flat_map(|(operator, keys)| {
            keys.as_object()
                .into_iter()
                .flatten()
                .map(move |(key, values)| Condition {
                    operator,
                    key,
                    values,
                })
        })
}

impl Condition<'_> {
    /// Whether it is about who asks, with one of these operators and values that are fixed.
    fn limits(&self, operators: &[&str]) -> bool {
        let operator = self.operator.to_lowercase();
        // `ForAllValues:` holds where the key is not there, as does an operator that ends in `IfExists`.
        let operator = operator.strip_prefix("foranyvalue:").unwrap_or(&operator);
        let key = self.key.to_lowercase();
        operators.contains(&operator)
            && WHO_ASKS.contains(&key.as_str())
            && listed(Some(self.values)).next().is_some()
            && listed(Some(self.values)).all(|it| it.as_str().is_some_and(is_fixed))
    }
}

/// Whether a value names somebody: no variable, no account left open, no half of the internet.
fn is_fixed(value: &str) -> bool {
    if value.contains("${") {
        return false;
    }
    if let Some((address, bits)) = value.split_once('/')
        && address.parse::<std::net::IpAddr>().is_ok()
    {
        let least = if address.contains(':') { 32 } else { 8 };
        return bits.parse::<u8>().is_ok_and(|it| it >= least);
    }
    let named = match value.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, _, _, account, ..] => account,
        // An organisation, an account, an endpoint: what stands before a wildcard names it.
        _ => value.split(['*', '?', '/']).next().unwrap_or_default(),
    };
    !named.is_empty() && !named.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn open(statements: &Value) -> usize {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        AccessPolicy::from_text(document.to_string())
            .open_statements()
            .len()
    }

    fn with(member: &str, value: &Value) -> usize {
        let mut statement =
            json!({ "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage" });
        statement[member] = value.clone();
        open(&statement)
    }

    #[test]
    fn everybody_is_written_in_many_ways() {
        assert_eq!(with("Sid", &json!("a")), 1);
        for everybody in [
            json!({ "AWS": "*" }),
            json!({ "AWS": ["111122223333", "*"] }),
        ] {
            assert_eq!(with("Principal", &everybody), 1, "{everybody}");
        }
        assert_eq!(with("NotPrincipal", &json!({ "AWS": "111122223333" })), 1);
        assert_eq!(
            with(
                "Principal",
                &json!({ "AWS": "arn:aws:iam::111122223333:root" })
            ),
            0
        );
        assert_eq!(
            with("Principal", &json!({ "Service": "lambda.amazonaws.com" })),
            0
        );
        assert_eq!(with("Effect", &json!("Deny")), 0);
    }

    #[test]
    fn a_condition_limits_it_where_it_says_who() {
        let limited = |operator: &str, key: &str, value: Value| {
            with("Condition", &json!({ operator: { key: value } })) == 0
        };
        assert!(limited(
            "StringEquals",
            "aws:PrincipalOrgID",
            json!("o-a1b2c3d4e5")
        ));
        assert!(limited(
            "ForAnyValue:StringLike",
            "aws:PrincipalOrgPaths",
            json!(["o-a1b2c3d4e5/*"])
        ));
        assert!(limited(
            "ArnLike",
            "aws:PrincipalArn",
            json!("arn:aws:iam::111122223333:role/*")
        ));
        assert!(limited(
            "IpAddress",
            "aws:SourceIp",
            json!(["203.0.113.0/24"])
        ));
        assert!(!limited(
            "IpAddress",
            "aws:SourceIp",
            json!(["203.0.113.0/24", "0.0.0.0/0"])
        ));
        assert!(!limited(
            "ArnLike",
            "aws:PrincipalArn",
            json!("arn:aws:iam::*:role/ci")
        ));
        assert!(!limited("StringLike", "aws:PrincipalOrgID", json!("*")));
        assert!(!limited(
            "StringEquals",
            "aws:PrincipalOrgID",
            json!("${aws:x}")
        ));
        assert!(!limited("StringEquals", "aws:PrincipalOrgID", json!([])));
        assert!(!limited(
            "StringEqualsIfExists",
            "aws:PrincipalOrgID",
            json!("o-a")
        ));
        assert!(!limited(
            "ForAllValues:StringEquals",
            "aws:PrincipalOrgID",
            json!("o-a")
        ));
        assert!(!limited(
            "StringNotEquals",
            "aws:PrincipalOrgID",
            json!("o-a")
        ));
        assert!(!limited("Bool", "aws:SecureTransport", json!(true)));
    }

    #[test]
    fn a_denial_of_everybody_else_shuts_it() {
        let after = |deny: Value| {
            open(
                &json!([{ "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"] }, deny]),
            )
        };
        let foreign = json!({ "StringNotEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } });
        let deny = |action: &str, condition: &Value| json!({ "Effect": "Deny", "Principal": "*", "Action": action, "Condition": condition });
        assert_eq!(after(deny("ecr:*", &foreign)), 0);
        assert_eq!(after(deny("ecr:batchgetimage", &foreign)), 0);
        assert_eq!(after(deny("ecr:PutImage", &foreign)), 1);
        let narrower = json!({
            "StringNotEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" },
            "Bool": { "aws:SecureTransport": "false" },
        });
        assert_eq!(after(deny("ecr:*", &narrower)), 1);
        assert_eq!(
            after(json!({ "Effect": "Deny", "Principal": "*", "Action": "ecr:*" })),
            1
        );
    }

    #[test]
    fn what_cannot_be_read_may_let_everybody_in() {
        assert_eq!(AccessPolicy::from_text("[1]").open_statements(), ["[1]"]);
        assert_eq!(open(&json!([1])), 1);
        assert!(AccessPolicy::none().open_statements().is_empty());
    }
}
