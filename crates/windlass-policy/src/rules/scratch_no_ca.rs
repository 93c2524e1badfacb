//! `scratch-no-ca`: an image from scratch has no certificates.

use windlass_core::dockerfile::Instruction;
use windlass_core::dockerfile::graph::StageBase;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "scratch-no-ca",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/scratch-no-ca.md"),
)
.starred()
.needs(&[Need::Stages]);

/// Parts of paths that bring certificates.
const BRINGS: [&str; 5] = ["/etc/ssl", "/etc/pki", "ca-certificates", "ca-bundle", "cacert"];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let Some(target) = facts.graph.target else { return };
    let dockerfile = &subject.dockerfile;
    let scratch = *facts.graph.root(target) == StageBase::Scratch;
    if !scratch || !is_program(subject, target) || is_settled(&dockerfile.source.text) {
        return;
    }
    let mut history = facts.history(dockerfile, target).into_iter();
    if history.any(|it| brings(&dockerfile.instructions[it])) {
        return;
    }
    let from = subject.at(&dockerfile.stages[target].base.span);
    hits.push(Hit::at(from, "no certificates: the program can check no TLS connection").help("copy them: COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/"));
}

/// Whether the image starts something; one that only carries files needs nothing.
fn is_program(subject: &ImageSubject, target: usize) -> bool {
    let end = &subject.facts().graph.stages[target].end;
    end.entrypoint.value().is_some() || end.cmd.value().is_some()
}

/// Whether an instruction brings them, or may: an archive and a RUN can bring anything.
fn brings(instruction: &Instruction) -> bool {
    let copied = instruction.transfer().is_some_and(|it| {
        let mut sources = it.sources.iter();
        let whole = sources.any(|it| it.text == "/" || it.text.trim_end_matches('/').ends_with("rootfs"));
        let mut words = it.sources.iter().chain([&it.target]);
        whole || words.any(|it| BRINGS.iter().any(|part| it.text.contains(part)))
    });
    copied || matches!(instruction.keyword.as_str(), "ADD" | "RUN")
}

/// Whether the Dockerfile names a bundle somewhere else.
fn is_settled(text: &str) -> bool {
    ["SSL_CERT_FILE", "SSL_CERT_DIR", "fallbackroots"].iter().any(|it| text.contains(it))
}
