//! `JUnit` XML: a suite a file, a test case a finding, so that any CI shows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use windlass_core::finding::Level;

use crate::evaluate::Found;

/// Writes the report. Denying findings are failures, waived ones are skipped, others pass with their words as output; a run without
/// findings has one test that passes.
pub fn render(found: &[Found]) -> String {
    let mut suites: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    for it in found {
        let finding = &it.finding;
        let name = finding.file.as_deref().or(finding.address.as_deref());
        suites
            .entry(name.unwrap_or("windlass"))
            .or_default()
            .push(it);
    }
    let failures = found.iter().filter(|it| it.finding.stops()).count();
    let tests = found.len().max(1);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites name=\"windlass\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    );
    if found.is_empty() {
        text.push_str("  <testsuite name=\"windlass\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">\n    <testcase name=\"no findings\" classname=\"windlass\"/>\n  </testsuite>\n");
    }
    for (name, suite) in suites {
        write_suite(&mut text, name, &suite);
    }
    text.push_str("</testsuites>\n");
    text
}

fn write_suite(text: &mut String, name: &str, suite: &[&Found]) {
    let failures = suite.iter().filter(|it| it.finding.stops()).count();
    let skipped = suite.iter().filter(|it| it.finding.waived_by.is_some());
    let _ = writeln!(
        text,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{}\">",
        escape(name),
        suite.len(),
        skipped.count()
    );
    for it in suite {
        write_case(text, name, it);
    }
    text.push_str("  </testsuite>\n");
}

fn write_case(text: &mut String, name: &str, found: &Found) {
    let finding = &found.finding;
    let place = match (finding.line, finding.column) {
        (Some(line), Some(column)) => format!(" {line}:{column}"),
        _ => String::new(),
    };
    let message = escape(&finding.message);
    let help = finding.help.as_deref().unwrap_or_default();
    let help = help.lines().map(escape).collect::<Vec<_>>().join("\n");
    let _ = writeln!(
        text,
        "    <testcase name=\"{}{place}\" classname=\"{}\">",
        escape(&finding.rule),
        escape(name)
    );
    let _ = match (&finding.waived_by, finding.level) {
        (Some(by), _) => writeln!(
            text,
            "      <skipped message=\"waived by {}\"/>",
            escape(by)
        ),
        (None, Level::Deny | Level::RequireApproval) => writeln!(
            text,
            "      <failure message=\"{message}\" type=\"{}\">{help}</failure>",
            finding.level.as_str()
        ),
        (None, level) => writeln!(
            text,
            "      <system-out>{}: {message}\n{help}</system-out>",
            level.as_str()
        ),
    };
    text.push_str("    </testcase>\n");
}

/// Control characters are no XML, also as references.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
