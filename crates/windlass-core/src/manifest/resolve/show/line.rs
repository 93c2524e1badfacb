//! Lines of a node that is shown, with where each one comes from, and how they are written.

use crate::diag::Location;
use crate::manifest::layers::{Layer, Layered};
use crate::manifest::model;
use crate::node::Scalar;

/// Where a line comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Nobody says it.
    BuiltIn,
    /// A layer of the manifest says it here.
    Said(String),
}

impl Origin {
    /// Says that `layer` says it at `place`.
    pub(super) fn at(layer: Layer<'_>, place: &Location) -> Self {
        let (line, _) = place.source.position(place.span.start);
        let place = format!("{}:{line}", place.source.name);
        Self::Said(match layer {
            Layer::Own => place,
            Layer::Image(image) => format!("image {image} at {place}"),
            Layer::Parent(parent) => format!("extends {parent} at {place}"),
            Layer::Defaults => format!("defaults at {place}"),
        })
    }

    /// Says where a layered value with a place of its own comes from.
    pub(super) fn of<T: ?Sized>(layered: &Layered<'_, T>, place: &Location) -> Self {
        Self::at(layered.layer, place)
    }

    /// Adds a remark.
    pub(super) fn with(self, remark: &str) -> Self {
        Self::Said(format!("{}, {remark}", self.comment()))
    }

    fn comment(&self) -> &str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Said(text) => text,
        }
    }
}

/// A node under construction: its lines, without those that open and close it.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    /// Adds a comment on a line of its own.
    pub(super) fn remark(&mut self, text: &str) {
        self.push(&format!("// {text}"));
    }

    /// Adds a node without children.
    pub(super) fn line(&mut self, node: &str, origin: &Origin) {
        self.push(&format!("{node} // {}", origin.comment()));
    }

    /// Adds a node with children; one without any where `inside` adds nothing.
    pub(super) fn block(&mut self, node: &str, origin: &Origin, inside: impl FnOnce(&mut Self)) {
        self.push(&format!("{node} {{ // {}", origin.comment()));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.push("}");
    }

    /// Adds a node as it is written, with what stands in it.
    pub(super) fn written(&mut self, text: &str, origin: &Origin) {
        let mut all = text.lines();
        if let Some(first) = all.next() {
            self.line(first, origin);
        }
        all.for_each(|it| self.push(it));
    }

    fn push(&mut self, line: &str) {
        self.text.extend(std::iter::repeat_n("    ", self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Returns what was added.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Writes a text as a quoted value.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                quoted.extend(["\\u{", &format!("{:x}", u32::from(c)), "}"]);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes the key of a property: bare where KDL allows it without a doubt.
pub(super) fn key(text: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && text.chars().all(good) && !["true", "false", "null", "inf", "nan"].contains(&text)
    {
        return text.to_owned();
    }
    quoted(text)
}

/// Writes a value of the model.
pub(super) fn value(value: &model::Value) -> String {
    match value {
        model::Value::Text(text) => quoted(text),
        model::Value::Integer(number) => number.to_string(),
        model::Value::Flag(flag) => format!("#{flag}"),
    }
}

/// Writes a scalar of the manifest.
pub(super) fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Text(text) => quoted(text),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Flag(flag) => format!("#{flag}"),
    }
}

/// Writes a flag: bare where it is on.
pub(super) fn flag(name: &str, on: bool) -> String {
    if on {
        name.to_owned()
    } else {
        format!("{name} #false")
    }
}

/// Writes a span of time with its units.
pub(super) fn duration(seconds: u64) -> String {
    let mut text = String::new();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    for (number, unit) in parts.into_iter().filter(|it| it.0 > 0) {
        text.extend([&number.to_string(), unit]);
    }
    text
}

/// Writes a number of bytes with the largest unit that fits it.
pub(super) fn bytes(number: u64) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if number.is_multiple_of(size) {
            return format!("{}{unit}", number / size);
        }
    }
    format!("{number}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_as_the_same_value() {
        for text in ["plain", "a\"b\\c", "line\nbreak", "\u{1b}", "{{ x }}", "ä"] {
            let document = kdl::KdlDocument::parse_v2(&format!("node {}", quoted(text)));
            let document = document.expect("KDL");
            let found = document.get_arg("node").and_then(|it| it.as_string());
            assert_eq!(found, Some(text));
        }
        assert_eq!(
            key("org.opencontainers.image.title"),
            "org.opencontainers.image.title"
        );
        assert_eq!(key("a b"), "\"a b\"");
        assert_eq!(duration(5400), "1h30m");
        assert_eq!(
            [bytes(3 << 30), bytes(200 << 20), bytes(1025)],
            ["3GiB", "200MiB", "1025B"]
        );
    }
}
