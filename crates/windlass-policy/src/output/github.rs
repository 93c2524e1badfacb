//! Annotations of GitHub Actions: one line a finding (GitHub, "Workflow commands").

use windlass_core::diag::visible::visible_lines;
use windlass_core::finding::Level;

use crate::evaluate::Found;

/// Writes the annotations; waived findings are left out.
pub fn render(found: &[Found]) -> String {
    found
        .iter()
        .filter(|it| it.finding.waived_by.is_none())
        .map(line)
        .collect()
}

fn line(found: &Found) -> String {
    let finding = &found.finding;
    let command = match finding.level {
        Level::Deny | Level::RequireApproval => "error",
        Level::Warn => "warning",
        Level::Info | Level::Off => "notice",
    };
    let mut properties = Vec::new();
    if let Some(file) = &finding.file {
        properties.push(format!("file={}", property(file)));
    }
    let numbers = [
        ("line", finding.line),
        ("endLine", finding.end_line),
        ("col", finding.column),
        ("endColumn", finding.end_column),
    ];
    for (name, number) in numbers {
        properties.extend(number.map(|it| format!("{name}={it}")));
    }
    properties.push(format!("title={}", property(&finding.rule)));
    let mut text = finding.message.clone();
    if let (None, Some(address)) = (&finding.file, &finding.address) {
        text = format!("{address}: {text}");
    }
    if let Some(help) = &finding.help {
        text = format!("{text}\n{help}");
    }
    format!("::{command} {}::{}\n", properties.join(","), data(&text))
}

/// A message in which no line break or percent sign can begin another command.
fn data(text: &str) -> String {
    visible_lines(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
