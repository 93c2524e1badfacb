//! The HTML view: one file that opens anywhere, without network. Light and dark, for keyboard and screen reader, readable without its script.
//!
//! Its policy (CSP) lets nothing run but the script written here, by its digest: a mistake in escaping would still run nothing.

mod code;
mod image;
mod page;
mod repository;

use crate::name::Digest;
use crate::plan::{ImageAction, RepositoryAction};
use crate::report::graph::{Graph, draw};
use crate::report::markup::Markup;
use crate::report::summary;
use crate::report::wire::{Level, Report};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
/// The most nodes of a graph that is drawn: beyond that nobody reads it.
const MOST_NODES: usize = 300;
/// Up to so many images or repositories that change stand open; of more, a reader sees the list first.
const MOST_OPEN: usize = 12;

/// Writes a plan as a page.
pub fn render_html(report: &Report) -> String {
    let mut page = Markup::new();
    head(&mut page, report);
    page.raw("<a class=\"skip\" href=\"#images\">Skip to the images</a>\n");
    page::header(&mut page, report);
    page.raw("<main>\n");
    verdict(&mut page, report);
    graph(&mut page, report);
    images(&mut page, report);
    repository::section(&mut page, report);
    page::findings(&mut page, report);
    page::notes(&mut page, report);
    page::inputs(&mut page, report);
    page.raw("</main>\n");
    page::footer(&mut page, report);
    page.raw("<script>")
        .raw(SCRIPT)
        .raw("</script>\n</body>\n</html>\n");
    page.finish()
}

fn head(page: &mut Markup, report: &Report) {
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-")
        .text(&digest(STYLE))
        .raw("'; script-src 'sha256-")
        .text(&digest(SCRIPT))
        .raw("'; base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"windlass\">\n")
        .wrapped("<title>windlass plan: ", &report.workspace, "</title>\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n");
}

/// Returns the SHA-256 of a text in base64, as a content security policy names it.
fn digest(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Digest::of(text.as_bytes());
    let digits = digest.hex().chars().filter_map(|c| c.to_digit(16));
    let bits: Vec<u8> = digits
        .flat_map(|digit| [8, 4, 2, 1].map(|bit| u8::from(digit & bit != 0)))
        .collect();
    let letters = bits.chunks(6).map(|six| {
        let value = six
            .iter()
            .fold(0, |value, bit| value * 2 + usize::from(*bit));
        char::from(LETTERS[value << (6 - six.len())])
    });
    letters.chain(['=']).collect()
}

/// Writes what the plan comes to: a sentence, whether it can be applied, and the counts, which filter.
fn verdict(page: &mut Markup, report: &Report) {
    page.raw("<section class=\"verdict\" aria-labelledby=\"verdict\">\n<h2 id=\"verdict\">")
        .text(&summary::sentence(report))
        .raw("</h2>\n");
    match summary::stop(report) {
        Some(stop) => {
            page.raw("<div class=\"callout a-blocked\"><p><strong>This plan cannot be applied:</strong> ")
                .prose(&stop.what)
                .raw(".</p>");
            if let Some(rest) = stop.rest {
                page.wrapped("<p>The rest can: <code>", &rest, "</code></p>");
            }
            page.raw("</div>\n");
        }
        None if summary::has_changes(report) => {
            page.raw("<p class=\"quiet\">It can be applied. Nothing has been written yet.</p>\n");
        }
        None => {
            page.raw("<p class=\"quiet\">Everything in scope is as the manifest says.</p>\n");
        }
    }
    counts(page, report);
    page.raw("</section>\n");
}

fn counts(page: &mut Markup, report: &Report) {
    page.raw("<div class=\"counts\">\n<div class=\"group\" role=\"group\" aria-label=\"Images by action: choose which are shown\"><span class=\"what\">Images</span>\n");
    for action in ImageAction::ALL {
        let count = report.summary.images.get(&action).copied().unwrap_or(0);
        if count > 0 {
            page.raw("<button type=\"button\" aria-pressed=\"false\"")
                .attribute(
                    "class",
                    &format!("count {}", crate::report::graph::class(action)),
                )
                .attribute("data-filter", action.as_str())
                .raw("><b>")
                .count(count)
                .wrapped("</b> ", image_word(action), "</button>\n");
        }
    }
    page.raw("</div>\n");
    group(
        page,
        "Repositories",
        report
            .summary
            .repositories
            .iter()
            .map(|(action, count)| (repository::class(*action), repository_word(*action), *count)),
    );
    group(
        page,
        "Findings",
        report.summary.findings.iter().map(|(level, count)| {
            (
                page::level_class(*level),
                level_word(*level, *count),
                *count,
            )
        }),
    );
    page.raw("</div>\n");
}

fn group<'a>(
    page: &mut Markup,
    what: &'static str,
    counts: impl Iterator<Item = (&'a str, &'a str, usize)>,
) {
    let counts: Vec<_> = counts.filter(|(_, _, count)| *count > 0).collect();
    if counts.is_empty() {
        return;
    }
    page.raw("<div class=\"group\"><span class=\"what\">")
        .raw(what)
        .raw("</span>\n");
    for (class, word, count) in counts {
        page.raw("<span")
            .attribute("class", &format!("count {class}"))
            .raw("><b>")
            .count(count)
            .wrapped("</b> ", word, "</span>\n");
    }
    page.raw("</div>\n");
}

fn image_word(action: ImageAction) -> &'static str {
    match action {
        ImageAction::Unknown => "unknown",
        ImageAction::Blocked => "blocked",
        ImageAction::Build => "to build",
        ImageAction::Push => "to push",
        ImageAction::Restore => "to restore",
        ImageAction::Copy => "to copy",
        ImageAction::Retag => "to retag",
        ImageAction::None => "up to date",
    }
}

fn repository_word(action: RepositoryAction) -> &'static str {
    match action {
        RepositoryAction::Unknown => "unknown",
        RepositoryAction::Blocked => "blocked",
        RepositoryAction::Create => "to create",
        RepositoryAction::Update => "to update",
        RepositoryAction::Delete => "to delete",
        RepositoryAction::None => "as wanted",
    }
}

fn level_word(level: Level, count: usize) -> &'static str {
    match (level, count) {
        (Level::Deny, _) => "denied",
        (Level::RequireApproval, _) => "to approve",
        (Level::Warn, 1) => "warning",
        (Level::Warn, _) => "warnings",
        (Level::Info, _) => "for information",
        (Level::Off, _) => "off",
    }
}

fn graph(page: &mut Markup, report: &Report) {
    let graph = Graph::of_report(report);
    if report.images.len() < 2 || graph.nodes.len() > MOST_NODES {
        return;
    }
    page.raw("<section aria-labelledby=\"graph\">\n<h2 id=\"graph\">What is built from what</h2>\n<div class=\"canvas\" role=\"region\" tabindex=\"0\" aria-label=\"Graph of base images and images; it scrolls\">\n")
        .append(&draw(&graph, "What each image is built from, with what is done to it"))
        .raw("</div>\n<p class=\"quiet\">Dashed: base images. What stands on the right is built from what stands on its left.</p>\n</section>\n");
}

fn images(page: &mut Markup, report: &Report) {
    page.raw("<section aria-labelledby=\"images\">\n<div class=\"bar\"><h2 id=\"images\" tabindex=\"-1\">Images</h2>\n");
    if report.images.is_empty() {
        page.raw("</div>\n<p class=\"quiet\">The plan has no image in scope.</p>\n</section>\n");
        return;
    }
    page.raw("<div class=\"tools\"><label class=\"search\"><span>Find</span><input type=\"search\" id=\"find\" placeholder=\"name, file, reason\" autocomplete=\"off\"></label><button type=\"button\" id=\"open-all\">Open all</button><button type=\"button\" id=\"close-all\">Close all</button></div></div>\n<p class=\"quiet\" id=\"shown\" role=\"status\"></p>\n");
    let (same, mut changed): (Vec<_>, Vec<_>) = report
        .images
        .iter()
        .partition(|image| image.action == ImageAction::None);
    // What stops the plan comes first, then what costs most.
    changed.sort_by_key(|image| image.action);
    let few = changed.len() <= MOST_OPEN;
    for image in changed {
        let stops = matches!(image.action, ImageAction::Blocked | ImageAction::Unknown);
        image::card(page, report, image, few || stops);
    }
    if !same.is_empty() {
        page.raw("<ul class=\"same\">\n");
        for image in same {
            image::row(page, report, image);
        }
        page.raw("</ul>\n");
    }
    page.raw("</section>\n");
}

/// Writes the body of a card. A browser that runs the script reads that of a folded card only when somebody wants to see it: of forty images
/// and their repositories nine elements in ten are in there. Without script it is a part of the page like any other.
fn body(page: &mut Markup, open: bool, write: impl FnOnce(&mut Markup)) {
    let (before, after) = if open {
        ("<div class=\"body\">\n", "</div>")
    } else {
        ("<div class=\"body\"><noscript>\n", "</noscript></div>")
    };
    page.raw(before);
    write(page);
    page.raw(after);
}

#[cfg(test)]
mod tests;
