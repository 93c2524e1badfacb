//! Styled text as a self-contained SVG: a window with a terminal in it, light or dark as the reader's screen is.

use super::ansi::{Piece, Style};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// All lengths are tenths of a pixel, so that they are whole numbers and every machine writes the same bytes.
const COLUMN: usize = 84;
const LINE: usize = 200;
const MARGIN: usize = 200;
const BAR: usize = 360;
/// From the top of a line to the foot of its letters.
const ASCENT: usize = 145;

/// One colour in light and in dark.
type Color = (&'static str, &'static str);

const TEXT: Color = ("#1f2328", "#e6edf3");
const FAINT: Color = ("#6b727b", "#8b949e");
const WINDOW: Color = ("#ffffff", "#0d1117");
const TITLE_BAR: Color = ("#f6f8fa", "#161b22");
const BORDER: Color = ("#d0d7de", "#30363d");

/// The 16 colours; each can be read on its window.
const COLORS: [Color; 16] = [
    ("#24292f", "#6e7681"),
    ("#cf222e", "#ff7b72"),
    ("#116329", "#3fb950"),
    ("#7d4e00", "#d29922"),
    ("#0969da", "#58a6ff"),
    ("#8250df", "#bc8cff"),
    ("#1b7c83", "#39c5cf"),
    ("#57606a", "#b1bac4"),
    ("#57606a", "#8b949e"),
    ("#a40e26", "#ffa198"),
    ("#1a7f37", "#56d364"),
    ("#633c01", "#e3b341"),
    ("#0550ae", "#79c0ff"),
    ("#6639ba", "#d2a8ff"),
    ("#136061", "#56d4dd"),
    ("#1f2328", "#f0f6fc"),
];

/// Draws a window of at least `columns` columns that shows `command` at a prompt, and `lines` below it.
pub(super) fn draw(command: &str, lines: &[Vec<Piece>], columns: usize) -> String {
    let prompt = [
        Piece {
            column: 0,
            columns: 1,
            text: "$".to_owned(),
            style: Style {
                dim: true,
                ..Style::default()
            },
        },
        Piece {
            column: 2,
            columns: command.width(),
            text: command.to_owned(),
            style: Style {
                bold: true,
                ..Style::default()
            },
        },
    ];
    let end = |line: &[Piece]| line.last().map_or(0, |piece| piece.column + piece.columns);
    let longest = lines
        .iter()
        .map(|line| end(line))
        .chain([end(&prompt), columns])
        .max()
        .unwrap_or(columns);
    let (width, height) = (
        2 * MARGIN + longest * COLUMN,
        BAR + 2 * MARGIN + (lines.len() + 1) * LINE,
    );
    let mut svg = head(command, width, height);
    for (number, line) in std::iter::once(&prompt[..])
        .chain(lines.iter().map(Vec::as_slice))
        .enumerate()
    {
        draw_line(&mut svg, line, BAR + MARGIN + number * LINE);
    }
    svg + "</svg>\n"
}

fn head(command: &str, width: usize, height: usize) -> String {
    let (right, bottom) = (pixels(width), pixels(height));
    let mut head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{right}\" height=\"{bottom}\" viewBox=\"0 0 {right} {bottom}\" role=\"img\">\n\
         <title>Terminal: {}</title>\n<style>\n{}</style>\n",
        escape(command),
        style_sheet()
    );
    // The border is one pixel wide and drawn along its middle.
    let (inner_width, inner_height) = (pixels(width - 10), pixels(height - 10));
    let (bar, curve) = (pixels(BAR), pixels(width - 85));
    add(
        &mut head,
        format_args!(
            "<rect class=\"w\" x=\"0.5\" y=\"0.5\" width=\"{inner_width}\" height=\"{inner_height}\" rx=\"8\"/>\n\
             <path class=\"t\" d=\"M0.5 {bar}V8.5a8 8 0 0 1 8 -8H{curve}a8 8 0 0 1 8 8V{bar}z\"/>\n"
        ),
    );
    for (center, color) in [(20, "#ff5f57"), (40, "#febc2e"), (60, "#28c840")] {
        add(
            &mut head,
            format_args!("<circle cx=\"{center}\" cy=\"18\" r=\"6\" fill=\"{color}\"/>\n"),
        );
    }
    head
}

fn draw_line(svg: &mut String, line: &[Piece], top: usize) {
    for piece in line {
        if let Some(color) = piece.style.background {
            let (left, width) = (
                pixels(MARGIN + piece.column * COLUMN),
                pixels(piece.columns * COLUMN),
            );
            let (top, height) = (pixels(top), pixels(LINE));
            add(
                svg,
                format_args!(
                    "<rect class=\"c{color}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>\n"
                ),
            );
        }
    }
    let words: Vec<Piece> = line.iter().flat_map(words).collect();
    if words.is_empty() {
        return;
    }
    add(svg, format_args!("<text y=\"{}\">", pixels(top + ASCENT)));
    for word in words {
        // Each word has its place and its length, so that columns line up in whichever font the reader has.
        let (left, length) = (
            pixels(MARGIN + word.column * COLUMN),
            pixels(word.columns * COLUMN),
        );
        let class = match class(word.style) {
            class if class.is_empty() => class,
            class => format!(" class=\"{class}\""),
        };
        let text = escape(&word.text);
        add(
            svg,
            format_args!(
                "<tspan{class} x=\"{left}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\">{text}</tspan>"
            ),
        );
    }
    svg.push_str("</text>\n");
}

/// Cuts a piece at every two spaces: XML may make one of them, and space needs no drawing.
fn words(piece: &Piece) -> Vec<Piece> {
    let mut words = Vec::new();
    let mut column = piece.column;
    for word in piece.text.split("  ") {
        let spaces = word.len() - word.trim_start_matches(' ').len();
        let text = word.trim_matches(' ');
        if !text.is_empty() {
            words.push(Piece {
                column: column + spaces,
                columns: text.width(),
                text: text.to_owned(),
                style: piece.style,
            });
        }
        column += word.width() + 2;
    }
    words
}

fn class(style: Style) -> String {
    let Style {
        foreground,
        background,
        bold,
        dim,
    } = style;
    let mut classes = Vec::new();
    match background {
        // Text on a colour is drawn in the colour of the window: that can be read on each of them, which not every pair can.
        Some(_) => classes.push("i".to_owned()),
        None => classes.extend(foreground.map(|color| format!("c{color}"))),
    }
    classes.extend(bold.then(|| "b".to_owned()));
    classes.extend(dim.then(|| "d".to_owned()));
    classes.join(" ")
}

/// Writes the rules without CSS variables: some of what shows an SVG in a page knows none.
fn style_sheet() -> String {
    let mut sheet = "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}\n.b{font-weight:bold}\n".to_owned();
    sheet += &colors(|(light, _)| light);
    sheet += "@media (prefers-color-scheme:dark){\n";
    sheet += &colors(|(_, dark)| dark);
    sheet + "}\n"
}

fn colors(pick: impl Fn(Color) -> &'static str) -> String {
    let mut rules = format!(
        "text{{fill:{}}}\n.w{{fill:{};stroke:{}}}\n.t{{fill:{};stroke:{}}}\n.d{{fill:{}}}\n.i{{fill:{}}}\n",
        pick(TEXT),
        pick(WINDOW),
        pick(BORDER),
        pick(TITLE_BAR),
        pick(BORDER),
        pick(FAINT),
        pick(WINDOW),
    );
    for (number, color) in COLORS.into_iter().enumerate() {
        add(
            &mut rules,
            format_args!(".c{number}{{fill:{}}}\n", pick(color)),
        );
    }
    // What is dim and has a colour keeps it, fainter.
    rules + "[class^=c].d{opacity:.75}\n"
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML 1.0 has no way to write these.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if c.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn pixels(tenths: usize) -> String {
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing to a text cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::ansi::parse;

    /// A part of a plan as `windlass plan --color always` prints it.
    const SAMPLE: &str = include_str!("sample.ansi");

    fn picture() -> String {
        draw("windlass --local plan", &parse(SAMPLE), 80)
    }

    #[test]
    fn the_sample_gives_the_picture_that_was_looked_at() {
        let picture = picture();
        if picture != include_str!("sample.svg") {
            let other = std::env::temp_dir().join("sample.svg");
            std::fs::write(&other, picture).unwrap();
            panic!(
                "the picture is another: look at {}, then copy it beside this file",
                other.display()
            );
        }
    }

    #[test]
    fn text_is_escaped_and_nothing_is_loaded_from_elsewhere() {
        let picture = draw(
            "x <&>",
            &parse("<script>alert(\"1\" & 2)</script>\u{0}\u{ffff}"),
            20,
        );
        assert!(
            picture.contains("&lt;script&gt;alert(&quot;1&quot; &amp; 2)&lt;/script&gt;\u{fffd}"),
            "{picture}"
        );
        assert!(!picture.contains("<script"), "{picture}");
        for outside in ["url(", "@import", "href", "<image", "@font-face"] {
            assert!(!picture.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_widens_the_picture() {
        let width = |text: &str| {
            let picture = draw("x", &parse(text), 20);
            let (_, rest) = picture.split_once("width=\"").unwrap();
            rest[..rest.find('"').unwrap()].to_owned()
        };
        assert_eq!(width("short"), "208");
        assert_eq!(width(&"x".repeat(30)), "292");
    }

    #[test]
    fn words_keep_their_columns_whatever_the_font() {
        let lines = parse("a b   c \x1b[1m  d");
        let words: Vec<(usize, usize, String)> = lines[0]
            .iter()
            .flat_map(words)
            .map(|word| (word.column, word.columns, word.text))
            .collect();
        let word = |column, columns, text: &str| (column, columns, text.to_owned());
        assert_eq!(
            words,
            [word(0, 3, "a b"), word(6, 1, "c"), word(10, 1, "d")]
        );
    }

    #[test]
    fn colours_can_be_read_on_their_window() {
        let all = COLORS.into_iter().chain([TEXT, FAINT]);
        for (light, dark) in all.filter(|color| *color != COLORS[0]) {
            assert!(
                contrast(light, WINDOW.0) >= 4.5,
                "{light}: {}",
                contrast(light, WINDOW.0)
            );
            assert!(
                contrast(dark, WINDOW.1) >= 4.5,
                "{dark}: {}",
                contrast(dark, WINDOW.1)
            );
        }
    }

    /// Contrast ratio of two colours (WCAG 2.2, "contrast ratio").
    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }
}
