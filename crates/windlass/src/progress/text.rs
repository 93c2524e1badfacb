//! Text for a terminal: cleaned of control codes, measured in columns, coloured last.

use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

/// What a piece of text means; colours are chosen in one place, when it is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    Plain,
    /// A name.
    Strong,
    /// Of less weight.
    Dim,
    /// What is being done.
    Action,
    /// Something that went well.
    Good,
    /// Something that failed.
    Bad,
}

impl Style {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Dim => Some("2"),
            Self::Action => Some("36"),
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
        }
    }
}

/// One line without its end, made of styled pieces that hold no control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<(Style, String)>);

impl Line {
    /// Makes an empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Appends a piece; control codes in it are removed.
    pub(crate) fn with(mut self, style: Style, text: &str) -> Self {
        self.0.push((style, clean(text)));
        self
    }

    /// Returns the number of columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// Cuts the line so that it takes at most `columns`; a cut shows as `…`.
    pub(crate) fn clipped(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut left = columns;
        let mut pieces = Vec::new();
        for (style, text) in self.0 {
            if width(&text) < left {
                left -= width(&text);
                pieces.push((style, text));
            } else {
                pieces.push((style, clip(&(text + "…"), left)));
                break;
            }
        }
        Self(pieces)
    }

    /// Returns the text without colours.
    pub(crate) fn plain(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Returns the text, with SGR colours where `color` says so.
    pub(crate) fn painted(&self, color: bool) -> String {
        if !color {
            return self.plain();
        }
        let paint = |(style, text): &(Style, String)| match style.code() {
            Some(code) if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.clone(),
        };
        self.0.iter().map(paint).collect()
    }
}

/// Returns the number of columns that a text without control characters takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Cuts a text so that it takes at most `columns`; a cut shows as `…`.
pub(crate) fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns;
    let mut clipped = String::new();
    for c in text.chars() {
        let needed = c.width().unwrap_or(0);
        // One column is kept for the sign of the cut.
        if needed + 1 > left {
            break;
        }
        left -= needed;
        clipped.push(c);
    }
    if left > 0 {
        clipped.push('…');
    }
    clipped
}

/// Cuts or fills a text so that it takes exactly `columns`.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let mut fitted = clip(text, columns);
    let missing = columns.saturating_sub(width(&fitted));
    fitted.extend(std::iter::repeat_n(' ', missing));
    fitted
}

/// Removes escape sequences and control characters, and makes one space of a tab or a line break:
/// a build's own output must not move our cursor, nor colour what follows.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\x1b' => skip_escape(&mut characters),
            '\t' | '\n' => cleaned.push(' '),
            _ if c.is_control() || is_direction(c) => {}
            _ => cleaned.push(c),
        }
    }
    cleaned
}

/// Says whether a character changes the direction of the text around it, and so what a line seems to say.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Skips an escape sequence whose ESC is consumed (ECMA-48, 5.4 and 5.6): CSI up to its final byte, strings up to BEL or ST.
fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => {
            // A CSI that is cut off by anything but its own bytes ends there, and the rest is text.
            while let Some(c) = characters.next_if(|c| (' '..='~').contains(c)) {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = characters.next() {
                if c == '\x07' || (c == '\x1b' && characters.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        Some(' '..='/') => {
            characters.next();
        }
        _ => {}
    }
}

/// Writes a number of bytes for people, in powers of 1000: `512 B`, `4.2 kB`, `42 MB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    // From 999.5 a value would be shown as 1000.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Writes a time for people: `9.1 s`, `1m 04s`, `2h 00m`.
pub(crate) fn time(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = time.as_secs();
    match seconds / 3600 {
        0 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        hours => format!("{hours}h {:02}m", seconds / 60 % 60),
    }
}

/// Writes seconds for people, as [`time`] does; what is no time is 0.
pub(crate) fn seconds(seconds: f64) -> String {
    time(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_by_columns_and_not_by_characters() {
        assert_eq!(clip("abcdef", 6), "abcdef");
        assert_eq!(clip("abcdef", 5), "abcd…");
        assert_eq!(clip("日本語", 5), "日本…");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(clip("abc", 1), "…");
        assert_eq!(clip("abc", 0), "");
        assert_eq!(fit("日本", 5), "日本 ");
        assert_eq!(fit("日本語", 4), "日… ");
    }

    #[test]
    fn removes_control_codes_from_the_output_of_a_build() {
        assert_eq!(clean("\x1b[31mred\x1b[0m\x1b[2K\x1b[1A"), "red");
        assert_eq!(
            clean("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\ end"),
            "link end"
        );
        assert_eq!(clean("a\tb\r\nc\u{8}\u{9b}"), "a b c");
        assert_eq!(clean("\x1b[12\ncut"), " cut");
        assert_eq!(clean("\x1b(Btext\x1b"), "text");
        assert_eq!(clean("evil\u{202e}txt"), "eviltxt");
    }

    #[test]
    fn a_line_is_cut_in_its_last_piece_and_keeps_its_colours() {
        let line = Line::new()
            .with(Style::Strong, "web")
            .with(Style::Plain, "  ")
            .with(Style::Dim, "building");
        assert_eq!(line.clone().clipped(13).plain(), "web  building");
        assert_eq!(
            line.clone().clipped(9).painted(true),
            "\x1b[1mweb\x1b[0m  \x1b[2mbui…\x1b[0m"
        );
        assert_eq!(line.clone().clipped(4).plain(), "web…");
        assert_eq!(line.clone().clipped(3).plain(), "we…");
        for columns in 0..15 {
            assert!(
                line.clone().clipped(columns).width() <= columns,
                "{columns}"
            );
        }
    }

    #[test]
    fn sizes_have_two_or_three_digits() {
        let shown: Vec<String> = [
            0,
            999,
            1000,
            4240,
            9949,
            9950,
            42_000_000,
            999_499_999,
            999_500_000,
            u64::MAX,
        ]
        .map(bytes)
        .into();
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.0 kB", "4.2 kB", "9.9 kB", "10 kB", "42 MB", "999 MB", "1.0 GB",
                "18447 PB"
            ]
        );
    }

    #[test]
    fn times_have_tenths_below_a_minute() {
        let shown: Vec<String> = [0.0, 9.14, 59.99, 60.0, 64.9, 3599.0, 7200.0, -1.0, f64::NAN]
            .map(seconds)
            .into();
        assert_eq!(
            shown,
            [
                "0.0 s", "9.1 s", "59.9 s", "1m 00s", "1m 04s", "59m 59s", "2h 00m", "0.0 s",
                "0.0 s"
            ]
        );
    }
}
