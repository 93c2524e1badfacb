//! From text to tree: pre-scan, the KDL parser on a stack of its own, and what is refused anywhere in the tree.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kdl::{KdlDiagnostic, KdlDocument, KdlEntry, KdlNode, KdlValue};

use crate::diag::{Code, Diagnostic, Location, Source};

use super::Reading;
use super::scan::{self, Scan};
use super::value::{entry_span, span_range};
use crate::secret;

/// The parser recurses with depth and with the number of errors; this much bounds a megabyte of them.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// A text of at most so many bytes that opens at most so many blocks and comments is parsed on the stack of the caller: starting a thread
/// takes longer than parsing it does. Every byte could be one error, and every opener one level.
const SHORT_BYTES: usize = 256;
const SHALLOW_OPENERS: usize = 8;

/// After this many statements that cannot be parsed the rest of a file is given up.
const MAX_SYNTAX_PROBLEMS: usize = 100;

pub(super) fn parse(original: &Arc<Source>) -> Reading {
    let mut scan = scan::scan(original);
    let source = masked(original, &scan);
    let parsed = if scan.fatal {
        None
    } else {
        parse_patched(&mut scan, &source)
    };
    if parsed.is_none() {
        scan.incomplete = true;
    }
    let hidden: Vec<&str> = scan
        .masked
        .iter()
        .filter_map(|it| original.text.get(it.clone()))
        .filter(|it| !it.is_empty())
        .collect();
    let diagnostics = scan
        .diagnostics
        .into_iter()
        .map(|it| without_hidden(moved_to(it, original, &source), &hidden))
        .collect();
    let reading = Reading {
        source,
        document: parsed.unwrap_or_default(),
        poisoned: scan.poisoned,
        incomplete: Cell::new(scan.incomplete),
        diagnostics: RefCell::new(diagnostics),
        recorder: None,
    };
    check_nodes(&reading, reading.document.nodes());
    reading
}

fn masked(original: &Arc<Source>, scan: &Scan) -> Arc<Source> {
    if scan.masked.is_empty() {
        return Arc::clone(original);
    }
    Source::new(
        original.name.clone(),
        secret::mask(&original.text, &scan.masked),
    )
}

fn moved_to(mut diagnostic: Diagnostic, from: &Arc<Source>, to: &Arc<Source>) -> Diagnostic {
    for label in &mut diagnostic.labels {
        if Arc::ptr_eq(&label.location.source, from) {
            label.location.source = Arc::clone(to);
        }
    }
    diagnostic
}

/// Takes everything that was hidden out of the words of a diagnostic: messages and advice quote the text.
fn without_hidden(mut diagnostic: Diagnostic, hidden: &[&str]) -> Diagnostic {
    let clean = |text: &mut String| {
        for secret in hidden {
            if text.contains(secret) {
                *text = text.replace(secret, "***");
            }
        }
    };
    clean(&mut diagnostic.message);
    diagnostic.help.as_mut().map(clean);
    for label in &mut diagnostic.labels {
        label.text.as_mut().map(clean);
    }
    diagnostic
}

fn parse_patched(scan: &mut Scan, source: &Arc<Source>) -> Option<KdlDocument> {
    let text = scan.text.clone();
    let statements = scan.statements.clone();
    let outcome = on_enough_stack(&scan.text, || parse_or_recover(text, &statements));
    let Some(outcome) = outcome else {
        scan.diagnostics.push(
            Diagnostic::error(Code::ParserUnavailable, "the manifest could not be parsed")
                .help("there is not enough memory for a thread of 256 MiB of address space, or the parser failed; please report it"),
        );
        return None;
    };
    // A line with one mistake of form is said once; a credential in it is none.
    let of_form = scan
        .diagnostics
        .iter()
        .filter(|it| it.code != Code::CredentialValue);
    let reported: BTreeSet<usize> = of_form.filter_map(line_start).collect();
    for (offset, problem) in outcome.problems {
        scan.incomplete = true;
        let found = syntax_diagnostic(source, offset, &problem);
        if line_start(&found).is_none_or(|it| !reported.contains(&it)) {
            scan.diagnostics.push(found);
        }
    }
    outcome.document
}

struct Outcome {
    document: Option<KdlDocument>,
    problems: Vec<(usize, KdlDiagnostic)>,
}

/// Parses the whole text; where that fails, each top-level statement alone, so that one error does not hide the rest.
fn parse_or_recover(mut text: String, statements: &[Range<usize>]) -> Outcome {
    let first_error = match KdlDocument::parse_v2(&text) {
        Ok(document) => {
            return Outcome {
                document: Some(document),
                problems: Vec::new(),
            };
        }
        Err(error) => error,
    };
    let mut problems = Vec::new();
    for span in statements {
        let Some(statement) = text.get(span.clone()) else {
            continue;
        };
        if let Err(error) = KdlDocument::parse_v2(statement) {
            problems.extend(first(error.diagnostics).map(|it| (span.start, it)));
            text.replace_range(span.clone(), &" ".repeat(span.len()));
        }
    }
    if problems.len() == MAX_SYNTAX_PROBLEMS {
        return Outcome {
            document: None,
            problems,
        };
    }
    match KdlDocument::parse_v2(&text) {
        Ok(document) if !problems.is_empty() => Outcome {
            document: Some(document),
            problems,
        },
        _ => {
            if problems.is_empty() {
                problems.extend(first(first_error.diagnostics).map(|it| (0, it)));
            }
            Outcome {
                document: None,
                problems,
            }
        }
    }
}

/// Parses a text without judging it; `None` where it is no KDL.
pub(crate) fn parse_tree(text: &str) -> Option<KdlDocument> {
    on_enough_stack(text, || KdlDocument::parse_v2(text).ok()).flatten()
}

fn first(diagnostics: Vec<KdlDiagnostic>) -> Option<KdlDiagnostic> {
    diagnostics.into_iter().min_by_key(|it| it.span.offset())
}

/// Parses on the caller's stack what surely fits there, and all else in a thread; `None` where there is no thread, or the parser panics.
fn on_enough_stack<T: Send>(text: &str, work: impl FnOnce() -> T + Send) -> Option<T> {
    if is_short_and_shallow(text) {
        return catch_unwind(AssertUnwindSafe(work)).ok();
    }
    on_big_stack(work)
}

/// Counts openers wherever they stand, in strings and comments as well, and no closers: what is counted is never less than the depth.
fn is_short_and_shallow(text: &str) -> bool {
    if text.len() > SHORT_BYTES {
        return false;
    }
    let blocks = text.matches('{').count();
    let comments = text.matches("/*").count();
    blocks + comments <= SHALLOW_OPENERS
}

fn on_big_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("manifest-parser".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .ok()?;
        thread.join().ok()
    })
}

fn syntax_diagnostic(source: &Arc<Source>, base: usize, problem: &KdlDiagnostic) -> Diagnostic {
    let start = floor(&source.text, base + problem.span.offset());
    let end = floor(&source.text, start + problem.span.len());
    let line_end = source.text[start..]
        .find('\n')
        .map_or(source.text.len(), |it| start + it);
    let location = Location::new(source, start..end.min(line_end));
    let message = match problem.message.as_deref() {
        Some("Expected end of document") | None => "a node cannot go on like this",
        Some(message) => message,
    };
    let label = problem.label.as_deref().filter(|it| *it != "not EOF");
    let diagnostic = Diagnostic::error(Code::InvalidSyntax, lower_first(message))
        .at(&location, label.unwrap_or("from here"));
    match &problem.help {
        Some(help) => diagnostic.help(lower_first(help)),
        None => diagnostic
            .help("a node is a name, values, and a block: `name \"value\" key=\"value\" { .. }`"),
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn lower_first(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    let second_is_upper = text.chars().nth(1).is_some_and(char::is_uppercase);
    match chars.next() {
        Some(first) if !second_is_upper => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// Returns where the line of a diagnostic starts.
fn line_start(diagnostic: &Diagnostic) -> Option<usize> {
    let place = &diagnostic.labels.first()?.location;
    let before = place.source.text.get(..place.span.start)?;
    Some(before.rfind('\n').map_or(0, |it| it + 1))
}

fn check_nodes(reading: &Reading, nodes: &[KdlNode]) {
    for node in nodes {
        if let Some(annotation) = node.ty() {
            type_annotation(reading, span_range(annotation.span()));
        }
        for entry in node.entries() {
            check_entry(reading, entry);
        }
        check_duplicate_properties(reading, node);
        if let Some(children) = node.children() {
            check_nodes(reading, children.nodes());
        }
    }
}

fn type_annotation(reading: &Reading, span: Range<usize>) {
    reading.report(
        Diagnostic::error(
            Code::TypeAnnotation,
            "type annotations have no meaning here",
        )
        .at(&reading.location(span), "remove this and its parentheses"),
    );
}

fn check_entry(reading: &Reading, entry: &KdlEntry) {
    if let Some(annotation) = entry.ty() {
        type_annotation(reading, span_range(annotation.span()));
    }
    let span = entry_span(entry);
    if reading.is_poisoned(&span) {
        return;
    }
    let location = reading.location(span);
    let word = location.text();
    let diagnostic = match entry.value() {
        KdlValue::Null => Diagnostic::error(Code::NullValue, "`#null` is no value")
            .at(&location, "says nothing")
            .help("remove the line instead: what is absent is not managed"),
        KdlValue::Float(value) if !value.is_finite() && word.starts_with('#') => {
            Diagnostic::error(Code::NullValue, format!("`{word}` is no value"))
                .at(&location, "no setting takes it")
        }
        KdlValue::Float(value) if !value.is_finite() => Diagnostic::error(
            Code::BadNumber,
            format!("`{word}` is too large for a number"),
        )
        .at(&location, "more than a number can hold"),
        _ => return,
    };
    reading.report(diagnostic);
}

fn check_duplicate_properties(reading: &Reading, node: &KdlNode) {
    let mut first = BTreeMap::new();
    for key in node.entries().iter().filter_map(KdlEntry::name) {
        let earlier = *first.entry(key.value()).or_insert(key);
        if std::ptr::eq(earlier, key) {
            continue;
        }
        reading.report(
            Diagnostic::error(
                Code::DuplicateName,
                format!("`{}=` is given twice", key.value()),
            )
            .at(&reading.location(span_range(key.span())), "again here")
            .at(
                &reading.location(span_range(earlier.span())),
                "first given here",
            )
            .help("keep one of them"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a caller surely has left: half of what a test or a worker thread starts with.
    const CALLER_BYTES: usize = 1024 * 1024;

    fn on_small_stack(work: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(CALLER_BYTES);
            let thread = thread.spawn_scoped(scope, work).expect("a thread");
            thread.join().expect("it does not panic");
        });
    }

    /// Blocks in each other, filled up to a size with statements that cannot be parsed.
    fn nested(depth: usize, opener: &str, size: usize) -> String {
        let mut text = opener.repeat(depth);
        while text.len() + 2 <= size {
            text.push_str(")\n");
        }
        text
    }

    #[test]
    fn deep_nesting_is_parsed_on_both_sides_of_the_line() {
        for opener in ["a {\n", "{", "/*", "a /* {"] {
            let per_opener = opener.matches('{').count() + opener.matches("/*").count();
            let last = SHALLOW_OPENERS / per_opener;
            for (depth, shallow) in [(last, true), (last + 1, false), (200, false)] {
                let text = nested(depth, opener, SHORT_BYTES);
                assert_eq!(is_short_and_shallow(&text), shallow, "{depth} of {opener}");
                on_small_stack(|| {
                    assert!(parse_tree(&text).is_none());
                    let reading = parse(&Source::new("m.kdl", text.as_str()));
                    assert!(!reading.into_diagnostics().is_empty());
                });
            }
        }
    }

    #[test]
    fn good_texts_are_parsed_on_both_sides_of_the_line() {
        for depth in [SHALLOW_OPENERS, SHALLOW_OPENERS + 1] {
            let text = "a {\n".repeat(depth) + &"}\n".repeat(depth);
            assert_eq!(is_short_and_shallow(&text), depth == SHALLOW_OPENERS);
            on_small_stack(|| assert!(parse_tree(&text).is_some()));
        }
        for size in [SHORT_BYTES, SHORT_BYTES + 1] {
            let text = "a".repeat(size);
            assert_eq!(is_short_and_shallow(&text), size == SHORT_BYTES);
            on_small_stack(|| assert!(parse_tree(&text).is_some()));
        }
    }

    #[test]
    fn a_short_text_full_of_errors_fits_on_the_stack_of_the_caller() {
        let pieces = [
            ")", "(", "\n", "a", "=", "\"", ";", "}", "#", "\\", "'", "[", "1a", "/-", "*/", "a=",
            "\u{e9}", " ", "#\"", "\"\"\"", ",", ":", "//", "-", "r\"", "(a)",
        ];
        let mut tried = 0;
        on_small_stack(|| {
            for first in pieces {
                for second in pieces {
                    let pair = format!("{first}{second}");
                    let text = pair.repeat(SHORT_BYTES / pair.len());
                    if is_short_and_shallow(&text) {
                        drop(KdlDocument::parse_v2(&text));
                        tried += 1;
                    }
                }
            }
        });
        assert!(tried > 600, "{tried}");
    }
}
