//! `build-arg-secret`: a secret among the build args of the manifest.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use windlass_core::secret::is_secret_name;

pub(super) const RULE: Rule = Rule::new(
    "build-arg-secret",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/build-arg-secret.md"),
)
.starred()
.aliases(&["DL3064", "SecretsUsedInArgOrEnv"])
.needs(&[Need::Manifest]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let all = subject.args.iter().chain(&subject.stamp_args);
    for (name, setting) in all.filter(|(name, _)| is_secret_name(name)) {
        let place = setting.place.as_ref().or(subject.place.as_ref());
        let message = format!("build arg `{name}` looks like a secret, and stays in the image's history");
        hits.push(Hit::maybe_at(place, message).help(
            "declare a `secret` and mount it where it is used: RUN --mount=type=secret,id=..",
        ));
    }
}
