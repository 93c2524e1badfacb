//! `secret-file-copied`: a file that holds secrets, named by COPY or ADD.

use std::borrow::Cow;

use windlass_core::finding::Level;

use crate::facts::ends_in;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "secret-file-copied",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/secret-file-copied.md"),
)
.starred()
.aliases(&["DS-0031"])
.needs(&[Need::Dockerfile, Need::Context]);

/// Names of files that hold secrets and nothing else.
const NAMES: [&str; 17] = [
    ".env", ".npmrc", ".pypirc", ".netrc", ".pgpass", ".dockercfg", ".git-credentials", "id_rsa",
    "id_dsa", "id_ecdsa", "id_ed25519", ".vault-token", ".htpasswd", "credentials.json",
    "service-account.json", ".my.cnf", "kubeconfig",
];
/// Folders of which every file is one.
const FOLDERS: [&str; 5] = [".aws", ".ssh", ".gnupg", ".kube", ".azure"];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        let copies = matches!(instruction.keyword.as_str(), "COPY" | "ADD");
        if !copies || instruction.flag("from").is_some() {
            continue;
        }
        let words = instruction.words();
        let Some((target, sources)) = words.split_last() else {
            continue;
        };
        let is_store = is_certificate_store(plain(&target.text));
        for source in sources {
            let text = plain(&source.text);
            if is_secret_file(text) && !(is_store && ends_in(text, &[".pem"])) {
                let place = subject.at(&source.span);
                let message = format!("`{text}` holds secrets, and the image keeps it");
                hits.push(Hit::at(place, message).help(
                    "mount it where it is needed: RUN --mount=type=secret,id=.., and add it to .dockerignore",
                ));
            }
        }
    }
}

/// Takes off what a list in JSON has around its words.
fn plain(word: &str) -> &str {
    word.trim_matches(|c| matches!(c, '[' | ']' | ',' | '"'))
}

/// Whether what lies there is public: what programs trust. A private key has no business there, under whatever name.
fn is_certificate_store(target: &str) -> bool {
    let folders = ["/ca-certificates/", "/ca-trust/", "/etc/ssl/certs/", "/trust-source/"];
    let named = [".crt", ".cer"].iter().any(|end| target.to_ascii_lowercase().ends_with(end));
    named || folders.iter().any(|it| format!("{target}/").contains(it))
}

/// Says whether a path is that of a file that holds secrets. Examples and public keys are none.
pub(super) fn is_secret_file(path: &str) -> bool {
    let path = path.trim_start_matches("./");
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    // A context has thousands of files, and next to none of them is written in capitals.
    let lower = if name.bytes().any(|it| it.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    let lower = &*lower;
    let last = lower.rsplit('.').next().unwrap_or(lower);
    if [".example", ".sample", ".template", ".dist", ".pub"].iter().any(|end| lower.ends_with(end)) {
        return false;
    }
    NAMES.contains(&lower)
        || FOLDERS.contains(&lower)
        || folders.split('/').any(|part| FOLDERS.contains(&part))
        || lower.starts_with(".env.")
        || ["pem", "key", "p12", "pfx", "jks", "keystore"].contains(&last) && !is_certificate(lower)
}

/// Certificates are public, also as PEM.
fn is_certificate(name: &str) -> bool {
    ["cert", "chain", "bundle", "ca.", "ca-", "cacert", "public"].iter().any(|it| name.contains(it))
}
