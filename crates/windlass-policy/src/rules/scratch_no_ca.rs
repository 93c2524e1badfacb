//! `scratch-no-ca`: an image from scratch has no certificates.

use windlass_core::finding::Level;

use crate::hit::Hits;
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::scratch::{Lack, report_lack};

pub(super) const RULE: Rule = Rule::new(
    "scratch-no-ca",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/scratch-no-ca.md"),
)
.starred()
.needs(&[Need::Stages]);

const LACK: Lack = Lack {
    brings: &["/etc/ssl", "/etc/pki", "ca-certificates", "ca-bundle", "cacert"],
    message: "no certificates: the program can check no TLS connection",
    help: "copy them: COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/",
};

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    report_lack(subject, hits, &LACK, is_settled);
}

/// Whether the Dockerfile names a bundle somewhere else.
fn is_settled(text: &str) -> bool {
    let elsewhere = ["SSL_CERT_FILE", "SSL_CERT_DIR", "fallbackroots"];
    elsewhere.iter().any(|it| text.contains(it))
}
