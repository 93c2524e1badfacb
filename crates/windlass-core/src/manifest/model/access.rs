//! The policy of a repository: a document of IAM, compared by what it says and not by how it is written.
//!
//! ECR shows a policy in its own form: principals in another order, accounts as the ARN of their root, a single value where a list was
//! written. Two policies are the same where their statements are, and a statement is brought into one text that people can read. What is
//! only a name (`Sid`, `Id`) makes no difference.

mod everybody;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The most characters of a policy (ECR API, `RepositoryPolicyText`).
pub const LARGEST_ACCESS: usize = 10_240;

/// What pulling an image takes (ECR user guide, "Repository policy examples").
const PULL: &[&str] = &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
/// What pushing an image takes.
const PUSH: &[&str] = &[
    "ecr:BatchCheckLayerAvailability",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
];

/// The service that pulls images for functions.
const LAMBDA: &str = "lambda.amazonaws.com";

/// Actions as AWS writes them: IAM compares them without case, and people read them with it.
const ACTIONS: &[&str] = &[
    "ecr:BatchDeleteImage",
    "ecr:DeleteLifecyclePolicy",
    "ecr:DeleteRepository",
    "ecr:DeleteRepositoryPolicy",
    "ecr:DescribeImages",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeRepositories",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:GetRepositoryPolicy",
    "ecr:ListImages",
    "ecr:ListTagsForResource",
    "ecr:PutImageScanningConfiguration",
    "ecr:PutImageTagMutability",
    "ecr:PutLifecyclePolicy",
    "ecr:ReplicateImage",
    "ecr:SetRepositoryPolicy",
    "ecr:StartImageScan",
    "ecr:StartLifecyclePolicyPreview",
    "ecr:TagResource",
    "ecr:UntagResource",
];

/// The policy of a repository; none where nobody but the account itself may use it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessPolicy {
    text: String,
}

/// Whom a rule allows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// An account, twelve digits.
    Account(String),
    /// Everybody of an organisation, `o-..`.
    Organisation(String),
    /// A role or user, by its ARN.
    Role(String),
    /// An AWS service, `lambda.amazonaws.com`.
    Service(String),
}

/// One `allow` of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// `pull`, `push`, `pull-push`, `lambda-pull`, or actions of ECR.
    pub actions: Vec<String>,
    /// Whom. `None` only for `lambda-pull`: the functions of the registry's own account.
    pub principal: Option<Principal>,
}

impl AccessPolicy {
    /// Returns the policy that is none.
    pub fn none() -> Self {
        Self::default()
    }

    /// Takes a document as it stands.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// Takes a document as a person wrote it: without its spaces, which count.
    pub fn from_document(text: &str) -> Self {
        let document = serde_json::from_str::<Value>(text);
        Self::from_text(document.map_or_else(|_| text.to_owned(), |it| it.to_string()))
    }

    /// Returns the document of rules for a registry in `region` of `account`.
    pub fn from_rules(rules: &[AccessRule], account: &str, region: &str) -> Self {
        let statements: Vec<Value> = rules
            .iter()
            .flat_map(|rule| rule_statements(rule, account, region))
            .collect();
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        Self::from_text(document.to_string())
    }

    /// Says whether there is no policy.
    pub fn is_none(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the document as it is written to ECR.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what the policy says, one text a statement, sorted: equal for policies that say the same.
    pub fn statements(&self) -> Vec<String> {
        if self.is_none() {
            return Vec::new();
        }
        let document = serde_json::from_str(&self.text);
        let Ok(Value::Object(document)) = document else {
            return vec![self.text.clone()];
        };
        let mut all: BTreeSet<String> = listed(document.get("Statement"))
            .map(statement_text)
            .collect();
        // The version decides whether `${..}` in a statement is a variable, and nothing else.
        let version = document.get("Version").and_then(Value::as_str);
        if version != Some("2012-10-17") && self.text.contains("${") {
            let version = version.unwrap_or("2008-10-17");
            all.insert(format!("version {version}: `${{..}}` is no variable"));
        }
        all.into_iter().collect()
    }

    /// Says whether two policies say the same.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.statements() == other.statements()
    }
}

/// Returns the actions that a word of `allow` stands for; an action stands for itself.
fn actions_of(word: &str) -> Vec<&str> {
    match word {
        "pull" => PULL.to_vec(),
        "push" => PUSH.to_vec(),
        "pull-push" => [PULL, PUSH].concat(),
        action => vec![action],
    }
}

fn rule_statements(rule: &AccessRule, account: &str, region: &str) -> Vec<Value> {
    let (lambda, plain): (Vec<&String>, Vec<&String>) =
        rule.actions.iter().partition(|it| *it == "lambda-pull");
    let mut actions: BTreeSet<&str> = plain.iter().flat_map(|it| actions_of(it)).collect();
    let mut statements = Vec::new();
    if !lambda.is_empty() {
        statements.push(lambda_statement(rule.principal.as_ref(), account, region));
        // Lambda asks for the image in the name of the other account as well (ECR user guide, "Using Amazon ECR images with AWS Lambda").
        if rule.principal.is_some() {
            actions.extend(PULL);
        }
    }
    if let Some(principal) = rule.principal.as_ref().filter(|_| !actions.is_empty()) {
        statements.push(plain_statement(&actions, principal));
    }
    statements
}

fn plain_statement(actions: &BTreeSet<&str>, principal: &Principal) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": actions });
    let (who, condition) = match principal {
        Principal::Account(account) => (json!({ "AWS": account }), None),
        Principal::Role(arn) => (json!({ "AWS": arn }), None),
        Principal::Service(service) => (json!({ "Service": service }), None),
        Principal::Organisation(id) => (
            json!("*"),
            Some(json!({ "StringEquals": { "aws:PrincipalOrgID": id } })),
        ),
    };
    statement["Principal"] = who;
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}

/// Returns what Lambda needs: the service itself, for functions of the account that is allowed, in the registry's region.
fn lambda_statement(principal: Option<&Principal>, own: &str, region: &str) -> Value {
    let condition = match principal {
        Some(Principal::Organisation(id)) => json!({ "StringEquals": { "aws:SourceOrgID": id } }),
        other => {
            let account = match other {
                Some(Principal::Account(account)) => account,
                _ => own,
            };
            let partition = partition(region);
            let functions = format!("arn:{partition}:lambda:{region}:{account}:function:*");
            json!({ "StringLike": { "aws:SourceArn": functions } })
        }
    };
    json!({
        "Effect": "Allow",
        "Principal": { "Service": LAMBDA },
        "Action": PULL,
        "Condition": condition,
    })
}

/// Returns the partition of a region (AWS general reference, "Amazon Resource Names").
pub(crate) fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        region if region.starts_with("us-iso-") => "aws-iso",
        region if region.starts_with("us-isob-") => "aws-iso-b",
        region if region.starts_with("eu-isoe-") => "aws-iso-e",
        region if region.starts_with("us-isof-") => "aws-iso-f",
        region if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// Returns a value, or the values of a list; IAM takes a single one for a list of one.
fn listed(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let items = match value {
        Some(Value::Array(items)) => items.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    items.iter()
}

/// Returns a statement as a line: `allow ecr:PutImage to account 111122223333 if StringEquals aws:x = y`.
fn statement_text(statement: &Value) -> String {
    let Value::Object(members) = statement else {
        return statement.to_string();
    };
    let mut members = members.clone();
    members.remove("Sid");
    let effect = members.remove("Effect").unwrap_or_default();
    let effect = effect.as_str().unwrap_or("no effect").to_lowercase();
    let mut text = format!("{effect} {}", what(&mut members));
    text.push_str(&who(&mut members));
    text.push_str(&conditions(members.remove("Condition")));
    if !members.is_empty() {
        let rest = Value::Object(members);
        write!(text, " with {rest}").expect("texts take what is written");
    }
    text
}

fn what(members: &mut Map<String, Value>) -> String {
    let except = members.remove("NotAction");
    let actions = members.remove("Action");
    let mut parts: Vec<String> = Vec::new();
    if let Some(actions) = &actions {
        parts.push(action_words(actions));
    }
    if let Some(except) = &except {
        parts.push(format!("everything but {}", action_words(except)));
    }
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(" and ")
    }
}

/// Returns actions, sorted; those of a pull or a push by that word.
fn action_words(actions: &Value) -> String {
    let mut left: BTreeSet<String> = listed(Some(actions)).map(action_word).collect();
    let mut words = Vec::new();
    for (word, set) in [("pull", PULL), ("push", PUSH)] {
        if set.iter().all(|it| left.contains(*it)) {
            left.retain(|it| !set.contains(&it.as_str()));
            words.push(word.to_owned());
        }
    }
    words.extend(left);
    words.join(", ")
}

fn action_word(action: &Value) -> String {
    let Some(action) = action.as_str() else {
        return action.to_string();
    };
    let known = [PULL, PUSH, ACTIONS].into_iter().flatten();
    let found = known.into_iter().find(|it| it.eq_ignore_ascii_case(action));
    found.map_or_else(
        || plain(&action.to_ascii_lowercase()),
        |it| (*it).to_owned(),
    )
}

fn who(members: &mut Map<String, Value>) -> String {
    let mut text = String::new();
    for (member, lead) in [("Principal", "to"), ("NotPrincipal", "to everybody but")] {
        if let Some(principal) = members.remove(member) {
            let all: Vec<String> = principals(&principal).into_iter().collect();
            write!(text, " {lead} {}", all.join(", ")).expect("texts take what is written");
        }
    }
    text
}

fn principals(principal: &Value) -> BTreeSet<String> {
    let Value::Object(kinds) = principal else {
        return BTreeSet::from([principal
            .as_str()
            .map_or_else(|| principal.to_string(), plain)]);
    };
    let all = kinds.iter().flat_map(|(kind, values)| {
        listed(Some(values)).map(move |value| match (kind.as_str(), value.as_str()) {
            ("AWS", Some(value)) => aws_principal(value),
            (kind, Some(value)) => format!("{} {}", kind.to_lowercase(), plain(value)),
            (kind, None) => format!("{} {value}", kind.to_lowercase()),
        })
    });
    all.collect()
}

/// Returns an AWS principal; an account and the ARN of its root are the same.
fn aws_principal(value: &str) -> String {
    let is_account = |it: &str| it.len() == 12 && it.bytes().all(|b| b.is_ascii_digit());
    if is_account(value) {
        return format!("account {value}");
    }
    let parts: Vec<&str> = value.split(':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, "root"] if is_account(account) => {
            format!("account {account}")
        }
        _ => plain(value),
    }
}

/// Returns conditions, all of which must hold; their keys are compared without case.
fn conditions(condition: Option<Value>) -> String {
    let Some(condition) = condition else {
        return String::new();
    };
    let Value::Object(operators) = &condition else {
        return format!(" if {condition}");
    };
    let mut all: BTreeSet<String> = BTreeSet::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else {
            all.insert(format!("{operator} {keys}"));
            continue;
        };
        for (key, values) in keys {
            let values: BTreeSet<String> = listed(Some(values)).map(scalar).collect();
            let values: Vec<String> = values.into_iter().collect();
            let key = plain(&key.to_lowercase());
            all.insert(format!("{operator} {key} = {}", values.join(" | ")));
        }
    }
    let all: Vec<String> = all.into_iter().collect();
    if all.is_empty() {
        String::new()
    } else {
        format!(" if {}", all.join(" and "))
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), plain)
}

/// Returns a text as it stands where it cannot be taken for anything else, else in quotes.
fn plain(text: &str) -> String {
    let good = |c: char| c.is_alphanumeric() || ":/*._-@+=${}?".contains(c);
    if !text.is_empty() && text.chars().all(good) {
        text.to_owned()
    } else {
        json!(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(document: &Value) -> Vec<String> {
        AccessPolicy::from_text(document.to_string()).statements()
    }

    fn rules(rules: &[(&[&str], Option<Principal>)]) -> Vec<String> {
        let rules: Vec<AccessRule> = rules
            .iter()
            .map(|(actions, principal)| AccessRule {
                actions: actions.iter().map(ToString::to_string).collect(),
                principal: principal.clone(),
            })
            .collect();
        AccessPolicy::from_rules(&rules, "111122223333", "eu-west-1").statements()
    }

    #[test]
    fn order_lists_of_one_case_roots_and_names_make_no_difference() {
        let ours = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": ["222222222222", "arn:aws:iam::333333333333:role/ci"] },
              "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] },
            { "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository",
              "Condition": { "Bool": { "aws:SecureTransport": false } } },
        ]});
        let shown = json!({ "Version": "2008-10-17", "Id": "x", "Statement": [
            { "Sid": "b", "Effect": "Deny", "Principal": { "AWS": ["*"] }, "Action": ["ecr:deleterepository"],
              "Condition": { "Bool": { "aws:securetransport": ["false"] } } },
            { "Sid": "a", "Effect": "Allow",
              "Principal": { "AWS": ["arn:aws:iam::333333333333:role/ci", "arn:aws:iam::222222222222:root"] },
              "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"] },
        ]});
        assert_eq!(lines(&ours), lines(&shown));
        assert_eq!(
            lines(&ours),
            [
                "allow pull to account 222222222222, arn:aws:iam::333333333333:role/ci",
                "deny ecr:DeleteRepository to * if Bool aws:securetransport = false",
            ]
        );
    }

    #[test]
    fn what_says_something_else_is_another_policy() {
        let base = json!({ "Effect": "Allow", "Principal": "*", "Action": "ecr:PutImage" });
        let with = |member: &str, value: Value| {
            let mut statement = base.clone();
            statement[member] = value;
            lines(&json!({ "Version": "2012-10-17", "Statement": statement }))
        };
        let plain = with("Sid", json!("a"));
        for (member, value) in [
            ("Effect", json!("Deny")),
            ("Principal", json!({ "AWS": "111122223333" })),
            ("Principal", json!({ "Service": "*" })),
            ("Action", json!(["ecr:PutImage", "ecr:ListImages"])),
            ("NotAction", json!("ecr:ListImages")),
            ("NotPrincipal", json!("*")),
            ("Condition", json!({ "StringEquals": { "a": "b" } })),
            ("Resource", json!("*")),
        ] {
            assert_ne!(with(member, value), plain, "{member}");
        }
        let one = |value: &str| with("Condition", json!({ "StringEquals": { "a": value } }));
        assert_ne!(
            one("b | c"),
            with("Condition", json!({ "StringEquals": { "a": ["b", "c"] } }))
        );
    }

    #[test]
    fn rules_become_statements_of_iam() {
        let account = Principal::Account("222222222222".to_owned());
        let org = Principal::Organisation("o-a1b2c3d4e5".to_owned());
        let service = Principal::Service("codebuild.amazonaws.com".to_owned());
        assert_eq!(
            rules(&[
                (&["pull"], Some(org)),
                (&["pull-push", "ecr:ListImages"], Some(account)),
                (&["push"], Some(service)),
            ]),
            [
                "allow pull to * if StringEquals aws:principalorgid = o-a1b2c3d4e5",
                "allow pull, push, ecr:ListImages to account 222222222222",
                "allow push to service codebuild.amazonaws.com",
            ]
        );
    }

    #[test]
    fn lambda_pulls_for_functions_of_its_own_or_another_account() {
        let own = rules(&[(&["lambda-pull"], None)]);
        assert_eq!(
            own,
            [
                "allow pull to service lambda.amazonaws.com if StringLike aws:sourcearn = arn:aws:lambda:eu-west-1:111122223333:function:*"
            ]
        );
        let other = Principal::Account("222222222222".to_owned());
        assert_eq!(
            rules(&[(&["lambda-pull"], Some(other))]),
            [
                "allow pull to account 222222222222",
                "allow pull to service lambda.amazonaws.com if StringLike aws:sourcearn = arn:aws:lambda:eu-west-1:222222222222:function:*",
            ]
        );
    }

    #[test]
    fn no_policy_and_text_that_is_none_are_values_too() {
        assert!(AccessPolicy::none().statements().is_empty());
        assert_eq!(AccessPolicy::from_text("[1]").statements(), ["[1]"]);
        assert_eq!(
            lines(&json!({ "Statement": [1, { "Effect": 2 }] })),
            ["1", "no effect nothing"]
        );
        assert_eq!(
            lines(
                &json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "ecr:*",
                "Condition": { "StringLike": { "a": "${aws:x}" } } } })
            ),
            [
                "allow ecr:* to * if StringLike a = ${aws:x}",
                "version 2008-10-17: `${..}` is no variable",
            ]
        );
    }
}
