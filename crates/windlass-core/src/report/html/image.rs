//! An image of the page: why, what differs, its Dockerfile, its tags.

use crate::plan::{ImageAction, TagAction};
use crate::report::age::age;
use crate::report::changes::{FileChangeKind, file_changes, short_digest, value_changes};
use crate::report::graph::class;
use crate::report::html::page::{bytes, finding_list};
use crate::report::html::{body, code};
use crate::report::markup::Markup;
use crate::report::wire::{Change, Finding, Image, Reason, Report, Tag, Target};

/// The most changed files of an image that are listed one by one.
const FILES: usize = 200;

/// Writes an image that changes, or cannot; open, or only its line.
pub(super) fn card(page: &mut Markup, report: &Report, image: &Image, open: bool) {
    page.raw("<article tabindex=\"-1\"")
        .attribute("class", &format!("card {}", class(image.action)))
        .attribute("id", &image.address)
        .attribute("data-action", image.action.as_str())
        .raw(if open {
            "><details open>"
        } else {
            "><details>"
        })
        .raw("<summary><span class=\"badge\">")
        .text(image.action.as_str())
        .wrapped("</span><h3>", &image.address, "</h3>");
    if let Some(reason) = image.reasons.first() {
        page.raw("<span class=\"why\">")
            .prose(&reason.message)
            .raw("</span>");
    }
    page.raw("</summary>\n");
    body(page, open, |page| details(page, report, image));
    page.raw("</details></article>\n");
}

fn details(page: &mut Markup, report: &Report, image: &Image) {
    reasons(page, image);
    let findings = findings_of(report, image);
    let (in_dockerfile, elsewhere): (Vec<&Finding>, Vec<&Finding>) = findings
        .into_iter()
        .partition(|finding| is_in_dockerfile(finding, image));
    if !elsewhere.is_empty() {
        page.raw("<h4>Policy</h4>\n");
        finding_list(page, &elsewhere);
    }
    let mut shown: Vec<&[Change]> = Vec::new();
    for reason in &image.reasons {
        if let Some(changes) = reason.changes.as_deref().filter(|it| !shown.contains(it)) {
            shown.push(changes);
            differences(page, image, reason, changes);
        }
    }
    code::dockerfile(page, image, &in_dockerfile);
    for target in &image.targets {
        tags(page, image, target);
    }
    facts(page, report, image);
}

/// Writes an image that is up to date, on a line.
pub(super) fn row(page: &mut Markup, report: &Report, image: &Image) {
    page.raw("<li tabindex=\"-1\" class=\"a-none\"")
        .attribute("id", &image.address)
        .attribute("data-action", image.action.as_str())
        .wrapped(
            "><span class=\"badge\">up to date</span><h3>",
            &image.address,
            "</h3>",
        );
    let age = image
        .built_at
        .as_deref()
        .and_then(|then| age(then, &report.created_at));
    if let Some(age) = age {
        page.wrapped("<span class=\"why\">", &age, "</span>");
    }
    let findings = findings_of(report, image);
    if !findings.is_empty() {
        finding_list(page, &findings);
    }
    page.raw("</li>\n");
}

fn findings_of<'a>(report: &'a Report, image: &Image) -> Vec<&'a Finding> {
    let about = |finding: &&Finding| finding.address.as_deref() == Some(image.address.as_str());
    report.policies.iter().filter(about).collect()
}

/// Says whether a finding points into the image's Dockerfile: it has a line there, and its file is no manifest.
fn is_in_dockerfile(finding: &Finding, image: &Image) -> bool {
    let lines = image
        .dockerfile
        .after
        .as_deref()
        .map_or(0, |it| it.lines().count());
    let file = finding.file.as_deref().unwrap_or_default();
    let manifest = std::path::Path::new(file)
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("kdl"));
    !file.is_empty() && !manifest && finding.line.is_some_and(|line| (1..=lines).contains(&line))
}

fn reasons(page: &mut Markup, image: &Image) {
    // The headline is the first reason; alone and without advice it is not said twice.
    if let [only] = image.reasons.as_slice()
        && only.help.is_none()
    {
        return;
    }
    page.raw("<ul class=\"reasons\">\n");
    for reason in &image.reasons {
        page.raw("<li>").prose(&reason.message).raw("");
        if let Some(help) = &reason.help {
            page.raw("<p class=\"help\"><b>Help</b> ")
                .prose(help)
                .raw("</p>");
        }
        page.raw("</li>\n");
    }
    page.raw("</ul>\n");
}

fn differences(page: &mut Markup, image: &Image, reason: &Reason, changes: &[Change]) {
    let files = file_changes(changes);
    if !files.is_empty() {
        page.raw("<h4>Changed files");
        if let Some(context) = &image.context {
            page.wrapped(" <small>in <code>", &context.path, "</code></small>");
        }
        page.raw("</h4>\n<ul class=\"files\">\n");
        match &reason.folders {
            Some(folders) if files.len() > FILES => {
                for folder in folders.iter().take(FILES) {
                    let count =
                        folder.added + folder.changed + folder.removed + folder.mode_changed;
                    page.raw("<li><span class=\"mark change\">~</span>")
                        .count(count)
                        .raw(" of ")
                        .count(folder.files);
                    page.wrapped(" files in <code>", &folder.path, "</code></li>\n");
                }
            }
            _ => {
                for file in files.iter().take(FILES) {
                    let (mark, word) = file_mark(file.kind);
                    page.raw(mark)
                        .wrapped("<code>", file.path, "</code>")
                        .wrapped(" <small>", word, "");
                    if let Some((before, after)) = file.modes {
                        page.wrapped(" ", before, "").wrapped(" → ", after, "");
                    }
                    page.raw("</small></li>\n");
                }
                if files.len() > FILES {
                    page.raw("<li class=\"quiet\">")
                        .count(files.len() - FILES)
                        .raw(" more: <code>--format json</code> has all</li>\n");
                }
            }
        }
        page.raw("</ul>\n");
    }
    values(page, changes);
}

fn file_mark(kind: FileChangeKind) -> (&'static str, &'static str) {
    match kind {
        FileChangeKind::Added => ("<li><span class=\"mark create\">+</span>", "new"),
        FileChangeKind::Changed => ("<li><span class=\"mark change\">~</span>", "changed"),
        FileChangeKind::Removed => ("<li><span class=\"mark remove\">−</span>", "removed"),
        FileChangeKind::Mode => ("<li><span class=\"mark change\">~</span>", "mode"),
    }
}

fn values(page: &mut Markup, changes: &[Change]) {
    let values = value_changes(changes);
    if values.is_empty() {
        return;
    }
    page.raw("<h4>Changed values</h4>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Changed values\"><table><thead><tr><th scope=\"col\">Value</th><th scope=\"col\">Before</th><th scope=\"col\">After</th></tr></thead><tbody>\n");
    for value in values {
        page.wrapped("<tr><th scope=\"row\">", &value.name, "</th>");
        if value.shows_values {
            side(page, "<td class=\"before\">", value.before);
            side(page, "<td class=\"after\">", value.after);
            page.raw("</tr>\n");
        } else {
            page.raw("<td colspan=\"2\" class=\"quiet\">changed</td></tr>\n");
        }
    }
    page.raw("</tbody></table></div>\n");
}

fn side(page: &mut Markup, open: &'static str, value: Option<&str>) {
    page.raw(open);
    match value {
        Some(value) => page.wrapped("<code>", value, "</code>"),
        None => page.raw("<span class=\"quiet\">none</span>"),
    };
    page.raw("</td>");
}

fn tags(page: &mut Markup, image: &Image, target: &Target) {
    let place = target
        .repository_uri
        .as_deref()
        .unwrap_or(&target.repository);
    page.wrapped("<h4>Tags <small>in <code>", place, "</code></small></h4>\n");
    if let Some(source) = &target.copy_from {
        page.wrapped(
            "<p class=\"quiet\">Copied byte for byte from <code>",
            source,
            "</code></p>\n",
        );
    }
    if let Some(source) = &target.replicated_from {
        page.wrapped(
            "<p class=\"quiet\">Copied by ECR from <code>",
            source,
            "</code></p>\n",
        );
    }
    if target.tags.is_empty() {
        page.raw("<p class=\"quiet\">None wanted: it is kept under its digest.</p>\n");
        return;
    }
    page.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\"")
        .attribute("aria-label", &format!("Tags of {} in {place}", image.address))
        .raw("><table><thead><tr><th scope=\"col\">Tag</th><th scope=\"col\">Action</th><th scope=\"col\">From</th><th scope=\"col\">To</th></tr></thead><tbody>\n");
    for tag in &target.tags {
        tag_row(page, image, tag);
    }
    page.raw("</tbody></table></div>\n");
}

fn tag_row(page: &mut Markup, image: &Image, tag: &Tag) {
    let (class, word) = match tag.action {
        TagAction::None => ("badge a-none", "keep"),
        TagAction::Create => ("badge r-create", "create"),
        TagAction::Move => ("badge a-retag", "move"),
        TagAction::Blocked => ("badge a-blocked", "blocked"),
        TagAction::Unknown => ("badge a-unknown", "unknown"),
    };
    page.wrapped(
        "<tr><th scope=\"row\"><code>",
        &tag.tag,
        "</code></th><td><span",
    );
    page.attribute("class", class)
        .wrapped(">", word, "</span></td>");
    digest(page, tag.from_digest.as_deref(), "not there");
    let later = match (tag.action, image.action) {
        (TagAction::Blocked | TagAction::Unknown, _) => "",
        (_, ImageAction::Push | ImageAction::Copy | ImageAction::Restore) => "known after push",
        _ => "known after build",
    };
    digest(page, tag.to_digest.as_deref(), later);
    page.raw("</tr>\n");
}

fn digest(page: &mut Markup, digest: Option<&str>, otherwise: &'static str) {
    page.raw("<td>");
    match digest {
        Some(digest) => page.raw("<code").attribute("title", digest).wrapped(
            ">",
            short_digest(digest),
            "</code>",
        ),
        None => page
            .raw("<span class=\"quiet\">")
            .raw(otherwise)
            .raw("</span>"),
    };
    page.raw("</td>");
}

fn facts(page: &mut Markup, report: &Report, image: &Image) {
    page.raw("<dl class=\"facts\">\n");
    let mut fact = |name: &'static str, values: &[String]| {
        if !values.is_empty() {
            page.raw("<div><dt>").raw(name).raw("</dt><dd>");
            for (place, value) in values.iter().enumerate() {
                page.raw(if place > 0 { ", " } else { "" });
                page.wrapped("<code>", value, "</code>");
            }
            page.raw("</dd></div>\n");
        }
    };
    let context = image.context.as_ref().map(|context| {
        let noun = if context.files == 1 { "file" } else { "files" };
        format!(
            "{}: {} {noun}, {}",
            context.path,
            context.files,
            bytes(context.bytes)
        )
    });
    let age = image
        .built_at
        .as_deref()
        .and_then(|then| age(then, &report.created_at));
    fact("Context", context.as_slice());
    fact("Base images", &image.bases);
    fact("Built from", &image.needs);
    fact("Platform", &image.platforms);
    fact("What tags hold now", age.as_slice());
    fact("In the builder", image.local_image.as_slice());
    fact("Fingerprint", image.fingerprint.as_slice());
    page.raw("</dl>\n");
}
