//! `base-end-of-life`: a base image whose release gets no security fixes any more.

use crate::end_of_life::end_of_life;
use crate::known::official;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "base-end-of-life",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/base-end-of-life.md"),
)
.starred()
.aliases(&["eol-ruby-version"])
.needs(&[Need::Stages, Need::Outside]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(today) = hits.today() else { return };
    for base in subject.bases() {
        let tag = base.image.tag.as_ref().map_or("", |it| it.as_str());
        let Some(name) = official(&base.image) else {
            continue;
        };
        let Some((what, ended)) = end_of_life(name, tag) else {
            continue;
        };
        if today <= ended {
            continue;
        }
        hits.push(
            Hit::at(
                subject.at(&base.span),
                format!("{what} gets no security fixes since {ended}"),
            )
            .help("move to a supported release"),
        );
    }
}
