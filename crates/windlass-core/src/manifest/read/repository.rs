//! `repository` and the settings it shares with images and `defaults`.

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::model::{Encryption, LifecycleCount, LifecycleRule, LifecycleSelection};
use crate::manifest::raw::{RepositoryNode, SettingsBody, TagsNode, Text};
use crate::node::shape::Kind;
use crate::node::{Dec, Given, Mark};

use super::access::read_access;
use super::{no_template, pairs, plain, read_inheritance, refers};

/// The most rules that ECR takes in one policy (ECR quotas, "Rules per lifecycle policy").
const MAX_RULES: usize = 50;

pub(super) fn read_repository(node: &mut Dec<'_>) -> Option<RepositoryNode> {
    let (extends, is_abstract) = read_inheritance(node, "repository");
    let name = node.required_value("the name, in quotes");
    let doc = node.text("doc", "what the repository is for");
    plain(node, doc.as_ref());
    let settings = read_settings(node);
    let name = name?.text()?;
    node.reading().mark(&name.location, Mark::Kind(Kind::Name));
    if name.value.contains("{{") {
        no_template(node, "the name", &name);
        return None;
    }
    Some(RepositoryNode {
        location: node.head_location(),
        name,
        extends,
        is_abstract,
        doc,
        settings,
    })
}

/// Reads the settings of a repository.
pub(super) fn read_settings(node: &mut Dec<'_>) -> SettingsBody {
    let settings = SettingsBody {
        targets: node.texts("target", "the registries that must have it"),
        tags: node
            .block("tags", "mutable or immutable", read_tags)
            .flatten(),
        scan_on_push: node.flag("scan-on-push", "whether ECR scans what is pushed"),
        encryption: node
            .block("encryption", "aes256, kms or kms-dsse", read_encryption)
            .flatten(),
        create: node.flag("create", "whether apply may create it"),
        resource_tags: pairs(
            node,
            "resource-tag",
            "tags of the AWS resource: `resource-tag team=\"a\"`",
        ),
        access: node.block("access", "who else may pull and push", read_access),
        lifecycle: node.block(
            "lifecycle",
            "which images ECR deletes by itself",
            read_lifecycle,
        ),
    };
    for target in &settings.targets {
        no_template(node, "target", target);
    }
    refers(node, &settings.targets, "registry");
    settings
}

fn read_tags(node: &mut Dec<'_>) -> Option<Sourced<TagsNode>> {
    let mutable = node
        .required_value("`mutable` or `immutable`")
        .and_then(|it| it.word(&[("mutable", true), ("immutable", false)]));
    let except = node.texts(
        "except",
        "tags for which the opposite holds; `*` stands for anything",
    );
    for pattern in &except {
        check_exception(node, pattern);
    }
    if let Some(sixth) = except.get(5) {
        node.report(
            Diagnostic::error(Code::BadSetting, "ECR takes at most five exceptions")
                .at(&sixth.location, "one too many")
                .help("join some of them with `*`"),
        );
    }
    let location = node.head_location();
    let mutable = mutable?.value;
    Some(Sourced::new(TagsNode { mutable, except }, location))
}

/// ECR's pattern of an exclusion filter: `[0-9a-zA-Z._*-]{1,128}`, with at most two wildcards.
fn check_exception(node: &Dec<'_>, pattern: &Text) {
    plain(node, Some(pattern));
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '*' | '-');
    let length = pattern.value.len();
    if (1..=128).contains(&length) && pattern.value.chars().all(good) {
        return;
    }
    node.report(
        Diagnostic::error(
            Code::BadSetting,
            format!("`{}` is not a pattern for tags", pattern.value),
        )
        .at(&pattern.location, "ECR would refuse it")
        .help("letters, digits, `.`, `_`, `-` and `*`, at most 128 of them"),
    );
}

fn read_encryption(node: &mut Dec<'_>) -> Option<Sourced<Encryption>> {
    let kind = node.required_value("`aes256`, `kms` or `kms-dsse`")?;
    let key = node.property("key", "the KMS key");
    let kind = kind.word(&[("aes256", 0), ("kms", 1), ("kms-dsse", 2)])?;
    let key_text = key.as_ref().and_then(Given::text);
    if let Some(key) = &key_text {
        no_template(node, "key", key);
    }
    let key_text = key_text.map(|it| it.value);
    let encryption = match kind.value {
        1 => Encryption::Kms(key_text),
        2 => Encryption::KmsDsse(key_text),
        _ => {
            if let Some(key) = key {
                node.report(
                    Diagnostic::error(Code::BadSetting, "`aes256` has no key")
                        .at(&key.key_location(), "not used")
                        .help("remove it, or write `encryption \"kms\" key=\"..\"`"),
                );
            }
            Encryption::Aes256
        }
    };
    Some(Sourced::new(encryption, node.head_location()))
}

const RULES: &[(&str, &str)] = &[
    (
        "keep",
        "how many images stay: `keep count=50 tagged=\"v*\"`",
    ),
    (
        "expire",
        "which images go: `expire untagged=#true pushed-days=7`",
    ),
    ("archive", "which images are archived"),
];

fn read_lifecycle(node: &mut Dec<'_>) -> Sourced<Vec<LifecycleRule>> {
    let location = node.head_location();
    let is_none = node
        .value()
        .and_then(|it| it.word(&[("none", ())]))
        .is_some();
    let mut rules: Vec<(LifecycleRule, Location)> = Vec::new();
    for mut child in node.ordered_children(RULES) {
        let place = child.name_location();
        if let Some(rule) = read_rule(&mut child) {
            check_order(&child, &rules, &rule);
            rules.push((rule, place));
        }
        child.finish();
    }
    let problem = if is_none && !rules.is_empty() {
        Some("`lifecycle \"none\"` has no rules")
    } else if !is_none && rules.is_empty() && !node.has_block() {
        Some("`lifecycle` says nothing")
    } else if rules.len() > MAX_RULES {
        Some("ECR takes at most 50 rules")
    } else {
        None
    };
    if let Some(problem) = problem {
        node.report(
            Diagnostic::error(Code::LifecycleRule, problem)
                .at(&location, "this one")
                .help("write rules between `{` and `}`, or `lifecycle \"none\"` alone to have no policy"),
        );
    }
    Sourced::new(rules.into_iter().map(|it| it.0).collect(), location)
}

/// `any` must be the last rule, and one rule may select untagged images (ECR, "Lifecycle policy properties").
fn check_order(node: &Dec<'_>, before: &[(LifecycleRule, Location)], rule: &LifecycleRule) {
    let earlier = before.iter().find(|(it, _)| match it.select {
        LifecycleSelection::Any => true,
        LifecycleSelection::Untagged => rule.select == LifecycleSelection::Untagged,
        LifecycleSelection::Tagged(_) => false,
    });
    let Some((found, place)) = earlier else {
        return;
    };
    let (message, help) = match found.select {
        LifecycleSelection::Any => (
            "a rule for any image must be the last one",
            "put it below all others: ECR takes it nowhere else",
        ),
        _ => (
            "only one rule can select untagged images",
            "keep one of the two: ECR takes one rule for untagged images",
        ),
    };
    node.report(
        Diagnostic::error(Code::LifecycleRule, message)
            .at(&node.name_location(), "this rule comes after it")
            .at(place, "this one")
            .help(help),
    );
}

fn read_rule(node: &mut Dec<'_>) -> Option<LifecycleRule> {
    let select = read_selection(node);
    let archived = node.property("archived", "images that were archived");
    if let Some(archived) = &archived {
        archived.mark(Mark::Kind(Kind::Flag));
    }
    let counts = [
        (node.property("count", "how many images stay"), "count"),
        (
            node.property("pushed-days", "days since the push"),
            "pushed-days",
        ),
        (
            node.property("pulled-days", "days since the last pull"),
            "pulled-days",
        ),
        (
            node.property("archived-days", "days since it was archived"),
            "archived-days",
        ),
    ];
    for (count, _) in &counts {
        if let Some(count) = count {
            count.mark(Mark::Kind(Kind::Integer(1, i64::from(u32::MAX))));
        }
    }
    let when = read_when(node, &counts);
    if let Some(archived) = archived {
        node.report(crate::node::not_yet(
            "a rule for archived images",
            &archived.key_location(),
        ));
        return None;
    }
    let (select, when) = (select?, when?);
    Some(LifecycleRule {
        select,
        when,
        archive: node.name() == "archive",
    })
}

fn read_when(node: &Dec<'_>, counts: &[(Option<Given<'_>>, &str)]) -> Option<LifecycleCount> {
    let given: Vec<(&Given<'_>, &str)> = counts
        .iter()
        .filter_map(|(it, name)| Some((it.as_ref()?, *name)))
        .collect();
    let is_keep = node.name() == "keep";
    let [(value, name)] = given[..] else {
        let help = if is_keep {
            "write `count=N`"
        } else {
            "write one of `pushed-days=N` and `pulled-days=N`"
        };
        node.report(
            Diagnostic::error(
                Code::LifecycleRule,
                format!("`{}` needs one number", node.name()),
            )
            .at(&node.name_location(), format!("has {}", given.len()))
            .help(help),
        );
        return None;
    };
    if is_keep != (name == "count") {
        node.report(
            Diagnostic::error(
                Code::LifecycleRule,
                format!("`{}` has no `{name}=`", node.name()),
            )
            .at(&value.key_location(), "belongs to another kind of rule")
            .help("`keep` counts images, `expire` and `archive` count days"),
        );
        return None;
    }
    let number = value.integer(1..=i64::from(u32::MAX))?.value;
    let number = u32::try_from(number).ok()?;
    Some(match name {
        "count" => LifecycleCount::MoreThan(number),
        "pushed-days" => LifecycleCount::PushedDays(number),
        "pulled-days" => LifecycleCount::PulledDays(number),
        _ => LifecycleCount::ArchivedDays(number),
    })
}

fn read_selection(node: &mut Dec<'_>) -> Option<LifecycleSelection> {
    let tagged = node.property("tagged", "a pattern of tags");
    let untagged = node.property("untagged", "images without a tag");
    let any = node.property("any", "all images");
    for (given, kind) in [
        (&tagged, Kind::Text),
        (&untagged, Kind::Flag),
        (&any, Kind::Flag),
    ] {
        if let Some(given) = given {
            given.mark(Mark::Kind(kind));
            given.mark(Mark::Plain);
        }
    }
    let given: Vec<Given<'_>> = [tagged, untagged, any].into_iter().flatten().collect();
    let diagnostic = Diagnostic::error(
        Code::LifecycleRule,
        format!("`{}` needs one selection", node.name()),
    );
    match given[..] {
        [only] => match only.key() {
            Some("tagged") => tag_pattern(node, &only.text()?),
            Some("untagged") => only.flag()?.value.then_some(LifecycleSelection::Untagged),
            _ => only.flag()?.value.then_some(LifecycleSelection::Any),
        },
        [] => {
            node.report(
                diagnostic
                    .at(&node.name_location(), "selects nothing")
                    .help("add `tagged=\"v*\"`, `untagged=#true` or `any=#true`"),
            );
            None
        }
        [first, second, ..] => {
            node.report(
                diagnostic
                    .at(&second.key_location(), "and this")
                    .at(&first.key_location(), "this")
                    .help("choose one; write two rules where both are meant"),
            );
            None
        }
    }
}

fn tag_pattern(node: &Dec<'_>, pattern: &Text) -> Option<LifecycleSelection> {
    if pattern.value.matches('*').count() > 4 {
        node.report(
            Diagnostic::error(Code::LifecycleRule, "a pattern has at most four `*`")
                .at(&pattern.location, "has more")
                .help("shorten it"),
        );
        return None;
    }
    if pattern.value.is_empty() {
        node.report(
            Diagnostic::error(Code::LifecycleRule, "an empty pattern selects nothing")
                .at(&pattern.location, "empty")
                .help("write `\"v*\"`, or `untagged=#true` for images without a tag"),
        );
        return None;
    }
    no_template(node, "tagged", pattern);
    Some(LifecycleSelection::Tagged(pattern.value.clone()))
}
