//! `copy-from-unknown-stage`: COPY or a mount names a later stage, a number that no stage has, or a misspelt one.

use windlass_core::dockerfile::graph::LinkTarget;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "copy-from-unknown-stage",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-from-unknown-stage.md"),
)
.starred()
.aliases(&["DL3022"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let names: Vec<&str> = subject
        .dockerfile
        .stages
        .iter()
        .filter_map(|it| it.name.as_ref().map(|name| name.text.as_str()))
        .collect();
    for (index, stage) in subject.facts().graph.stages.iter().enumerate() {
        for link in &stage.links {
            let name = link.name.text.as_str();
            let (message, help) = match &link.target {
                LinkTarget::Stage(other) if *other > index => (
                    format!("`{name}` is a later stage"),
                    "move that stage above this one".to_owned(),
                ),
                LinkTarget::Unknown if !name.contains('$') => (
                    format!("no stage has the number {name}"),
                    "stages are counted from 0; better give the stage a name".to_owned(),
                ),
                LinkTarget::Unknown => (
                    format!("`{name}`: the builder expands no variables here"),
                    "name a stage, and give it the variable: FROM image:$TAG AS name".to_owned(),
                ),
                LinkTarget::Image(_) if !subject.needs.contains_key(name) => {
                    let Some(near) = misspelt(name, &names) else {
                        continue;
                    };
                    (
                        format!("no stage is called `{name}`, so an image of that name is pulled"),
                        format!("did you mean `{near}`?"),
                    )
                }
                _ => continue,
            };
            hits.push(Hit::at(subject.at(&link.name.span), message).help(help));
        }
    }
}

/// Returns the stage that was probably meant: one letter differs, and the name looks like no image with a tag or a path.
fn misspelt<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    if name.contains(['/', ':', '@', '.']) || name.len() < 3 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    names.iter().copied().find(|it| distance_is_one(&name, it))
}

/// Whether one letter was changed, added, left out, or swapped with its neighbour.
fn distance_is_one(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let same = left.iter().zip(&right).take_while(|(x, y)| x == y).count();
    let (left, right) = (&left[same..], &right[same..]);
    let behind = |it: &[char], count: usize| it.get(count..).map(<[char]>::to_vec);
    let swapped = left.len() > 1 && right.len() > 1 && left[0] == right[1] && left[1] == right[0];
    if left == right {
        return false;
    }
    swapped && behind(left, 2) == behind(right, 2)
        || behind(left, 1) == behind(right, 1)
        || behind(left, 1).as_deref() == Some(right)
        || behind(right, 1).as_deref() == Some(left)
}
