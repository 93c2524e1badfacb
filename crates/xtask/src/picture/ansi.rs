//! Terminal output to styled text: 16 colours, bold and dim (ECMA-48, SGR). All other control codes are passed over.

use unicode_width::UnicodeWidthChar as _;

const TAB: usize = 8;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// Its colour, 0 to 15.
    pub(super) foreground: Option<u8>,
    /// The colour behind it, 0 to 15.
    pub(super) background: Option<u8>,
    /// Whether it is bold.
    pub(super) bold: bool,
    /// Whether it is dim.
    pub(super) dim: bool,
}

/// A piece of one line in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The column of its first character, from 0.
    pub(super) column: usize,
    /// The columns it takes.
    pub(super) columns: usize,
    /// The text, without control characters.
    pub(super) text: String,
    /// How it looks.
    pub(super) style: Style,
}

/// Returns the lines of `output`, each as its pieces from left to right. Empty lines at the end are left out.
pub(super) fn parse(output: &str) -> Vec<Vec<Piece>> {
    let mut style = Style::default();
    let mut lines: Vec<Vec<Piece>> = output
        .lines()
        .map(|line| parse_line(line, &mut style))
        .collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

fn parse_line(line: &str, style: &mut Style) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut column = 0;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\x1b' => skip_or_apply(&mut characters, style),
            '\t' => column += TAB - column % TAB,
            _ => {
                if let Some(columns) = c.width() {
                    put(&mut pieces, c, columns, column, *style);
                    column += columns;
                }
            }
        }
    }
    pieces
}

/// Appends a character to the last piece if it looks the same and ends where the character begins.
fn put(pieces: &mut Vec<Piece>, c: char, columns: usize, column: usize, style: Style) {
    match pieces.last_mut() {
        Some(piece) if piece.style == style && piece.column + piece.columns == column => {
            piece.text.push(c);
            piece.columns += columns;
        }
        _ => pieces.push(Piece {
            column,
            columns,
            text: c.to_string(),
            style,
        }),
    }
}

fn skip_or_apply(characters: &mut std::iter::Peekable<std::str::Chars<'_>>, style: &mut Style) {
    match characters.next() {
        Some('[') => {
            let mut parameters = String::new();
            while let Some(c) = characters.next_if(|c| (' '..='~').contains(c)) {
                match c {
                    'm' => return apply(&parameters, style),
                    '@'..='~' => return,
                    _ => parameters.push(c),
                }
            }
        }
        // An operating system command, such as a hyperlink, ends with BEL or ST.
        Some(']') => {
            while let Some(c) = characters.next() {
                if c == '\x07' || (c == '\x1b' && characters.next_if_eq(&'\\').is_some()) {
                    return;
                }
            }
        }
        _ => {}
    }
}

fn apply(parameters: &str, style: &mut Style) {
    let mut codes = parameters.split(';').map(|code| {
        if code.is_empty() {
            Some(0)
        } else {
            code.parse::<u8>().ok()
        }
    });
    while let Some(code) = codes.next() {
        let Some(code) = code else { continue };
        match code {
            0 => *style = Style::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            22 => (style.bold, style.dim) = (false, false),
            30..=37 => style.foreground = Some(code - 30),
            39 => style.foreground = None,
            40..=47 => style.background = Some(code - 40),
            49 => style.background = None,
            90..=97 => style.foreground = Some(code - 82),
            100..=107 => style.background = Some(code - 92),
            38 | 48 => {
                // Of the 256 colours only the first 16 are ours; the numbers of the others are no codes.
                let color = match codes.next().flatten() {
                    Some(5) => codes.next().flatten().filter(|color| *color < 16),
                    Some(2) => codes.by_ref().take(3).last().and(None),
                    _ => None,
                };
                let place = if code == 38 {
                    &mut style.foreground
                } else {
                    &mut style.background
                };
                *place = color;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(foreground: Option<u8>, bold: bool, dim: bool) -> Style {
        Style {
            foreground,
            background: None,
            bold,
            dim,
        }
    }

    fn piece(column: usize, text: &str, style: Style) -> Piece {
        Piece {
            column,
            columns: text.chars().count(),
            text: text.to_owned(),
            style,
        }
    }

    #[test]
    fn colours_hold_until_they_are_reset() {
        let lines = parse("\x1b[1;32m+ web\x1b[22m build\nstill\x1b[m plain\n\n");
        assert_eq!(
            lines,
            [
                vec![
                    piece(0, "+ web", style(Some(2), true, false)),
                    piece(5, " build", style(Some(2), false, false)),
                ],
                vec![
                    piece(0, "still", style(Some(2), false, false)),
                    piece(5, " plain", Style::default()),
                ],
            ]
        );
    }

    #[test]
    fn bright_and_background_colours_are_numbered_from_8() {
        let lines = parse("\x1b[91;44mx\x1b[39;102my\x1b[49;2mz");
        let styles: Vec<(Option<u8>, Option<u8>, bool)> = lines[0]
            .iter()
            .map(|piece| {
                (
                    piece.style.foreground,
                    piece.style.background,
                    piece.style.dim,
                )
            })
            .collect();
        assert_eq!(
            styles,
            [
                (Some(9), Some(4), false),
                (None, Some(10), false),
                (None, None, true)
            ]
        );
    }

    #[test]
    fn codes_that_are_not_ours_leave_no_trace() {
        let lines = parse(
            "\x1b[38;5;208ma\x1b[38;2;1;31;3mb\x1b[4;3mc\x1b[2Kd\x1b]8;;http://x\x1b\\e\x1b]8;;\x07\x1b",
        );
        assert_eq!(lines, [vec![piece(0, "abcde", Style::default())]]);
        assert_eq!(parse("\x1b[38;5;9mx")[0][0].style.foreground, Some(9));
        assert_eq!(parse("\x1b[999;1mx")[0][0].style, style(None, true, false));
    }

    #[test]
    fn columns_count_wide_characters_and_tabs() {
        let lines = parse("日本\tx");
        let places: Vec<(usize, usize)> = lines[0]
            .iter()
            .map(|piece| (piece.column, piece.columns))
            .collect();
        assert_eq!(places, [(0, 4), (8, 1)]);
    }
}
