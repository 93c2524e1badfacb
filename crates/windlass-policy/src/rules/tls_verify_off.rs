//! `tls-verify-off`: certificates are not checked.

use std::ops::Range;

use windlass_core::shell::{Call, ShellWord};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "tls-verify-off",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/tls-verify-off.md"),
)
.starred()
.aliases(&["CKV2_DOCKER_2", "CKV2_DOCKER_3", "CKV2_DOCKER_4", "CKV2_DOCKER_5", "CKV2_DOCKER_6", "CKV2_DOCKER_12", "CKV2_DOCKER_13", "CKV2_DOCKER_14", "CKV2_DOCKER_15", "CKV2_DOCKER_16"])
.needs(&[Need::Dockerfile, Need::Shell]);

/// Variables that turn the check off, with the values that do.
const VARIABLES: [(&str, &[&str]); 8] = [
    ("NODE_TLS_REJECT_UNAUTHORIZED", &["0"]),
    ("PYTHONHTTPSVERIFY", &["0"]),
    ("GIT_SSL_NO_VERIFY", &["1", "true"]),
    ("NPM_CONFIG_STRICT_SSL", &["false"]),
    ("npm_config_strict_ssl", &["false"]),
    ("YARN_STRICT_SSL", &["false"]),
    ("PIP_TRUSTED_HOST", &[]),
    ("CURL_INSECURE", &["1", "true"]),
];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let mut found: Vec<Range<usize>> = facts.calls().filter_map(|it| flagged(&it.call)).collect();
    for at in facts.runs() {
        for simple in &at.script.commands {
            let assigned = simple.assignments.iter().filter(|it| turns_off(&it.name, &it.value.text));
            found.extend(assigned.map(|it| it.value.span.clone()));
            let exports = simple.call().is_some_and(|it| matches!(it.name, "export" | "env"));
            let words = simple.words.iter().filter(|_| exports);
            found.extend(words.filter(|it| {
                it.text.split_once('=').is_some_and(|(name, value)| turns_off(name, value))
            }).map(|it| it.span.clone()));
        }
    }
    for instruction in &subject.dockerfile.instructions {
        if !matches!(instruction.keyword.as_str(), "ENV" | "ARG") {
            continue;
        }
        for assignment in instruction.assignments() {
            let value = assignment.value.as_ref().map_or("", |it| it.text.trim_matches(['"', '\'']));
            if turns_off(&assignment.name.text, value) {
                found.push(assignment.name.span.clone());
            }
        }
    }
    found.sort_by_key(|it| it.start);
    found.dedup();
    for span in found {
        hits.push(
            Hit::at(subject.at(&span), "certificates are not checked: anybody on the way can answer")
                .help("install the CA that signs the server (ca-certificates, or its certificate), and check"),
        );
    }
}

fn turns_off(name: &str, value: &str) -> bool {
    VARIABLES.iter().any(|(it, values)| {
        *it == name && (values.contains(&value) || values.is_empty() && !value.is_empty())
    })
}

/// Returns the place of the option that turns the check off.
fn flagged(call: &Call<'_>) -> Option<Range<usize>> {
    let local = call.arguments.iter().any(|it| {
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| it.text.contains(&format!("//{host}")))
    });
    let word = match call.name {
        _ if local => None,
        "curl" => call.flag(&["-k", "--insecure", "--proxy-insecure"]),
        "wget" | "apk" => call.flag(&["--no-check-certificate"]),
        "git" => git(call),
        "npm" | "yarn" | "pnpm" => node(call),
        "apt-get" | "apt" => call.arguments.iter().find(|it| {
            let text = it.text.to_ascii_lowercase();
            text.contains("verify-peer=false") || text.contains("verify-host=false")
        }),
        "yum" | "dnf" | "microdnf" => call.arguments.iter().find(|it| it.text.contains("sslverify=false") || it.text.contains("sslverify=0")),
        name if name.starts_with("pip") || name.starts_with("python") || name == "uv" => {
            call.flag(&["--trusted-host", "--allow-insecure-host"])
        }
        _ => None,
    };
    word.map(|it| it.span.clone())
}

fn git<'a>(call: &Call<'a>) -> Option<&'a ShellWord> {
    let mut words = call.arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text.to_ascii_lowercase();
        if text == "http.sslverify=false" || text == "http.sslverify=0" {
            return Some(word);
        }
        if text == "http.sslverify" && words.next().is_some_and(|it| matches!(it.text.as_str(), "false" | "0")) {
            return Some(word);
        }
    }
    None
}

fn node<'a>(call: &Call<'a>) -> Option<&'a ShellWord> {
    let mut words = call.arguments.iter();
    while let Some(word) = words.next() {
        if matches!(word.text.as_str(), "strict-ssl=false" | "--strict-ssl=false" | "--no-strict-ssl") {
            return Some(word);
        }
        let last = words.clone().next();
        if matches!(word.text.as_str(), "strict-ssl" | "--strict-ssl") && last.is_some_and(|it| it.text == "false") {
            return Some(word);
        }
    }
    None
}
