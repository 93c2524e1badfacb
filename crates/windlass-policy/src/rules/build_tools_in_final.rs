//! `build-tools-in-final`: compilers and headers are installed into the final image.

use windlass_core::shell::Action;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "build-tools-in-final",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/build-tools-in-final.md"),
)
.starred()
.needs(&[Need::Stages, Need::Shell]);

/// Packages that only a build needs.
const TOOLS: [&str; 16] = [
    "build-base",
    "build-essential",
    "clang",
    "cmake",
    "cpp",
    "g++",
    "gcc",
    "gcc-c++",
    "gfortran",
    "go",
    "golang",
    "make",
    "maven",
    "musl-dev",
    "python3-dev",
    "rustc",
];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let calls: Vec<_> = facts.packages().filter(|it| facts.is_final(it.at.stage)).collect();
    for found in &calls {
        if found.call.action != Action::Install || !found.call.manager.is_system() {
            continue;
        }
        // Tools that the same layer removes again are not in the image.
        let removed = calls.iter().any(|it| {
            it.at.instruction == found.at.instruction && it.call.action == Action::Remove
        });
        let tools = found.call.packages.iter().filter(|it| is_tool(&it.text));
        let Some(first) = tools.clone().next().filter(|_| !removed) else {
            continue;
        };
        let names: Vec<&str> = tools.map(|it| it.text.as_str()).collect();
        hits.push(
            Hit::at(
                subject.at(&first.span),
                format!("{} stay in the final image", names.join(", ")),
            )
            .help("compile in a stage of its own and copy the result: FROM ... AS build, then COPY --from=build"),
        );
    }
}

fn is_tool(package: &str) -> bool {
    let name = package.split(['=', '<', '>', '~', ':']).next().unwrap_or_default();
    TOOLS.contains(&name)
}
