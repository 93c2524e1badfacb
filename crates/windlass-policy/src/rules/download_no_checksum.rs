//! `download-no-checksum`: a download is not checked against a digest.

use windlass_core::shell::{Call, ShellWord, Simple};
use windlass_core::finding::Level;

use crate::facts::ends_in;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "download-no-checksum",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/download-no-checksum.md"),
)
.starred()
.aliases(&["prefer-add-unpack"])
.needs(&[Need::Dockerfile, Need::Shell]);

/// Programs that check a digest or a signature.
const CHECKS: [&str; 12] = [
    "sha256sum", "sha512sum", "sha384sum", "sha1sum", "md5sum", "shasum", "b2sum", "gpg", "gpgv", "cosign", "minisign", "openssl",
];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for instruction in &subject.dockerfile.instructions {
        let Some(transfer) = instruction.transfer().filter(|_| instruction.keyword == "ADD") else {
            continue;
        };
        if instruction.flag("checksum").is_some() {
            continue;
        }
        for source in transfer.sources.iter().filter(|it| is_url(&it.text) && !is_git(&it.text)) {
            hits.push(
                Hit::at(subject.at(&source.span), "nothing says what bytes are expected")
                    .help("write ADD --checksum=sha256:<digest>"),
            );
        }
    }
    for at in facts.runs() {
        let checks = at.script.commands.iter().filter_map(Simple::call).any(|it| CHECKS.contains(&it.name));
        if checks || !at.script.complete {
            continue;
        }
        for simple in &at.script.commands {
            let Some(call) = simple.call() else { continue };
            let Some(url) = stored(&call, simple) else { continue };
            hits.push(
                Hit::at(subject.at(&url.span), "nothing says what bytes are expected")
                    .help("check in the same step: echo \"<sha256>  file\" | sha256sum -c -"),
            );
        }
    }
}

/// Returns the URL of a download that is kept.
fn stored<'a>(call: &Call<'a>, simple: &Simple) -> Option<&'a ShellWord> {
    let to_file = match call.name {
        "curl" => call.has_flag(&["-o", "-O", "--output", "--remote-name", "-J", "--remote-name-all"])
            || simple.redirects.iter().any(|it| it.operator == ">" && it.target.text != "/dev/null"),
        "wget" => !call.has_flag(&["--spider"]) && call.flag_value(&["-O", "--output-document"]) != Some("-")
            && !call.arguments.iter().any(|it| it.text.ends_with("O-") && it.text.starts_with('-')),
        _ => false,
    };
    let null = call.flag_value(&["-o", "-O", "--output"]) == Some("/dev/null");
    let url = call.arguments.iter().find(|it| is_url(&it.text));
    url.filter(|it| to_file && !null && !it.text.contains("localhost") && !is_key(&it.text))
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "ftp://"].iter().any(|it| text.starts_with(it))
}

fn is_git(text: &str) -> bool {
    let path = text.split(['#', '?']).next().unwrap_or(text);
    ends_in(path.trim_end_matches('/'), &[".git"])
}

/// A key is checked by what it signs.
fn is_key(text: &str) -> bool {
    ends_in(text, &[".asc", ".gpg", ".sig", ".sha256"])
        || text.to_ascii_lowercase().contains("sha256sum")
}
