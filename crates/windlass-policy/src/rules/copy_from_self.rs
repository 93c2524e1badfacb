//! `copy-from-self`: COPY takes from the stage it stands in.

use windlass_core::dockerfile::graph::LinkTarget;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "copy-from-self",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-from-self.md"),
)
.aliases(&["DL3023", "DS-0006"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for (index, stage) in subject.facts().graph.stages.iter().enumerate() {
        for link in &stage.links {
            if link.target == LinkTarget::Stage(index) {
                let message = format!("`{}` is this stage itself", link.name.text);
                hits.push(
                    Hit::at(subject.at(&link.name.span), message)
                        .help("use RUN cp, or name the stage that was meant"),
                );
            }
        }
    }
}
