//! Reading a pack.

use std::sync::Arc;

use windlass_core::diag::{Checked, Code, Diagnostic, Source, Sourced, has_errors};
use windlass_core::finding::Level;
use windlass_core::manifest::model::Value;
use windlass_core::name::Day;
use windlass_core::node::suggest;
use windlass_core::node::{Dec, Given, Reading, Scalar};

use super::{Expectation, Pack, PackCase, PackRule, Scope};
use crate::hit::Parameters;
use crate::rule::Rule;
use crate::rules::{RULES, find, find_alias};

/// Reads a pack; all problems at once.
pub fn read_pack(source: &Arc<Source>) -> Checked<Pack> {
    let reading = Reading::new(source);
    let mut top = reading.top();
    let head = top.child("pack", "the name and version of the pack");
    if head.is_none() {
        top.missing("pack");
    }
    let head = head.and_then(read_head);
    let name = head.as_ref().map_or("", |head| head.0.value.as_str());
    let rules: Vec<PackRule> = top
        .children("rule", "what the pack says about a rule")
        .into_iter()
        .filter_map(|node| read_rule(node, name))
        .collect();
    let rego = top.texts("rego", "globs of files of Rego");
    let data = top.texts("data", "globs of data files");
    let cases = top
        .children("case", "a test of the pack")
        .into_iter()
        .filter_map(read_case)
        .collect();
    if rules.is_empty() && rego.is_empty() && !top.was_given("rule") {
        top.report(
            Diagnostic::error(Code::MissingName, "the pack has no rule")
                .at(&top.head_location(), "says nothing about any rule")
                .help("add `rule \"base-latest\"`, or `rego \"*.rego\"`"),
        );
    }
    top.finish();
    let diagnostics = reading.into_diagnostics();
    let pack = head
        .filter(|_| !has_errors(&diagnostics))
        .map(|(name, version)| Pack {
            name,
            version,
            rules,
            rego,
            data,
            cases,
        });
    (pack, diagnostics)
}

fn read_head(mut node: Dec<'_>) -> Option<(Sourced<String>, i64)> {
    let given = node.required_value("the name of the pack");
    let name = given.and_then(|given| given.text());
    let version = node.property("version", "a number, raised with every change");
    if version.is_none() {
        node.missing_property("version");
    }
    let version = version.and_then(|given| given.integer(1..=i64::MAX));
    if let Some(name) = name.as_ref().filter(|name| !is_slug(&name.value)) {
        node.report(
            Diagnostic::error(
                Code::BadName,
                format!("`{}` is no name of a pack", name.value),
            )
            .at(
                &name.location,
                "lower-case letters, digits and `-`, a letter first",
            ),
        );
    }
    node.finish();
    Some((name?, version?.value))
}

/// Says whether a text can be a part of a rule's id: ASCII only, so that no two look the same.
pub(crate) fn is_slug(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn read_rule(mut node: Dec<'_>, pack: &str) -> Option<PackRule> {
    let id = node
        .required_value("the rule's id")
        .and_then(|given| given.text());
    let mut property = |name, doc| node.property(name, doc)?.text().map(|it| it.value);
    let scope = Scope {
        image: property("image", "a glob of image names"),
        repository: property("repository", "a glob of repository names"),
        environment: property("environment", "an environment"),
        path: property("path", "a glob of paths"),
        stage: None,
    };
    let level = node
        .text("level", "deny, require-approval, warn, info or off")
        .and_then(|word| read_level(&node, &word));
    let rule = id.as_ref().and_then(|id| known_rule(&node, id, pack));
    let parameters = read_parameters(&mut node, rule);
    let effective_from = node
        .text("effective-from", "the first day it denies; before it warns")
        .and_then(|day| read_day(&node, &day));
    let waivable = node.flag("waivable", "whether waivers count");
    let max_waiver_days = node.integer(
        "max-waiver-days",
        "how many days ahead a waiver may end",
        0..=3650,
    );
    node.finish();
    Some(PackRule {
        id: id?,
        scope,
        level,
        parameters,
        effective_from,
        waivable: waivable.map(|it| it.value),
        max_waiver_days: max_waiver_days.and_then(|it| u32::try_from(it.value).ok()),
    })
}

/// Returns the built-in rule; a rule of the pack's own Rego is checked when that is loaded.
fn known_rule(node: &Dec<'_>, id: &Sourced<String>, pack: &str) -> Option<&'static Rule> {
    if let Some(rule) = find(&id.value) {
        return Some(rule);
    }
    if let Some((owner, slug)) = id.value.split_once('/') {
        if owner == pack && is_slug(slug) {
            return None;
        }
        node.report(
            Diagnostic::error(
                Code::UnknownName,
                format!("`{}` is no rule of pack `{pack}`", id.value),
            )
            .at(
                &id.location,
                "a pack speaks of its own rules and of built-in ones",
            )
            .help(format!("write `{pack}/{slug}`")),
        );
        return None;
    }
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let mut problem = Diagnostic::error(
        Code::UnknownName,
        format!("there is no rule `{}`", id.value),
    )
    .at(&id.location, "unknown rule");
    let alias = find_alias(&id.value).next();
    problem.help = alias
        .map(|rule| format!("that is `{}` here", rule.id))
        .or_else(|| suggest::hint(&id.value, &ids))
        .or_else(|| Some("`windlass policy list --profile all` names all rules".to_owned()));
    node.report(problem);
    None
}

fn read_level(node: &Dec<'_>, word: &Sourced<String>) -> Option<Level> {
    let level = Level::parse(&word.value);
    if level.is_none() {
        node.report(
            Diagnostic::error(Code::BadValue, format!("`{}` is no level", word.value))
                .at(&word.location, "not known")
                .help(format!("use {}", Level::WORDS.join(", "))),
        );
    }
    level
}

fn read_day(node: &Dec<'_>, text: &Sourced<String>) -> Option<Day> {
    match Day::parse(&text.value) {
        Ok(day) => Some(day),
        Err(why) => {
            node.report(
                Diagnostic::error(Code::BadValue, why.to_string())
                    .at(&text.location, "no day")
                    .help("write it as \"2027-01-31\""),
            );
            None
        }
    }
}

/// Reads `set name=value` nodes: a name that is set several times has several values.
fn read_parameters(node: &mut Dec<'_>, rule: Option<&Rule>) -> Parameters {
    let mut parameters = Parameters::default();
    for mut set in node.children("set", "a parameter of the rule") {
        for given in set.all_properties() {
            let name = given.key().unwrap_or_default().to_owned();
            if let Some(rule) = rule
                && !check_parameter(&set, rule, &name, &given)
            {
                continue;
            }
            let value = match given.scalar().map(|it| it.value) {
                Some(Scalar::Integer(number)) => Value::Integer(number),
                Some(Scalar::Flag(flag)) => Value::Flag(flag),
                Some(Scalar::Text(text)) => Value::Text(text),
                None => continue,
            };
            parameters.0.entry(name).or_default().push(value);
        }
        set.finish();
    }
    parameters
}

fn check_parameter(node: &Dec<'_>, rule: &Rule, name: &str, given: &Given<'_>) -> bool {
    let Some(parameter) = rule.parameters.iter().find(|it| it.name == name) else {
        let names: Vec<&str> = rule.parameters.iter().map(|it| it.name).collect();
        let mut problem = Diagnostic::error(
            Code::UnknownName,
            format!("rule `{}` has no parameter `{name}`", rule.id),
        )
        .at(&given.key_location(), "unknown parameter");
        problem.help = suggest::hint(name, &names);
        node.report(problem);
        return false;
    };
    if parameter.is_number {
        return given.integer(0..=i64::MAX).is_some();
    }
    given.text().is_some_and(|text| {
        let empty = text.value.trim().is_empty();
        if empty {
            node.report(
                Diagnostic::error(Code::BadValue, format!("`{name}` is empty"))
                    .at(&text.location, "says nothing")
                    .help(format!("give {}", parameter.doc)),
            );
        }
        !empty
    })
}

fn read_case(mut node: Dec<'_>) -> Option<PackCase> {
    let name = node
        .required_value("the name of the case")
        .and_then(|given| given.text());
    let file = node.text("file", "the Dockerfile, manifest or plan");
    if file.is_none() {
        node.missing("file");
    }
    let expect = node
        .children("expect", "a finding")
        .into_iter()
        .filter_map(|mut node| {
            let rule = node
                .required_value("the rule's id")
                .and_then(|given| given.text());
            let line = node
                .property("line", "the line of the finding")
                .and_then(|given| given.integer(1..=i64::from(u32::MAX)));
            node.finish();
            Some(Expectation {
                rule: rule?,
                line: line.and_then(|it| usize::try_from(it.value).ok()),
            })
        })
        .collect();
    node.finish();
    Some(PackCase {
        name: name?,
        file: file?,
        expect,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_core::diag::text::render_plain;

    fn read(text: &str) -> (Option<Pack>, String) {
        let (pack, diagnostics) = read_pack(&Source::new("org.kdl", text));
        (pack, render_plain(&diagnostics))
    }

    #[test]
    fn a_pack_says_levels_scopes_and_parameters() {
        let (pack, said) = read(
            r#"pack "org" version=3
rule "base-registry-allowed" image="api-*" environment="prod" {
    level "require-approval"
    set registry="docker.io/library"
    set registry="public.ecr.aws"
    effective-from "2027-01-01"
    waivable #false
    max-waiver-days 90
}
rule "org/non-root" { level "warn" }
rego "rules/*.rego"
case "good" { file "cases/good.Dockerfile" }
case "bad" { file "cases/bad.Dockerfile"; expect "base-registry-allowed" line=1 }
"#,
        );
        assert_eq!(said, "");
        let pack = pack.expect("a pack");
        assert_eq!((pack.name.value.as_str(), pack.version), ("org", 3));
        let rule = &pack.rules[0];
        assert_eq!(rule.level, Some(Level::RequireApproval));
        assert_eq!(
            rule.parameters.texts("registry"),
            ["docker.io/library", "public.ecr.aws"]
        );
        assert_eq!(rule.waivable, Some(false));
        assert_eq!(rule.max_waiver_days, Some(90));
        assert_eq!(pack.cases[1].expect[0].line, Some(1));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let (pack, said) = read(
            r#"pack "Org"
rule "base-lates" { level "error" }
rule "DL3007"
rule "other/x"
rule "base-registry-allowed" { set registries="x"; set registry=""; effective-from "2027-02-30" }
case "x"
"#,
        );
        assert!(pack.is_none());
        insta::assert_snapshot!(said);
    }

    #[test]
    fn a_pack_without_rules_is_refused() {
        let (pack, said) = read("pack \"org\" version=1\n");
        assert!(pack.is_none());
        insta::assert_snapshot!(said);
    }
}
