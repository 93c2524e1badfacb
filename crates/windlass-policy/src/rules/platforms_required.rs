//! `platforms-required`: an image that is not built for a platform that the organisation runs.

use windlass_core::finding::Level;
use windlass_core::name::Platform;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "platforms-required",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/platforms-required.md"),
)
.needs(&[Need::Manifest, Need::Plan])
.parameters(&[Parameter::texts(
    "platform",
    "a platform that every image must be built for, such as `linux/arm64`",
)]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    // A Dockerfile alone is built for whatever its caller wants.
    if subject.address.is_none() {
        return;
    }
    for wanted in hits.parameters().texts("platform") {
        let built = subject.platforms.iter();
        if built.clone().any(|it| it.as_str() == wanted) {
            continue;
        }
        let built: Vec<&str> = built.map(Platform::as_str).collect();
        let message = format!("the image is not built for {wanted}, only for {}", built.join(", "));
        hits.push(
            Hit::maybe_at(subject.place.as_ref(), message).help(format!("platform \"{wanted}\"")),
        );
    }
}
