//! `access`: who else may use a repository or a registry.

use std::sync::Arc;

use serde_json::Value;

use crate::diag::{Code, Diagnostic, Location, Source};
use crate::manifest::files::ManifestFiles;
use crate::manifest::model::{AccessRule, LARGEST_ACCESS, Principal};
use crate::manifest::path;
use crate::manifest::raw::{AccessNode, Manifest, SettingsBody, Text};
use crate::node::{Dec, Given};

use super::account::{check_account, check_arn, property};
use super::{check_word, no_template};

/// Reads `access`: who may do what, or a document of IAM's own.
pub(super) fn read_access(node: &mut Dec<'_>) -> AccessNode {
    let is_none = node
        .value()
        .and_then(|it| it.word(&[("none", ())]))
        .is_some();
    let mut rules = Vec::new();
    let mut given = 0;
    for mut rule in node.children(
        "allow",
        "who may do what: `allow \"pull\" account=\"111122223333\"`",
    ) {
        let place = rule.name_location();
        given += 1;
        rules.extend(read_rule(&mut rule).map(|it| (it, place)));
        rule.finish();
    }
    let document = node.text("document", "a file with a policy in IAM's JSON");
    if let Some(document) = &document {
        no_template(node, "document", document);
    }
    check_content(node, is_none, given, document.as_ref());
    AccessNode {
        rules,
        document,
        source: None,
        location: node.head_location(),
    }
}

fn check_content(node: &Dec<'_>, is_none: bool, rules: usize, document: Option<&Text>) {
    let diagnostic = match (is_none, rules, document) {
        (true, 0, None) | (false, 1.., None) | (false, 0, Some(_)) => return,
        (true, _, _) => Diagnostic::error(Code::BadSetting, "`access \"none\"` has no rules")
            .at(&node.head_location(), "this one"),
        (false, 0, None) => Diagnostic::error(Code::BadSetting, "`access` says nothing")
            .at(&node.head_location(), "this one"),
        (false, _, Some(document)) => {
            let message = "`access` has both `allow` and `document`";
            Diagnostic::error(Code::BadSetting, message)
                .at(&document.location, "is the whole policy")
        }
    };
    node.report(diagnostic.help(
        "write `allow` rules or one `document` between `{` and `}`, or `access \"none\"` alone to have no policy",
    ));
}

fn read_rule(rule: &mut Dec<'_>) -> Option<AccessRule> {
    let actions: Vec<Text> = rule
        .required_values("pull, push, pull-push, lambda-pull, or an action of ECR")
        .iter()
        .filter_map(Given::text)
        .collect();
    for action in &actions {
        check_action(rule, action);
    }
    let principal = read_principal(rule, &actions).ok()?;
    Some(AccessRule {
        actions: actions.into_iter().map(|it| it.value).collect(),
        principal,
    })
}

fn check_action(node: &Dec<'_>, action: &Text) {
    const WORDS: &[&str] = &["pull", "push", "pull-push", "lambda-pull"];
    no_template(node, "allow", action);
    if action
        .value
        .eq_ignore_ascii_case("ecr:GetAuthorizationToken")
    {
        return node.report(token_diagnostic(&action.location));
    }
    let is_action = action.value.strip_prefix("ecr:").is_some_and(|it| {
        !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || c == '*')
    });
    if !is_action {
        check_word(node, "allow", action, WORDS);
    }
}

fn token_diagnostic(place: &Location) -> Diagnostic {
    Diagnostic::error(
        Code::BadSetting,
        "`ecr:GetAuthorizationToken` belongs to no repository",
    )
    .at(place, "ECR would refuse it")
    .help("grant it in the policy of the caller; a repository's policy cannot")
}

/// A rule that cannot be used, which has been said.
struct Refused;

/// Reads whom a rule allows something. `None` is for `lambda-pull` alone, which needs nobody named.
fn read_principal(node: &mut Dec<'_>, actions: &[Text]) -> Result<Option<Principal>, Refused> {
    let account = property(node, "account", "an AWS account");
    let org = property(node, "org", "an AWS organisation, `o-..`");
    let role = property(node, "role", "the ARN of a role or user");
    let service = property(
        node,
        "service",
        "an AWS service, such as `\"lambda.amazonaws.com\"`",
    );
    if let Some(account) = &account {
        check_account(node, account);
    }
    if let Some(role) = &role {
        check_arn(node, role);
    }
    if let Some(org) = org.as_ref().filter(|it| !it.value.starts_with("o-")) {
        node.report(
            Diagnostic::error(
                Code::BadSetting,
                format!("`{}` is no AWS organisation", org.value),
            )
            .at(&org.location, "not of the form of one")
            .help("write its id, as in `\"o-a1b2c3d4e5\"`"),
        );
    }
    if let Some(service) = service.as_ref().filter(|it| !it.value.contains('.')) {
        node.report(
            Diagnostic::error(
                Code::BadSetting,
                format!("`{}` is no AWS service", service.value),
            )
            .at(&service.location, "not of the form of one")
            .help("write its principal, as in `\"codebuild.amazonaws.com\"`"),
        );
    }
    let lambda = actions.iter().find(|it| it.value == "lambda-pull");
    if let (Some(lambda), Some(other)) = (lambda, role.as_ref().or(service.as_ref())) {
        node.report(
            Diagnostic::error(
                Code::BadSetting,
                "`lambda-pull` is for functions of an account or an organisation",
            )
            .at(&other.location, "names something else")
            .at(&lambda.location, "this one")
            .help("write `account=` or `org=`, or neither for functions of the registry's own account"),
        );
        return Err(Refused);
    }
    let given = [
        account.map(|it| (Principal::Account(it.value), it.location)),
        org.map(|it| (Principal::Organisation(it.value), it.location)),
        role.map(|it| (Principal::Role(it.value), it.location)),
        service.map(|it| (Principal::Service(it.value), it.location)),
    ];
    let mut given: Vec<(Principal, Location)> = given.into_iter().flatten().collect();
    let is_lambda = lambda.is_some() && actions.iter().all(|it| it.value == "lambda-pull");
    let diagnostic =
        Diagnostic::error(Code::BadSetting, "`allow` names exactly one that it allows");
    let diagnostic = match &given[..] {
        [_] => return Ok(given.pop().map(|it| it.0)),
        [] if is_lambda || actions.is_empty() => return Ok(None),
        [] => diagnostic.at(&node.head_location(), "names none"),
        [first, second, ..] => diagnostic.at(&second.1, "and this").at(&first.1, "this"),
    };
    node.report(
        diagnostic.help(
            "write one of `account=`, `org=`, `role=`, `service=`; several rules for several",
        ),
    );
    Err(Refused)
}

/// Reads the documents that `access` names; reports those that cannot be used.
pub(super) fn read_documents(
    manifest: &mut Manifest,
    files: &mut dyn ManifestFiles,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for access in nodes(manifest) {
        let Some(document) = &access.document else {
            continue;
        };
        match read_document(document, files) {
            Ok(source) => access.source = Some(source),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
}

/// Every `access` of a repository.
fn nodes(manifest: &mut Manifest) -> impl Iterator<Item = &mut AccessNode> {
    let images = manifest
        .images
        .iter_mut()
        .map(|it| &mut it.body)
        .chain([&mut manifest.default_image]);
    let images = images
        .filter_map(|it| it.repository.as_mut())
        .map(|it| &mut it.settings);
    let repositories = manifest.repositories.iter_mut().map(|it| &mut it.settings);
    images
        .chain(repositories)
        .chain([&mut manifest.default_settings])
        .filter_map(|it: &mut SettingsBody| it.access.as_mut())
}

fn read_document(
    document: &Text,
    files: &mut dyn ManifestFiles,
) -> Result<Arc<Source>, Diagnostic> {
    let path = path::normalize_from(&document.location.source.name, &document.value)
        .map_err(|reason| path::outside(document, &document.value, reason))?;
    let source = files.read(&path).map_err(|why| {
        let message = format!("policy `{path}` cannot be read: {}", why.message);
        Diagnostic::error(Code::AccessDocument, message)
            .at(&document.location, "the policy of this repository")
            .help("the path is relative to this file; the policy is a document of IAM in JSON")
    })?;
    check_document(&source, document).map(|()| source)
}

/// Checks what ECR would refuse of a repository's policy.
fn check_document(source: &Arc<Source>, named: &Text) -> Result<(), Diagnostic> {
    if source.text.chars().count() > LARGEST_ACCESS {
        let message = format!("a policy has at most {LARGEST_ACCESS} characters");
        return Err(Diagnostic::error(Code::AccessDocument, message)
            .at(&named.location, "has more")
            .help("ECR takes no more: join statements that allow the same"));
    }
    let at = |offset: usize, length: usize| {
        let end = (offset + length).min(source.text.len());
        Location::new(source, offset.min(end)..end)
    };
    let policy: Value = serde_json::from_str(&source.text).map_err(|error| {
        let offset = offset_of(&source.text, error.line(), error.column());
        let what = error.to_string();
        let what = what
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned();
        Diagnostic::error(Code::AccessDocument, "the policy is no JSON")
            .at(&at(offset, 1), what)
            .at(&named.location, "named here")
            .help("write a document of IAM: `{\"Version\": \"2012-10-17\", \"Statement\": [..]}`")
    })?;
    let problem = |text: String, word: &str| {
        let word = format!("\"{word}\"");
        let place = match source.text.find(&word) {
            Some(offset) => at(offset, word.len()),
            None => at(0, 1),
        };
        Diagnostic::error(Code::AccessDocument, text)
            .at(&place, "ECR would refuse it")
            .at(&named.location, "named here")
            .help("see the ECR user guide, \"Repository policy examples\"")
    };
    let statements = match policy.get("Statement") {
        Some(Value::Array(all)) if !all.is_empty() => all.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => {
            return Err(problem(
                "the policy has no statements".to_owned(),
                "Statement",
            ));
        }
    };
    for statement in statements {
        if let Some((text, word)) = statement_problem(statement) {
            return Err(problem(text, word));
        }
    }
    Ok(())
}

fn statement_problem(statement: &Value) -> Option<(String, &'static str)> {
    let Some(members) = statement.as_object() else {
        return Some(("a statement is an object".to_owned(), "Statement"));
    };
    let missing = |words: [&'static str; 2]| !words.iter().any(|it| members.contains_key(*it));
    if let Some(word) = ["Resource", "NotResource"]
        .into_iter()
        .find(|it| members.contains_key(*it))
    {
        let text = format!("a repository's policy has no `{word}`: it is the repository");
        return Some((text, word));
    }
    if !matches!(
        members.get("Effect").and_then(Value::as_str),
        Some("Allow" | "Deny")
    ) {
        let text = "a statement has `Effect`, `Allow` or `Deny`".to_owned();
        return Some((text, "Effect"));
    }
    for (words, what) in [
        (["Principal", "NotPrincipal"], "whom it is for"),
        (["Action", "NotAction"], "what it is about"),
    ] {
        if missing(words) {
            let text = format!("a statement has `{}`: {what}", words[0]);
            return Some((text, "Statement"));
        }
    }
    let actions = match members.get("Action") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let token = actions.iter().filter_map(Value::as_str);
    let mut token = token.filter(|it| it.eq_ignore_ascii_case("ecr:GetAuthorizationToken"));
    token.next().map(|_| {
        let text = "`ecr:GetAuthorizationToken` belongs to no repository".to_owned();
        (text, "ecr:GetAuthorizationToken")
    })
}

/// Returns the byte offset of a line and column as JSON readers count them: both from 1, the column in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    let mut offset = (start + column.saturating_sub(1)).min(text.len().saturating_sub(1));
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
