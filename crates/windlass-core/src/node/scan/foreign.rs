//! Whole files of another language: one diagnosis instead of one a line.

use std::ops::Range;

use crate::diag::{Code, Diagnostic, Location};
use crate::secret;

use super::Scanner;

/// Fewer lines than this are slips, and each is told what it should be.
const LEAST_LINES: usize = 5;

/// What a file looks like, with the first place that shows it and what to write instead there.
struct Found {
    language: &'static str,
    place: Range<usize>,
    label: &'static str,
    help: String,
}

/// One line with something in it.
struct Line<'a> {
    start: usize,
    text: &'a str,
}

impl Line<'_> {
    fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Returns name and value where the line is `name = value`.
    fn setting(&self) -> Option<(&str, &str)> {
        let (name, value) = self.text.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        (is_name(name) && !value.is_empty()).then_some((name, value))
    }

    /// Returns name and value where the line is `name: value`, also in a list.
    fn entry(&self) -> Option<(&str, &str)> {
        let text = self.text.trim_start_matches("- ");
        let (name, value) = text.split_once(':')?;
        let good = value.is_empty() || value.starts_with(' ');
        (is_name(name.trim_matches('"')) && good).then(|| (name, value.trim()))
    }

    fn is_section(&self) -> bool {
        self.text.starts_with('[') && self.text.ends_with(']') && !self.text.contains('"')
    }
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(good)
}

impl Scanner<'_> {
    /// Replaces all findings by one where the whole text is of another language.
    pub(super) fn judge_language(&mut self) {
        let Some(found) = detect(self.text) else {
            return;
        };
        self.mask_settings();
        let place = Location::new(self.source, found.place);
        let message = format!("this looks like {}, and a manifest is KDL", found.language);
        self.diagnostics = vec![
            Diagnostic::error(Code::OtherLanguage, message)
                .at(&place, found.label)
                .help(found.help),
        ];
        self.fatal = true;
    }

    /// Hides what stands behind the names of secrets, in whatever form.
    fn mask_settings(&mut self) {
        for line in lines(self.text) {
            let Some(at) = line.text.find(['=', ':']) else {
                continue;
            };
            let name = line.text[..at].trim_matches(|c: char| !c.is_alphanumeric());
            if secret::is_secret_name(name) {
                self.masked.push(line.start + at + 1..line.range().end);
            }
        }
    }
}

/// Returns the lines that hold something other than a comment.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut all = Vec::new();
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        if !trimmed.is_empty() && !trimmed.starts_with('#') && !trimmed.starts_with("//") {
            all.push(Line {
                start: start + indent,
                text: trimmed,
            });
        }
        start += line.len();
    }
    all
}

fn detect(text: &str) -> Option<Found> {
    let lines = lines(text.trim_start_matches('\u{feff}'));
    // A mark at the start of the file moves every place.
    let shift = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut found = json(&lines)
        .or_else(|| yaml(&lines))
        .or_else(|| settings(&lines))?;
    found.place = found.place.start + shift..found.place.end + shift;
    Some(found)
}

fn json(lines: &[Line<'_>]) -> Option<Found> {
    let first = lines.first()?;
    let inside = first.text.strip_prefix(['{', '[']).map(str::trim_start)?;
    let inside = if inside.is_empty() {
        lines.get(1)?.text
    } else {
        inside
    };
    // No node of KDL starts with a brace, so one line is enough.
    (inside.starts_with(['"', '{', '}', '[', ']'])).then(|| Found {
        language: "JSON",
        place: first.start..first.start + 1,
        label: "a manifest starts with `workspace \"name\"`",
        help: "write `name \"value\"` instead of `\"name\": \"value\"`, and `name \"label\" { .. }` instead of an object; docs/manifest.md has every node"
            .to_owned(),
    })
}

fn yaml(lines: &[Line<'_>]) -> Option<Found> {
    let marked = lines.first()?.text == "---";
    let entries: Vec<&Line<'_>> = lines.iter().filter(|it| it.entry().is_some()).collect();
    let items = lines
        .iter()
        .filter(|it| it.text.starts_with("- ") && it.entry().is_none());
    let count = entries.len() + items.count();
    if !marked && (entries.len() < LEAST_LINES || count * 5 < lines.len() * 3) {
        return None;
    }
    let first = entries.first()?;
    let (name, value) = first.entry()?;
    let help = if value.is_empty() || secret::is_secret_name(name) {
        format!("write `{name} {{ .. }}` with the settings inside, one a line, without `:`")
    } else {
        format!("write `{name} {}`, without `:`", quoted(value))
    };
    Some(Found {
        language: "YAML",
        place: first.start..first.start + first.text.find(':').map_or(0, |it| it + 1),
        label: "a name is not followed by `:`",
        help,
    })
}

/// TOML and HCL: lines of `name = value`.
fn settings(lines: &[Line<'_>]) -> Option<Found> {
    let settings: Vec<&Line<'_>> = lines.iter().filter(|it| it.setting().is_some()).collect();
    let sections = lines.iter().filter(|it| it.is_section()).count();
    let opened = lines.iter().filter(|it| it.text.ends_with('{')).count();
    let others = lines
        .iter()
        .filter(|it| it.text == "}" || it.text.ends_with('{'));
    let judged = lines.len() - others.count();
    if settings.len() < LEAST_LINES || (settings.len() + sections) * 5 < judged * 3 {
        return None;
    }
    let first = settings.first()?;
    let (name, value) = first.setting()?;
    let help = if secret::is_secret_name(name) || value.starts_with(['{', '[']) {
        format!("write `{name}`, a space, and the value, without `=`")
    } else {
        format!("write `{name} {}`, without `=`", quoted(value))
    };
    let sign = first.start + first.text.find('=').unwrap_or(0);
    let (language, help) = if sections > 0 || opened == 0 {
        let more = "; instead of a section, `name \"label\" { .. }`";
        (
            "TOML",
            format!("{help}{}", if sections > 0 { more } else { "" }),
        )
    } else {
        ("HCL", help)
    };
    Some(Found {
        language,
        place: sign..sign + 1,
        label: "a setting has no `=`",
        help,
    })
}

/// Returns a value as KDL writes it, the first part of a long one.
fn quoted(value: &str) -> String {
    let value = value.trim_end_matches([',', ';']);
    let value = value.trim_matches(['"', '\'']);
    let short: String = value.chars().take(40).collect();
    let number = value.parse::<f64>().is_ok() && !value.starts_with('0');
    match value {
        "true" | "false" => format!("#{value}"),
        _ if number => short,
        _ => format!("\"{short}\""),
    }
}
