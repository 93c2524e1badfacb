//! `pkg-signature-off`: signatures of packages are not checked.

use windlass_core::shell::{Call, ShellWord};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "pkg-signature-off",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/pkg-signature-off.md"),
)
.starred()
.aliases(&["CKV2_DOCKER_7", "CKV2_DOCKER_8", "CKV2_DOCKER_9", "CKV2_DOCKER_10", "CKV2_DOCKER_11"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().calls() {
        if let Some(word) = flagged(&found.call) {
            hits.push(
                Hit::at(subject.at(&word.span), "signatures are not checked: the mirror decides what is installed")
                    .help("import the key of the repository, and check"),
            );
        }
    }
}

fn flagged<'a>(call: &Call<'a>) -> Option<&'a ShellWord> {
    let any = |parts: &[&str]| {
        call.arguments.iter().find(|it| {
            let text = it.text.to_ascii_lowercase();
            parts.iter().any(|part| text == *part || text.starts_with("-o") && text.contains(part) || !part.starts_with('-') && text.contains(part))
        })
    };
    match call.name {
        "apt-get" | "apt" | "aptitude" => any(&[
            "--allow-unauthenticated",
            "--force-yes",
            "--allow-insecure-repositories",
            "allowunauthenticated=true",
            "allowunauthenticated=1",
            "allowinsecurerepositories=true",
            "allowinsecurerepositories=1",
        ]),
        "apk" => any(&["--allow-untrusted"]),
        "yum" | "dnf" | "microdnf" | "tdnf" => any(&["--nogpgcheck", "--no-gpgchecks", "gpgcheck=0", "gpgcheck=false"]),
        "zypper" => any(&["--no-gpg-checks", "--gpg-auto-import-keys-unsafe", "--allow-unsigned-rpm"]),
        "rpm" => any(&["--nosignature", "--nodigest"]),
        "echo" | "printf" | "tee" => call.arguments.iter().find(|it| it.text.contains("[trusted=yes]") || it.text.contains("trusted=yes") && it.text.starts_with("deb ")),
        _ => None,
    }
}
