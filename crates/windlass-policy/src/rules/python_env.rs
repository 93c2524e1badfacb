//! `python-env`: Python in a container without PYTHONUNBUFFERED.

use crate::known::official;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "python-env",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/python-env.md"),
)
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let (Some(target), Some(end)) = (facts.graph.target, facts.end()) else {
        return;
    };
    let python = facts.root_image(target).is_some_and(|it| official(&it) == Some("python"));
    if !python {
        return;
    }
    let started = facts.scripts.iter().filter(|it| !it.is_run && facts.is_final(it.stage));
    let mut words = started.flat_map(|it| &it.script.commands).flat_map(|it| &it.words);
    let flagged = words.any(|it| it.text == "-u");
    let names: Vec<&str> = ["PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"]
        .into_iter()
        .filter(|it| !end.environment.contains_key(*it))
        .filter(|it| !flagged || *it != "PYTHONUNBUFFERED")
        .collect();
    if names.is_empty() {
        return;
    }
    let settings: Vec<String> = names.iter().map(|it| format!("{it}=1")).collect();
    let stage = &subject.dockerfile.stages[target];
    let from = &subject.dockerfile.instructions[stage.instructions.start];
    let text = &subject.dockerfile.source.text;
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let line = format!("ENV {}", settings.join(" "));
    hits.push(
        Hit::at(subject.at(&stage.base.span), format!("nothing sets {}", names.join(" and ")))
            .help(format!("add: {line}"))
            .fix(Fix::insert(format!("add {line}"), from.span.end, format!("{line_end}{line}"))),
    );
}
