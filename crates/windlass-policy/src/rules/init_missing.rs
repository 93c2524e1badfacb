//! `init-missing`: the program is the first process, and no init is.

use windlass_core::dockerfile::graph::{Process, Setting};

use crate::known::official;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "init-missing",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/init-missing.md"),
)
.starred()
.needs(&[Need::Stages, Need::Outside]);

/// What reaps processes and passes signals on.
const INITS: [&str; 8] = [
    "tini", "tini-static", "docker-init", "dumb-init", "s6-svscan", "catatonit", "runit", "supervisord",
];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let (Some(target), Some(end)) = (facts.graph.target, facts.end()) else {
        return;
    };
    let started = match (&end.entrypoint, &end.cmd) {
        (Setting::Set(it), _) | (Setting::Unset, Setting::Set(it)) => it,
        // The entrypoint of the base image may be an init.
        (Setting::Unknown, Setting::Set(it)) if starts_plain(subject, target) => it,
        _ => return,
    };
    let Some(program) = reaps_nothing(&started.value) else { return };
    if brings_init(subject) {
        return;
    }
    hits.push(
        Hit::at(
            subject.at(&started.span),
            format!("`{program}` is the first process: it ignores signals it does not handle, and reaps no children"),
        )
        .help("start it below an init: ENTRYPOINT [\"tini\", \"--\"], or run the container with --init (ECS: initProcessEnabled)"),
    );
}

/// The official images of languages start what CMD says (node's entrypoint executes it).
fn starts_plain(subject: &ImageSubject, target: usize) -> bool {
    let image = subject.facts().root_image(target);
    image.is_some_and(|it| matches!(official(&it), Some("node" | "python" | "ruby" | "debian" | "ubuntu" | "alpine")))
}

/// Returns the program if it is one that does not behave as a first process: node, npm, a shell.
fn reaps_nothing(process: &Process) -> Option<String> {
    let Process::Exec(words) = process else { return None };
    let name = words.first()?.rsplit('/').next()?;
    let alone = match name {
        "node" | "nodejs" | "npm" | "yarn" | "pnpm" | "npx" => true,
        "sh" | "bash" | "ash" => {
            let text = words.get(2).map_or("", String::as_str);
            words.get(1).is_some_and(|it| it == "-c") && !text.trim_start().starts_with("exec ") && !text.contains(" exec ")
        }
        _ => false,
    };
    alone.then(|| name.to_owned())
}

fn brings_init(subject: &ImageSubject) -> bool {
    let facts = subject.facts();
    let named = |text: &str| INITS.contains(&text.rsplit('/').next().unwrap_or(text));
    let installed = facts.packages().any(|it| {
        facts.is_final(it.at.stage) && it.call.packages.iter().any(|it| named(it.text.split('=').next().unwrap_or_default()))
    });
    let started = facts.scripts.iter().filter(|it| !it.is_run && facts.is_final(it.stage));
    let mut words = started.flat_map(|it| &it.script.commands).flat_map(|it| &it.words);
    installed || words.any(|it| named(&it.text))
}
