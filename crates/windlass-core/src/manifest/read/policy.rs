//! `policy`, `waiver`, `moved` and `removed`.

use crate::diag::{Code, Diagnostic, Sourced};
use crate::manifest::model::{PolicyLevel, Waiver};
use crate::manifest::raw::{MovedNode, PolicyNode, RemovedNode, Text};
use crate::name::Day;
use crate::node::Dec;

use super::{identifier, no_template, plain};

pub(super) fn read_policy(node: &mut Dec<'_>) -> Option<PolicyNode> {
    let name = identifier(node);
    let rego = node.texts("rego", "files of Rego rules; `*` stands for anything");
    let kdl = node.texts("kdl", "packs in KDL");
    let data = node.texts("data", "files of data that Rego rules read");
    let level = node.block(
        "level",
        "how much a finding of its rules weighs where they do not say",
        |it| {
            it.required_value("deny, require-approval, warn, info or off")?
                .word(PolicyLevel::WORDS)
        },
    );
    for (what, texts) in [("rego", &rego), ("kdl", &kdl), ("data", &data)] {
        for text in texts {
            no_template(node, what, text);
        }
    }
    if rego.is_empty()
        && kdl.is_empty()
        && !["rego", "kdl"]
            .iter()
            .any(|it| node.was_given(it) || node.has_slip_of(it))
    {
        node.report(
            Diagnostic::error(Code::BadPolicy, "the policy has no rules")
                .at(&node.head_location(), "names no file")
                .help("add `rego \"policy/*.rego\"` or `kdl \"policy/*.kdl\"`"),
        );
    }
    Some(PolicyNode {
        location: node.head_location(),
        name: name?,
        rego,
        kdl,
        data,
        level: level.flatten(),
    })
}

pub(super) fn read_waiver(node: &mut Dec<'_>) -> Option<Waiver> {
    let rule = node
        .required_value("the id of a rule, in quotes")
        .and_then(|it| it.text());
    let image = scope(node, "image", "a pattern of images it holds for");
    let repository = scope(node, "repository", "a pattern of repositories it holds for");
    let environment = scope(node, "environment", "the environment it holds in");
    let path = scope(node, "path", "a pattern of files it holds for");
    let stage = scope(node, "stage", "the stage of the Dockerfile it holds for");
    let reason = said(node, "reason", "why the rule may be broken");
    let owner = said(node, "owner", "who answers for it");
    let expires = said(
        node,
        "expires",
        "the last day it holds, such as `\"2027-03-31\"`",
    );
    let expires = expires.and_then(|it| read_day(node, &it));
    let approved_by = node.texts("approved-by", "who agreed");
    let ticket = node.text("ticket", "where it is tracked");
    for text in &approved_by {
        plain(node, Some(text));
    }
    plain(node, ticket.as_ref());
    let rule = rule?;
    no_template(node, "waiver", &rule);
    if !is_rule_id(&rule.value) {
        node.report(
            Diagnostic::error(Code::BadWaiver, format!("`{}` is no id of a rule", rule.value))
                .at(&rule.location, "not a rule")
                .help("write the id that the finding shows, such as `\"final-user\"` or `\"org/final-user\"`"),
        );
        return None;
    }
    Some(Waiver {
        location: node.head_location(),
        rule,
        image,
        repository,
        environment,
        path,
        stage,
        reason: reason?,
        owner: owner?,
        expires: expires?,
        approved_by,
        ticket,
    })
}

fn scope(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Option<Text> {
    let text = node.property(name, doc)?.text()?;
    no_template(node, name, &text);
    Some(text)
}

/// Reads a text that a waiver must say.
fn said(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Option<Text> {
    let text = node.text(name, doc);
    plain(node, text.as_ref());
    node.counts_itself(name);
    let problem = match &text {
        Some(text) if text.value.trim().is_empty() => Some((text.location.clone(), "says nothing")),
        None if !node.was_given(name) && !node.has_slip_of(name) => {
            Some((node.head_location(), "not said"))
        }
        _ => None,
    };
    if let Some((place, label)) = problem {
        node.report(
            Diagnostic::error(Code::BadWaiver, format!("a waiver needs its `{name}`"))
                .at(&place, label)
                .help(format!("add `{name} \"..\"`: {doc}")),
        );
        return None;
    }
    text
}

fn read_day(node: &Dec<'_>, text: &Text) -> Option<Sourced<Day>> {
    match Day::parse(&text.value) {
        Ok(day) => Some(Sourced::new(day, text.location.clone())),
        Err(error) => {
            node.report(
                Diagnostic::error(Code::BadWaiver, error.to_string())
                    .at(&text.location, "not a date")
                    .help(
                        "write it as in `expires \"2027-03-31\"`; it holds through that day, UTC",
                    ),
            );
            None
        }
    }
}

fn is_rule_id(text: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| {
                b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')
            })
    };
    text.split('/').count() <= 2 && text.split('/').all(good)
}

pub(super) fn read_moved(node: &mut Dec<'_>) -> Option<MovedNode> {
    let from = repository_end(node, "from", "the name the repository had");
    let to = repository_end(node, "to", "the name it has now");
    Some(MovedNode {
        location: node.name_location(),
        from: from?,
        to: to?,
    })
}

/// Reads one end of `moved`: `shop/api` or `repository.shop/api`.
fn repository_end(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Option<Text> {
    let Some(given) = node.property(name, doc) else {
        node.missing_property(name);
        return None;
    };
    let mut text = given.text()?;
    no_template(node, name, &text);
    if let Some(image) = text.value.strip_prefix("image.") {
        node.report(
            Diagnostic::error(Code::BadValue, "`moved` names repositories, not images")
                .at(&text.location, "an image")
                .help(format!(
                    "write the repository that held it, such as `{name}=\"{image}\"`"
                )),
        );
        return None;
    }
    if let Some(plain) = text.value.strip_prefix("repository.") {
        text.value = plain.to_owned();
    }
    Some(text)
}

pub(super) fn read_removed(node: &mut Dec<'_>) -> Option<RemovedNode> {
    let kind = node.required_value("what is removed: `\"repository\"`");
    let kind = kind.and_then(|it| it.word(&[("repository", ())]));
    let name = node
        .required_value("the name of the repository")
        .and_then(|it| it.text());
    let images = node.block("images", "keep or delete", |it| {
        it.required_value("`keep` or `delete`")?
            .word(&[("keep", false), ("delete", true)])
    });
    kind?;
    let name = name?;
    no_template(node, "removed", &name);
    Some(RemovedNode {
        location: node.head_location(),
        name,
        delete_images: images.flatten().is_some_and(|it| it.value),
    })
}
