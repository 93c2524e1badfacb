//! What stands around images and repositories: header, findings, notes, inputs, footer.

use crate::report::markup::Markup;
use crate::report::wire::{Diagnostic, Finding, Level, Report};

pub(super) fn header(page: &mut Markup, report: &Report) {
    page.raw("<header class=\"top\"><div class=\"brand\"><svg class=\"logo\" viewBox=\"0 0 32 32\" width=\"32\" height=\"32\" aria-hidden=\"true\"><rect x=\"3\" y=\"25\" width=\"26\" height=\"4\" rx=\"1.5\"/><path d=\"M6 25 9 9h2l-2 16zM26 25 23 9h-2l2 16z\"/><rect class=\"rope\" x=\"9\" y=\"9\" width=\"14\" height=\"9\" rx=\"4.5\"/><path class=\"turn\" d=\"M12.5 9v9M16 9v9M19.5 9v9\"/><path class=\"turn\" d=\"M16 18v5\"/></svg><div><p class=\"kicker\">windlass plan</p><h1>")
        .text(&report.workspace);
    if let Some(environment) = &report.environment {
        page.wrapped(" <span class=\"environment\">", environment, "</span>");
    }
    page.raw("</h1></div></div>\n<dl class=\"meta\">");
    let commit = report
        .git_sha
        .as_deref()
        .map(|sha| sha.get(..12).unwrap_or(sha));
    let builder = report.builder.as_deref().unwrap_or("none asked");
    let builder = builder.split(" at ").next().unwrap_or(builder);
    let facts = [
        ("Planned", Some(report.created_at.as_str())),
        ("Commit", commit),
        ("Builder", Some(builder)),
        ("windlass", Some(report.windlass_version.as_str())),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            page.raw("<div><dt>")
                .raw(name)
                .wrapped("</dt><dd>", value, "</dd></div>");
        }
    }
    page.raw("</dl>\n<button type=\"button\" id=\"theme\" class=\"theme\" aria-live=\"polite\">Theme: system</button></header>\n");
}

/// Returns the class of a level's colours.
pub(super) fn level_class(level: Level) -> &'static str {
    match level {
        Level::Deny => "a-blocked",
        Level::RequireApproval | Level::Warn => "a-build",
        Level::Info => "a-retag",
        Level::Off => "a-none",
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Deny => "deny",
        Level::RequireApproval => "approval",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Off => "off",
    }
}

pub(super) fn findings(page: &mut Markup, report: &Report) {
    if report.policies.is_empty() {
        return;
    }
    page.raw("<section aria-labelledby=\"policies\">\n<h2 id=\"policies\">Policy findings</h2>\n");
    for waived in [false, true] {
        let mut some: Vec<&Finding> = report
            .policies
            .iter()
            .filter(|finding| finding.waived_by.is_some() == waived)
            .collect();
        some.sort_by_key(|finding| finding.level);
        if !some.is_empty() {
            page.raw(if waived {
                "<h3 class=\"minor\">Waived</h3>\n"
            } else {
                ""
            });
            finding_list(page, &some);
        }
    }
    page.raw("</section>\n");
}

pub(super) fn finding_list(page: &mut Markup, findings: &[&Finding]) {
    page.raw("<ul class=\"findings\">\n");
    for finding in findings {
        page.raw("<li>");
        finding_item(page, finding, true);
        page.raw("</li>\n");
    }
    page.raw("</ul>\n");
}

/// Writes a finding; `placed` says with its place, where that is not clear from what is around it.
pub(super) fn finding_item(page: &mut Markup, finding: &Finding, placed: bool) {
    let waived = if finding.waived_by.is_some() {
        " waived"
    } else {
        ""
    };
    page.raw("<div")
        .attribute(
            "class",
            &format!("finding {}{waived}", level_class(finding.level)),
        )
        .raw("><p><span class=\"badge\">")
        .raw(level_word(finding.level))
        .wrapped("</span> <code>", &finding.rule, "</code> ")
        .prose(&finding.message)
        .raw("</p>");
    if placed {
        place(page, finding);
    }
    if let Some(help) = &finding.help {
        page.raw("<p class=\"help\"><b>Help</b> ")
            .prose(help)
            .raw("</p>");
    }
    if let Some(waiver) = &finding.waived_by {
        page.raw("<p class=\"help\"><b>Waived by</b> ")
            .prose(waiver)
            .raw("</p>");
    }
    page.raw("</div>");
}

fn place(page: &mut Markup, finding: &Finding) {
    let file = finding
        .file
        .as_deref()
        .map(|file| match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
            (Some(line), None) => format!("{file}:{line}"),
            _ => file.to_owned(),
        });
    if file.is_none() && finding.address.is_none() {
        return;
    }
    page.raw("<p class=\"place\">");
    if let Some(address) = &finding.address {
        page.raw("<a")
            .attribute("href", &format!("#{address}"))
            .wrapped(">", address, "</a> ");
    }
    if let Some(file) = file {
        page.wrapped("<code>", &file, "</code>");
    }
    page.raw("</p>");
}

pub(super) fn notes(page: &mut Markup, report: &Report) {
    let unlocked: Vec<_> = report.bases.iter().filter(|base| !base.locked).collect();
    if report.notes.is_empty() && report.diagnostics.is_empty() && unlocked.is_empty() {
        return;
    }
    page.raw(
        "<section aria-labelledby=\"notes\">\n<h2 id=\"notes\">Notes</h2>\n<ul class=\"notes\">\n",
    );
    for diagnostic in &report.diagnostics {
        said(page, diagnostic);
    }
    for base in unlocked {
        page.wrapped("<li><code>", &base.reference, "</code> is not locked: it was resolved for this plan; <code>windlass lock</code> writes it to <code>windlass.lock</code></li>\n");
    }
    for note in &report.notes {
        page.raw("<li>").prose(note).raw("</li>\n");
    }
    page.raw("</ul>\n</section>\n");
}

fn said(page: &mut Markup, diagnostic: &Diagnostic) {
    page.wrapped("<li><b>", &diagnostic.severity, "</b> ");
    if let (Some(file), Some(line)) = (&diagnostic.file, diagnostic.line) {
        page.wrapped("<code>", &format!("{file}:{line}"), "</code> ");
    }
    page.prose(&diagnostic.message)
        .wrapped(" <small><code>", &diagnostic.code, "</code></small>");
    if let Some(help) = &diagnostic.help {
        page.raw("<p class=\"help\"><b>Help</b> ")
            .prose(help)
            .raw("</p>");
    }
    page.raw("</li>\n");
}

/// Writes what the plan was made of and what apply checks first, folded.
pub(super) fn inputs(page: &mut Markup, report: &Report) {
    page.raw("<section aria-labelledby=\"inputs\">\n<details class=\"inputs\"><summary><h2 id=\"inputs\">What it was made of</h2></summary>\n");
    table(
        page,
        "Registries",
        ["Registry", "Account", "Region"],
        report.registries.iter().map(|it| {
            let endpoint = it
                .endpoint
                .as_ref()
                .map_or(String::new(), |url| format!(", played by {url}"));
            [
                it.address.clone(),
                it.account.clone(),
                format!("{}{endpoint}", it.region),
            ]
        }),
    );
    table(
        page,
        "Variables",
        ["Variable", "Value", "Origin"],
        report
            .variables
            .iter()
            .map(|it| [it.name.clone(), it.value.clone(), it.origin.clone()]),
    );
    table(
        page,
        "Base images",
        ["Base image", "Digest", "Locked"],
        report.bases.iter().map(|it| {
            let locked = if it.locked { "yes" } else { "no" };
            [it.reference.clone(), it.digest.clone(), locked.to_owned()]
        }),
    );
    if !report.environment_variables.is_empty() {
        page.wrapped(
            "<p>Variables of the environment that took effect: <code>",
            &report.environment_variables.join(" "),
            "</code></p>\n",
        );
    }
    page.raw("<p class=\"quiet\">Apply checks ")
        .count(report.preconditions.len())
        .raw(" preconditions before its steps, and stops where one does not hold.</p>\n</details>\n</section>\n");
}

fn table(
    page: &mut Markup,
    label: &'static str,
    heads: [&'static str; 3],
    rows: impl Iterator<Item = [String; 3]>,
) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    page.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"")
        .raw(label)
        .raw("\"><table><thead><tr>");
    for head in heads {
        page.raw("<th scope=\"col\">").raw(head).raw("</th>");
    }
    page.raw("</tr></thead><tbody>\n");
    for [first, second, third] in rows {
        page.wrapped("<tr><th scope=\"row\">", &first, "</th>");
        page.wrapped("<td><code>", &second, "</code></td>")
            .wrapped("<td>", &third, "</td></tr>\n");
    }
    page.raw("</tbody></table></div>\n");
}

pub(super) fn footer(page: &mut Markup, report: &Report) {
    page.wrapped("<footer><p>Made by windlass ", &report.windlass_version, "")
        .wrapped(" from plan document ", &report.format_version, ". Everything on this page is in <code>windlass show FILE --format json</code>.</p></footer>\n");
}

#[expect(
    clippy::cast_precision_loss,
    reason = "one digit behind the point is shown"
)]
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
