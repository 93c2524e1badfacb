//! `attestation-required`: an image that does not say how it was built or what it holds.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "attestation-required",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/attestation-required.md"),
)
.needs(&[Need::Manifest, Need::Plan])
.parameters(&[Parameter::texts(
    "kind",
    "an attestation that every image must have: `provenance` or `sbom`; both where none is set",
)]);

const KINDS: [&str; 2] = ["provenance", "sbom"];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(attestations) = &subject.attestations else {
        return;
    };
    let wanted = hits.parameters().texts("kind");
    for kind in KINDS {
        let is_wanted = wanted.is_empty() || wanted.contains(&kind);
        let is_made = match kind {
            "provenance" => attestations.provenance,
            _ => attestations.sbom,
        };
        if is_wanted && !is_made {
            let message = format!("the image is built without the attestation `{kind}`");
            hits.push(Hit::maybe_at(subject.place.as_ref(), message).help(format!("{kind} #true")));
        }
    }
}
