//! `from-platform-const`: FROM fixes the platform.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "from-platform-const",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/from-platform-const.md"),
)
.aliases(&["DL3029", "FromPlatformFlagConstDisallowed"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for stage in &subject.dockerfile.stages {
        let Some(platform) = stage.platform.as_ref().filter(|it| !it.text.contains('$')) else {
            continue;
        };
        hits.push(
            Hit::at(
                subject.at(&platform.span),
                format!("the stage is always built for {}", platform.text),
            )
            .help("leave --platform out, or write --platform=$BUILDPLATFORM for a stage that only builds"),
        );
    }
}
