//! What a `registry` says about the account beyond images: decoded and checked in full, and mostly carried out by no stage yet.

use crate::diag::{Code, Diagnostic, Sourced};
use crate::manifest::raw::{NotCarried, Text};
use crate::node::Dec;

use super::access::read_access;
use super::builder::flag_on;
use super::repository::read_settings;
use super::{check_word, no_template, plain};

/// The nodes of a registry that are about its account.
pub(super) const ACCOUNT_SETTINGS: &[&str] = &[
    "access",
    "blob-mounting",
    "creation-template",
    "distribute",
    "dual-stack",
    "fips",
    "pull-through",
    "pull-time",
    "replication",
    "scanning",
    "signing",
];

/// A block of a registry: its name, what it is for, its reader.
type Block = (&'static str, &'static str, fn(&mut Dec<'_>));

/// What a registry says about its account.
pub(super) struct AccountSettings {
    /// Settings that no stage carries out yet, with their places, so that a plan can be refused for them.
    pub(super) not_carried: Vec<NotCarried>,
    /// Whether the FIPS endpoints of AWS are called.
    pub(super) fips: bool,
    /// Whether the endpoints of AWS are called that have IPv6 as well.
    pub(super) dual_stack: bool,
    /// Whether ECR copies images from the first region to the others.
    pub(super) replicates: bool,
}

/// Reads all of it.
pub(super) fn read_account_settings(node: &mut Dec<'_>, has_endpoint: bool) -> AccountSettings {
    let fips = read_endpoint_flag(
        node,
        "fips",
        "whether the FIPS endpoints of AWS are used",
        has_endpoint,
    );
    let dual_stack = read_endpoint_flag(
        node,
        "dual-stack",
        "whether endpoints with IPv6 are used",
        has_endpoint,
    );
    let mut not_carried = Vec::new();
    let blob_mounting = flag_on(
        node,
        "blob-mounting",
        "whether layers may be mounted from other repositories",
    );
    not_carried.extend(blob_mounting.map(|it| Sourced::new("`blob-mounting`".to_owned(), it)));
    let replicates = read_distribute(node);
    read_account_blocks(node, &mut not_carried);
    read_named_blocks(node, &mut not_carried);
    AccountSettings {
        not_carried,
        fips,
        dual_stack,
        replicates,
    }
}

/// A flag that chooses endpoints of AWS, which `endpoint` replaces.
fn read_endpoint_flag(
    node: &mut Dec<'_>,
    name: &'static str,
    doc: &'static str,
    has_endpoint: bool,
) -> bool {
    let place = flag_on(node, name, doc);
    if let (Some(place), true) = (&place, has_endpoint) {
        node.report(
            Diagnostic::error(
                Code::FipsEndpoint,
                format!("`{name}` and `endpoint` exclude each other"),
            )
            .at(place, "asks for the endpoints of AWS")
            .help("name the endpoints that are meant in `endpoint`, or remove it"),
        );
    }
    place.is_some()
}

/// Returns whether ECR copies images from the first region.
fn read_distribute(node: &mut Dec<'_>) -> bool {
    let doc = "push (to every region) or replicate (ECR copies)";
    let Some(distribute) = node.text("distribute", doc) else {
        return false;
    };
    no_template(node, "distribute", &distribute);
    check_word(node, "distribute", &distribute, &["push", "replicate"]);
    distribute.value == "replicate"
}

fn read_account_blocks(node: &mut Dec<'_>, not_carried: &mut Vec<NotCarried>) {
    let blocks: [Block; 5] = [
        ("scanning", "basic or enhanced, with rules", read_scanning),
        (
            "replication",
            "where ECR copies images to",
            read_replication,
        ),
        ("signing", "which images ECR signs", read_signing),
        (
            "pull-time",
            "whose pulls do not count as use of an image",
            read_pull_time,
        ),
        ("access", "who may use the registry", |it| {
            drop(read_access(it));
        }),
    ];
    for (word, doc, read) in blocks {
        let place = node.block(word, doc, |it| {
            read(it);
            it.name_location()
        });
        not_carried.extend(place.map(|it| Sourced::new(format!("`{word}` of a registry"), it)));
    }
}

/// Blocks of which a registry may have several, each with a name.
fn read_named_blocks(node: &mut Dec<'_>, not_carried: &mut Vec<NotCarried>) {
    let blocks: [Block; 2] = [
        (
            "pull-through",
            "a registry that ECR pulls from on demand",
            read_pull_through,
        ),
        (
            "creation-template",
            "settings of repositories that ECR creates by itself",
            read_template,
        ),
    ];
    for (word, doc, read) in blocks {
        for mut child in node.children(word, doc) {
            read(&mut child);
            not_carried.push(Sourced::new(format!("`{word}`"), child.name_location()));
            child.finish();
        }
    }
}

/// Reads a property that takes no template.
pub(super) fn property(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Option<Text> {
    let text = node.property(name, doc)?.text()?;
    no_template(node, name, &text);
    Some(text)
}

fn required(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Option<Text> {
    let given = node.property(name, doc);
    if given.is_none() {
        node.missing_property(name);
    }
    let text = given?.text()?;
    no_template(node, name, &text);
    Some(text)
}

fn value(node: &mut Dec<'_>, what: &str) -> Option<Text> {
    let text = node.required_value(what)?.text()?;
    let name = node.name();
    no_template(node, name, &text);
    Some(text)
}

fn read_scanning(node: &mut Dec<'_>) {
    let kind = value(node, "basic or enhanced");
    if let Some(kind) = &kind {
        check_word(node, "scanning", kind, &["basic", "enhanced"]);
    }
    for mut rule in node.children("rule", "when images of matching repositories are scanned") {
        if let Some(frequency) = value(&mut rule, "scan-on-push, continuous or manual") {
            check_word(
                &rule,
                "rule",
                &frequency,
                &["scan-on-push", "continuous", "manual"],
            );
            let is_basic = kind.as_ref().is_some_and(|it| it.value == "basic");
            if is_basic && frequency.value == "continuous" {
                rule.report(
                    Diagnostic::error(Code::BadSetting, "basic scanning is not continuous")
                        .at(&frequency.location, "ECR would refuse it")
                        .help("write `scanning \"enhanced\"`, or `scan-on-push`"),
                );
            }
        }
        required(&mut rule, "match", "a pattern of repositories");
        rule.finish();
    }
}

fn read_replication(node: &mut Dec<'_>) {
    let mut count = 0;
    for mut to in node.children("to", "a region or account that ECR copies to") {
        required(&mut to, "region", "the region it copies to");
        if let Some(account) = property(
            &mut to,
            "account",
            "the account it copies to, where it is another",
        ) {
            check_account(&to, &account);
        }
        property(
            &mut to,
            "prefix",
            "the beginning of the repositories that are copied",
        );
        count += 1;
        to.finish();
    }
    // A quota of ECR: destinations of a replication configuration.
    if count > 25 {
        node.report(
            Diagnostic::error(Code::BadSetting, "ECR takes at most 25 destinations")
                .at(&node.name_location(), format!("has {count}"))
                .help("replicate to fewer regions"),
        );
    }
}

fn read_signing(node: &mut Dec<'_>) {
    for mut profile in node.children("profile", "a signing profile") {
        if let Some(arn) = value(&mut profile, "the ARN of a signing profile") {
            check_arn(&profile, &arn);
        }
        required(&mut profile, "match", "a pattern of repositories");
        profile.finish();
    }
}

fn read_pull_time(node: &mut Dec<'_>) {
    if let Some(arn) = required(node, "exclude", "the ARN of a role or user") {
        check_arn(node, &arn);
    }
}

fn read_pull_through(node: &mut Dec<'_>) {
    value(node, "the beginning of the repositories' names");
    required(node, "upstream", "the registry it pulls from");
    for (name, doc) in [
        ("credential", "the ARN of the secret with its credentials"),
        ("role", "the ARN of the role that pulls"),
    ] {
        if let Some(arn) = property(node, name, doc) {
            check_arn(node, &arn);
        }
    }
    let prefix = node.text("prefix", "the beginning of the upstream's repositories");
    if let Some(prefix) = &prefix {
        no_template(node, "prefix", prefix);
    }
}

fn read_template(node: &mut Dec<'_>) {
    value(node, "the beginning of the repositories' names, or ROOT");
    let doc = node.text("doc", "what the template is for");
    plain(node, doc.as_ref());
    let events = node.texts("for", "create-on-push, pull-through or replication");
    if events.is_empty() {
        node.missing("for");
    }
    for event in &events {
        no_template(node, "for", event);
        check_word(
            node,
            "for",
            event,
            &["create-on-push", "pull-through", "replication"],
        );
    }
    if let Some(role) = node.text("role", "the ARN of the role that ECR uses") {
        no_template(node, "role", &role);
        check_arn(node, &role);
    }
    let settings = read_settings(node);
    for pair in &settings.resource_tags {
        node.reading()
            .mark(&pair.value.location, crate::node::Mark::Plain);
    }
}

pub(super) fn check_account(node: &Dec<'_>, account: &Text) {
    if account.value.len() == 12 && account.value.bytes().all(|b| b.is_ascii_digit()) {
        return;
    }
    node.report(
        Diagnostic::error(
            Code::BadAccount,
            format!("`{}` is no AWS account", account.value),
        )
        .at(&account.location, "an account has 12 digits")
        .help("write all twelve digits, without dashes, in quotes"),
    );
}

pub(super) fn check_arn(node: &Dec<'_>, arn: &Text) {
    if arn.value.starts_with("arn:") && arn.value.split(':').count() >= 6 {
        return;
    }
    node.report(
        Diagnostic::error(Code::BadSetting, format!("`{}` is no ARN", arn.value))
            .at(&arn.location, "not of the form of an ARN")
            .help("write it as in `\"arn:aws:iam::123456789012:role/windlass\"`"),
    );
}
