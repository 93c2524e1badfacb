//! `pip-no-cache`: the cache of pip stays in the layer.

use windlass_core::shell::{Action, Manager};

use crate::facts::{PackagesAt, mounted};
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "pip-no-cache",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/pip-no-cache.md"),
)
.starred()
.aliases(&["DL3042"])
.needs(&[Need::Stages, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for found in facts.packages() {
        let call = &found.call;
        if call.manager != Manager::Pip
            || call.action != Action::Install
            || !facts.is_final(found.at.stage)
            || is_off(subject, &found)
        {
            continue;
        }
        let uv = call.call.name == "uv";
        let flag = if uv { "--no-cache" } else { "--no-cache-dir" };
        hits.push(
            Hit::at(subject.at(&call.verb.span), format!("the cache of {} stays in the layer", call.call.name))
                .help(format!("add {flag}, or mount a cache: RUN --mount=type=cache,target=/root/.cache"))
                .fix(Fix::insert(format!("add {flag}"), call.verb.span.end, format!(" {flag}"))),
        );
    }
}

fn is_off(subject: &ImageSubject, found: &PackagesAt<'_>) -> bool {
    let on = |value: &str| !matches!(value, "" | "0" | "off" | "false" | "no");
    let variables = ["PIP_NO_CACHE_DIR", "UV_NO_CACHE", "PIP_CACHE_DIR"];
    let dockerfile = &subject.dockerfile;
    let state = subject.facts().before(dockerfile, found.at.instruction);
    let set = state.is_some_and(|state| {
        variables.iter().any(|name| {
            let value = state.variables.get(*name).and_then(|it| it.value.as_ref());
            value.is_some_and(|it| on(&it.text))
        })
    });
    // PIP_NO_CACHE_DIR of "off" or "0" turned the cache off as well in old releases; what was meant is not known.
    let here = found.call.call.environment.iter();
    let exported = found.at.script.commands.iter().any(|it| {
        let words = it.words.iter().map(|it| it.text.as_str());
        let assigned = it.assignments.iter().map(|it| it.name.as_str());
        words.chain(assigned).any(|it| variables.iter().any(|name| it.starts_with(name)))
    });
    let flags = found.call.arguments.iter().any(|it| {
        it.text.starts_with("--no-cache") || it.text == "--cache-dir" || it.text.starts_with('$')
    });
    let removed = found.at.script.commands.iter().any(|it| {
        let cleans = it.call().is_some_and(|it| matches!(it.name, "rm" | "find"));
        cleans && it.words.iter().any(|it| it.text.contains(".cache"))
            || it.words.iter().any(|it| it.text == "purge") && it.words.iter().any(|it| it.text == "cache")
    });
    let instruction = &dockerfile.instructions[found.at.instruction];
    let folders = mounted(dockerfile, instruction, &["cache", "tmpfs"]);
    let cached = folders.iter().any(|it| it.contains("cache") || it.contains("pip"));
    set || here.clone().any(|(name, _)| variables.contains(name))
        || exported
        || flags
        || removed
        || cached
        || dockerfile.source.text.contains("global.no-cache-dir")
}
