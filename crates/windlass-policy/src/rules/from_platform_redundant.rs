//! `from-platform-redundant`: `--platform=$TARGETPLATFORM` is the default.

use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "from-platform-redundant",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/from-platform-redundant.md"),
)
.aliases(&["DL3065", "RedundantTargetPlatform"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for stage in &subject.dockerfile.stages {
        let instruction = &subject.dockerfile.instructions[stage.instructions.start];
        let Some(flag) = instruction.flag("platform") else {
            continue;
        };
        let text = flag.value.text.as_str();
        if text != "$TARGETPLATFORM" && text != "${TARGETPLATFORM}" {
            continue;
        }
        let start = flag.value.span.start - "--platform=".len();
        let whole = start..flag.value.span.end;
        let source = &subject.dockerfile.source.text;
        let mut hit = Hit::at(subject.at(&whole), "the target platform is the default")
            .help("leave --platform out");
        if source[whole.clone()].starts_with("--platform=") && source[whole.end..].starts_with(' ') {
            hit = hit.fix(Fix::replace("leave --platform out", &(start..whole.end + 1), ""));
        }
        hits.push(hit);
    }
}
