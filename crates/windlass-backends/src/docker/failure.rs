//! Turns what `BuildKit` says about a failed build into the step, the exit code, the line and the log.

use crate::docker::error::{BuildFailure, DockerError};
use crate::docker::progress::{Progress, Step};

/// Explains a failed solve. `message` is the solve's own error text.
pub(crate) fn explain(message: &str, progress: &Progress, dockerfile: &str) -> DockerError {
    let failed = progress.failed();
    let words = plain(failed.map_or(message, |(_, error)| error));
    if let Some(reference) = failed.and_then(|(step, _)| base_reference(step)) {
        return DockerError::BaseImage {
            reference: reference.to_owned(),
            message: words.to_owned(),
        };
    }
    let instruction = failed.map(|(step, _)| step).filter(|step| !step.internal);
    let line = match instruction {
        Some(step) => line_of_step(dockerfile, step),
        None => parse_error_line(message),
    };
    DockerError::Build(Box::new(BuildFailure {
        step: instruction.map(|step| step.label.clone()),
        exit_code: exit_code(words).or_else(|| exit_code(message)),
        line,
        message: words.to_owned(),
        log: failed
            .map(|(step, _)| progress.last_lines(&step.digest))
            .unwrap_or_default(),
    }))
}

/// Cuts the prefixes that only say through how many hands an error went.
fn plain(message: &str) -> &str {
    const PREFIXES: [&str; 7] = [
        "failed to solve: ",
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve with frontend gateway.v0: ",
        "failed to create LLB definition: ",
        "failed to read dockerfile: ",
        "rpc error: code = Unknown desc = ",
        "rpc error: code = NotFound desc = ",
    ];
    let mut rest = message.trim();
    while let Some(shorter) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = shorter;
    }
    rest
}

/// Returns the image whose metadata or layers a failed step should have fetched.
fn base_reference(step: &Step) -> Option<&str> {
    let reference = step
        .name
        .strip_prefix("load metadata for ")
        .or_else(|| step.name.strip_prefix("FROM "))?;
    reference.split_whitespace().next()
}

fn exit_code(message: &str) -> Option<i32> {
    let (_, rest) = message.rsplit_once("exit code: ")?;
    let digits = rest
        .find(|character: char| !character.is_ascii_digit() && character != '-')
        .map_or(rest, |end| &rest[..end]);
    digits.parse().ok()
}

/// Reads N of `dockerfile parse error line N:`, and of newer frontends' `dockerfile parse error on line N:`.
fn parse_error_line(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("parse error ")?;
    let rest = rest.strip_prefix("on ").unwrap_or(rest);
    let rest = rest.strip_prefix("line ")?;
    let end = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// One instruction of a Dockerfile.
struct Instruction {
    line: u32,
    keyword: String,
    arguments: String,
}

/// Finds the line of a step by its position in its stage; `None` where the count does not fit.
///
/// `BuildKit` counts RUN, COPY and ADD, in most versions WORKDIR, and FROM only where it names an image.
fn line_of_step(dockerfile: &str, step: &Step) -> Option<u32> {
    let (index, total) = (step.index?, step.total?);
    let keyword = step.name.split_whitespace().next()?.to_ascii_uppercase();
    let instructions = scan(dockerfile);
    let stage = stage_of(&instructions, step.stage.as_deref())?;
    let mut found = None;
    for (from, workdir) in [(true, true), (true, false), (false, true), (false, false)] {
        let counted: Vec<_> = stage
            .iter()
            .filter(|instruction| match instruction.keyword.as_str() {
                "RUN" | "COPY" | "ADD" => true,
                "FROM" => from,
                "WORKDIR" => workdir,
                _ => false,
            })
            .collect();
        if counted.len() != usize::try_from(total).ok()? {
            continue;
        }
        let position = usize::try_from(index.checked_sub(1)?).ok()?;
        let Some(instruction) = counted.get(position).filter(|it| it.keyword == keyword) else {
            continue;
        };
        if found.is_some_and(|line| line != instruction.line) {
            return None;
        }
        found = Some(instruction.line);
    }
    found
}

/// Returns the instructions of a stage, its FROM first.
fn stage_of<'a>(instructions: &'a [Instruction], name: Option<&str>) -> Option<&'a [Instruction]> {
    let starts: Vec<usize> = instructions
        .iter()
        .enumerate()
        .filter(|(_, instruction)| instruction.keyword == "FROM")
        .map(|(position, _)| position)
        .collect();
    let number = match name {
        // `BuildKit` names stages as soon as it reads a second one; reading ends with the stage that was asked for.
        None => 0,
        Some(name) => starts
            .iter()
            .position(|start| {
                stage_name(&instructions[*start].arguments)
                    .is_some_and(|stage| stage.eq_ignore_ascii_case(name))
            })
            .or_else(|| name.strip_prefix("stage-")?.parse().ok())?,
    };
    let start = *starts.get(number)?;
    let end = starts
        .get(number + 1)
        .copied()
        .unwrap_or(instructions.len());
    Some(&instructions[start..end])
}

fn stage_name(from: &str) -> Option<&str> {
    let mut words = from.split_whitespace().rev();
    let name = words.next()?;
    words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("as"))
        .then_some(name)
}

/// Splits a Dockerfile into instructions, as far as counting them needs: continuations, comments and heredocs.
fn scan(dockerfile: &str) -> Vec<Instruction> {
    let mut instructions = Vec::new();
    let mut lines = (1_u32..).zip(dockerfile.lines());
    while let Some((line, first)) = lines.next() {
        let first = first.trim();
        if first.is_empty() || first.starts_with('#') {
            continue;
        }
        let mut text = first.to_owned();
        while text.ends_with('\\') {
            text.pop();
            match lines.next() {
                Some((_, more)) if more.trim_start().starts_with('#') || more.trim().is_empty() => {
                    text.push('\\');
                }
                Some((_, more)) => text.push_str(more.trim_end()),
                None => break,
            }
        }
        let (keyword, arguments) = text
            .split_once(char::is_whitespace)
            .unwrap_or((text.as_str(), ""));
        let keyword = keyword.to_ascii_uppercase();
        if matches!(keyword.as_str(), "RUN" | "COPY" | "ADD") {
            for end in heredocs(arguments) {
                for (_, body) in lines.by_ref() {
                    if body.trim_start_matches('\t') == end {
                        break;
                    }
                }
            }
        }
        instructions.push(Instruction {
            line,
            keyword,
            arguments: arguments.to_owned(),
        });
    }
    instructions
}

fn heredocs(arguments: &str) -> Vec<String> {
    arguments
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("<<"))
        .map(|word| {
            word.trim_start_matches('-')
                .trim_matches(['"', '\''])
                .to_owned()
        })
        .filter(|word| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|character| character.is_alphanumeric() || character == '_')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::progress::StepState;

    const DOCKERFILE: &str = "# first\nFROM debian AS build\nWORKDIR /src\nRUN one \\\n  # remark\n  && two\nENV A=b\nRUN <<END\nFROM here\nEND\nRUN three\nFROM build\nCOPY . .\nRUN four\n";

    fn step(name: &str, stage: Option<&str>, index: u32, total: u32) -> Step {
        Step {
            digest: String::new(),
            label: String::new(),
            name: name.to_owned(),
            internal: false,
            stage: stage.map(str::to_owned),
            index: Some(index),
            total: Some(total),
            state: StepState::Failed,
            started: None,
            completed: None,
        }
    }

    #[test]
    fn finds_the_line_of_a_step() {
        let line = |step: Step| line_of_step(DOCKERFILE, &step);
        assert_eq!(line(step("RUN one && two", Some("build"), 3, 5)), Some(4));
        assert_eq!(line(step("RUN three", Some("build"), 5, 5)), Some(11));
        assert_eq!(line(step("RUN four", Some("stage-1"), 2, 2)), Some(14));
        assert_eq!(line(step("RUN three", None, 5, 5)), Some(11));
    }

    #[test]
    fn does_not_guess_a_line() {
        let line = |step: Step| line_of_step(DOCKERFILE, &step);
        assert_eq!(line(step("RUN three", Some("build"), 5, 9)), None);
        assert_eq!(line(step("RUN four", None, 2, 2)), None);
        assert_eq!(line(step("COPY x", Some("build"), 5, 5)), None);
    }

    #[test]
    fn reads_exit_codes_and_parse_errors() {
        let message = "executor failed running [/bin/sh -c exit 3]: exit code: 3";
        assert_eq!(exit_code(message), Some(3));
        assert_eq!(exit_code("no code"), None);
        let message = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 7: unknown instruction: FOO";
        assert_eq!(parse_error_line(message), Some(7));
        assert_eq!(
            plain(message),
            "dockerfile parse error line 7: unknown instruction: FOO"
        );
    }
}
