//! Repositories of the page: the settings that differ.

use serde_json::Value;

use crate::plan::RepositoryAction;
use crate::report::html::{MOST_OPEN, body};
use crate::report::markup::Markup;
use crate::report::wire::{Report, Repository};

/// Returns the class of an action's colours.
pub(super) fn class(action: RepositoryAction) -> &'static str {
    match action {
        RepositoryAction::Unknown => "a-unknown",
        RepositoryAction::Blocked => "a-blocked",
        RepositoryAction::Create => "r-create",
        RepositoryAction::Update => "r-update",
        RepositoryAction::Delete => "r-delete",
        RepositoryAction::None => "a-none",
    }
}

pub(super) fn section(page: &mut Markup, report: &Report) {
    if report.repositories.is_empty() {
        return;
    }
    page.raw(
        "<section aria-labelledby=\"repositories\">\n<h2 id=\"repositories\">Repositories</h2>\n",
    );
    let (same, changed): (Vec<_>, Vec<_>) = report
        .repositories
        .iter()
        .partition(|repository| repository.action == RepositoryAction::None);
    let few = changed.len() <= MOST_OPEN;
    for repository in changed {
        let stops = matches!(
            repository.action,
            RepositoryAction::Blocked | RepositoryAction::Unknown
        );
        card(page, repository, few || stops);
    }
    if !same.is_empty() {
        page.raw("<p class=\"quiet\">As the manifest says: ");
        for (place, repository) in same.iter().enumerate() {
            page.raw(if place > 0 { ", " } else { "" });
            page.raw("<code").attribute("id", &repository.address);
            page.wrapped(">", &repository.address, "</code>");
        }
        page.raw("</p>\n");
    }
    page.raw("</section>\n");
}

fn card(page: &mut Markup, repository: &Repository, open: bool) {
    page.raw("<article")
        .attribute("class", &format!("card {}", class(repository.action)))
        .attribute("id", &repository.address)
        .raw(if open {
            "><details open>"
        } else {
            "><details>"
        })
        .raw("<summary><span class=\"badge\">")
        .text(repository.action.as_str())
        .wrapped("</span><h3>", &repository.address, "</h3>");
    if let Some(why) = &repository.why {
        page.raw("<span class=\"why\">").prose(why).raw("</span>");
    }
    page.raw("</summary>\n");
    body(page, open, |page| {
        if repository.changes.is_empty() {
            page.raw("<p class=\"quiet\">No setting differs.</p>\n");
        } else {
            changes(page, repository);
        }
    });
    page.raw("</details></article>\n");
}

fn changes(page: &mut Markup, repository: &Repository) {
    page.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\"")
        .attribute("aria-label", &format!("Settings of {}", repository.address))
        .raw("><table><thead><tr><th scope=\"col\">Setting</th><th scope=\"col\">Before</th><th scope=\"col\">After</th></tr></thead><tbody>\n");
    for change in &repository.changes {
        page.wrapped("<tr><th scope=\"row\">", &change.path, "");
        if change.forces_replacement {
            page.raw(" <small>only by replacing the repository, which windlass never does</small>");
        }
        page.raw("</th><td class=\"before\">");
        value(page, &change.before);
        page.raw("</td><td class=\"after\">");
        value(page, &change.after);
        page.raw("</td></tr>\n");
    }
    page.raw("</tbody></table></div>\n");
}

fn value(page: &mut Markup, value: &Value) {
    match value {
        Value::Null => {
            page.raw("<span class=\"quiet\">none</span>");
        }
        Value::Bool(flag) => {
            page.raw(if *flag {
                "<code>#true</code>"
            } else {
                "<code>#false</code>"
            });
        }
        Value::String(text) => {
            page.wrapped("<code>", text, "</code>");
        }
        Value::Array(items) => {
            page.raw("<ul>");
            for item in items {
                page.raw("<li>");
                self::value(page, item);
                page.raw("</li>");
            }
            page.raw("</ul>");
        }
        other => {
            page.wrapped("<code>", &other.to_string(), "</code>");
        }
    }
}
