//! `delete-in-later-layer`: files are deleted in a later layer than they were made in.

use std::ops::Range;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "delete-in-later-layer",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/delete-in-later-layer.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let made = made_paths(subject);
    for found in facts.calls() {
        if found.call.name != "rm" || !facts.is_final(found.at.stage) {
            continue;
        }
        for word in found.call.operands(&[]) {
            let path = word.text.trim_end_matches('/').trim_end_matches("/*");
            let Some(path) = absolute(subject, found.at.instruction, path).filter(|_| word.is_fixed()) else {
                continue;
            };
            let earlier = made.iter().rfind(|it| {
                it.instruction <= found.at.instruction && (it.path == path || it.path.starts_with(&format!("{path}/")))
            });
            let Some(earlier) = earlier.filter(|it| it.instruction < found.at.instruction) else {
                continue;
            };
            hits.push(
                Hit::at(subject.at(&word.span), "a later layer hides the files and frees nothing")
                    .label(subject.at(&earlier.span), "made in this layer")
                    .help("delete them in the step that made them, or use RUN --mount=type=bind instead of COPY"),
            );
        }
    }
}

struct Made {
    path: String,
    instruction: usize,
    span: Range<usize>,
}

/// Returns what the steps of the final image make, as far as it is plain: COPY, ADD, downloads.
fn made_paths(subject: &ImageSubject) -> Vec<Made> {
    let dockerfile = &subject.dockerfile;
    let facts = subject.facts();
    let mut made = Vec::new();
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let stage = dockerfile.stage_of(index);
        let Some(transfer) = instruction.transfer().filter(|_| stage.is_some_and(|it| facts.is_final(it))) else {
            continue;
        };
        for source in &transfer.sources {
            let target = transfer.target.text.as_str();
            let folder = target.ends_with('/') || matches!(target, "." | "..") || transfer.sources.len() > 1;
            let file = source.text.rsplit('/').next().unwrap_or_default();
            let joined = if folder {
                format!("{}/{file}", target.trim_end_matches('/'))
            } else {
                target.to_owned()
            };
            let plain = !joined.contains(['$', '*', '?', '[']) && !file.is_empty() && file != ".";
            if let Some(path) = absolute(subject, index, &joined).filter(|_| plain) {
                made.push(Made { path, instruction: index, span: instruction.keyword_span.clone() });
            }
        }
    }
    for found in facts.calls().filter(|it| facts.is_final(it.at.stage)) {
        let file = match found.call.name {
            "curl" => found.call.flag_value(&["-o", "--output"]),
            "wget" => found.call.flag_value(&["-O", "--output-document"]),
            _ => None,
        };
        let path = file.and_then(|it| absolute(subject, found.at.instruction, it));
        if let Some(path) = path.filter(|it| !it.contains(['$', '*', '`'])) {
            made.push(Made { path, instruction: found.at.instruction, span: found.call.word.span.clone() });
        }
    }
    made.sort_by_key(|it| it.instruction);
    made
}

/// Joins a path with the working directory; `None` where that is not known.
fn absolute(subject: &ImageSubject, instruction: usize, path: &str) -> Option<String> {
    let path = path.trim_start_matches("./").trim_end_matches("/.");
    if path.is_empty() || path == "." || path == "/" {
        return None;
    }
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    let state = subject.facts().before(&subject.dockerfile, instruction)?;
    let folder = state.workdir.value().filter(|it| it.is_fixed() && it.text.starts_with('/'))?;
    Some(format!("{}/{path}", folder.text.trim_end_matches('/')))
}
