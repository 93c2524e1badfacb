//! Dockerfiles of the page: what differs, with line numbers and the words that changed, and findings below their lines.

use similar::{ChangeTag, TextDiff};

use crate::dockerfile::KEYWORDS;
use crate::report::html::page::finding_item;
use crate::report::markup::Markup;
use crate::report::wire::{Finding, Image};

/// Lines around a difference.
const AROUND: usize = 3;
/// The most lines that are shown of one Dockerfile.
const LINES: usize = 1_500;

/// Writes the Dockerfile of an image: as a difference where it differs, else whole and folded.
pub(super) fn dockerfile(page: &mut Markup, image: &Image, findings: &[&Finding]) {
    let Some(after) = image.dockerfile.after.as_deref() else {
        return;
    };
    match image.dockerfile.before.as_deref() {
        Some(before) if before != after => {
            page.raw("<h4>Dockerfile</h4>\n");
            open(
                page,
                &format!("Dockerfile of {}, what differs", image.address),
            );
            difference(page, before, after, findings);
            page.raw("</div>\n");
        }
        _ => {
            let count = after.lines().count();
            page.raw(if findings.is_empty() {
                "<details class=\"whole\">"
            } else {
                "<details class=\"whole\" open>"
            });
            page.raw("<summary><h4>Dockerfile</h4> <small>")
                .count(count)
                .raw(" lines</small></summary>\n");
            open(page, &format!("Dockerfile of {}", image.address));
            whole(page, after, findings);
            page.raw("</div></details>\n");
        }
    }
}

fn open(page: &mut Markup, label: &str) {
    page.raw("<div class=\"code\" role=\"region\" tabindex=\"0\"")
        .attribute("aria-label", label)
        .raw(">\n");
}

fn whole(page: &mut Markup, text: &str, findings: &[&Finding]) {
    let mut continued = false;
    for (at, line) in text.lines().enumerate().take(LINES) {
        page.raw("<div class=\"l\"><span class=\"n\">")
            .count(at + 1)
            .raw("</span><span class=\"s\"> </span><code>");
        highlighted(page, line, continued);
        page.raw("</code></div>\n");
        continued = goes_on(line, continued);
        below(page, at + 1, findings);
    }
    cut(page, text.lines().count());
}

fn cut(page: &mut Markup, count: usize) {
    if count > LINES {
        page.raw("<p class=\"quiet\">")
            .count(count - LINES)
            .raw(" more lines: <code>windlass render</code> shows all</p>\n");
    }
}

/// Writes the findings of a line.
fn below(page: &mut Markup, line: usize, findings: &[&Finding]) {
    for finding in findings.iter().filter(|it| it.line == Some(line)) {
        page.raw("<div class=\"at-line\">");
        finding_item(page, finding, false);
        page.raw("</div>\n");
    }
}

fn difference(page: &mut Markup, before: &str, after: &str, findings: &[&Finding]) {
    let diff = TextDiff::from_lines(before, after);
    let mut written = 0;
    for group in diff.grouped_ops(AROUND) {
        if written > 0 {
            page.raw("<div class=\"gap\" aria-hidden=\"true\">⋯</div>\n");
        }
        for op in group {
            let changes: Vec<_> = diff.iter_changes(&op).collect();
            let text = |tag| {
                let of = changes.iter().filter(|change| change.tag() == tag);
                of.map(similar::Change::value).collect::<Vec<&str>>()
            };
            let (gone, new) = (text(ChangeTag::Delete), text(ChangeTag::Insert));
            for change in &changes {
                written += 1;
                if written > LINES {
                    break;
                }
                let side = match change.tag() {
                    ChangeTag::Equal => &[][..],
                    ChangeTag::Delete => new.as_slice(),
                    ChangeTag::Insert => gone.as_slice(),
                };
                let place = match change.tag() {
                    ChangeTag::Delete => gone.iter().position(|it| *it == change.value()),
                    _ => new.iter().position(|it| *it == change.value()),
                };
                let other = place
                    .filter(|_| gone.len() == new.len())
                    .and_then(|place| side.get(place).copied());
                line(
                    page,
                    change.tag(),
                    change.old_index(),
                    change.new_index(),
                    (change.value(), other),
                );
                if let Some(number) = change.new_index() {
                    below(page, number + 1, findings);
                }
            }
        }
    }
    cut(page, written);
}

/// Writes a line of a difference; `other` is what it was or became, where that is one line.
fn line(
    page: &mut Markup,
    tag: ChangeTag,
    old: Option<usize>,
    new: Option<usize>,
    (text, other): (&str, Option<&str>),
) {
    let (open, sign) = match tag {
        ChangeTag::Equal => ("<div class=\"l\">", " "),
        ChangeTag::Delete => ("<div class=\"l del\">", "−"),
        ChangeTag::Insert => ("<div class=\"l add\">", "+"),
    };
    page.raw(open);
    for number in [old, new] {
        page.raw("<span class=\"n\">");
        if let Some(number) = number {
            page.count(number + 1);
        }
        page.raw("</span>");
    }
    page.raw("<span class=\"s\">")
        .raw(sign)
        .raw("</span><code>");
    let text = text.trim_end_matches(['\n', '\r']);
    match other {
        Some(other) => words(page, tag, text, other.trim_end_matches(['\n', '\r'])),
        None => highlighted(page, text, false),
    }
    page.raw("</code></div>\n");
}

/// Writes a line whose other words are marked.
fn words(page: &mut Markup, tag: ChangeTag, text: &str, other: &str) {
    let (before, after) = if tag == ChangeTag::Delete {
        (text, other)
    } else {
        (other, text)
    };
    let diff = TextDiff::from_words(before, after);
    for change in diff.iter_all_changes() {
        if change.tag() == ChangeTag::Equal {
            page.line(change.value());
        } else if change.tag() == tag {
            page.raw("<mark>").line(change.value()).raw("</mark>");
        }
    }
}

/// Writes a line with its instruction or comment in colour.
fn highlighted(page: &mut Markup, line: &str, continued: bool) {
    if line.trim_start().starts_with('#') {
        page.raw("<span class=\"c\">").line(line).raw("</span>");
        return;
    }
    let end = line.find(' ').unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    if !continued && KEYWORDS.contains(&word.to_ascii_uppercase().as_str()) {
        page.raw("<span class=\"k\">")
            .line(word)
            .raw("</span>")
            .line(rest);
    } else {
        page.line(line);
    }
}

/// Says whether the line after this one belongs to the same instruction.
fn goes_on(line: &str, continued: bool) -> bool {
    let line = line.trim();
    if line.starts_with('#') {
        return continued;
    }
    line.ends_with('\\')
}
