//! Text in Markdown: what a manifest, a file name or a service says is shown as it is, and does nothing.

use std::fmt::Write as _;

use crate::diag::visible::visible;

/// How many characters of one piece of text are shown.
const MOST: usize = 300;

/// Returns `text` as a code span that may stand in a table.
pub(super) fn code(text: &str) -> String {
    let text = shortened(text);
    if text.contains('|') {
        return format!("<code>{}</code>", entities(&text));
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // A space on each side keeps backticks of the text apart from the fence; Markdown takes it away again.
    if text.is_empty() || text.starts_with('`') || text.ends_with('`') {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// Returns `text` with every ASCII punctuation as an entity: the only form of a `|` that neither ends a cell nor shows a backslash.
fn entities(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        if c.is_ascii_punctuation() {
            let _ = write!(escaped, "&#{};", u32::from(c));
        } else {
            escaped.push(c);
        }
        escaped
    })
}

/// Returns a sentence that may stand in a table: its parts in backticks stay code, everything else is plain text.
pub(super) fn sentence(text: &str) -> String {
    let text = shortened(text);
    if !text.matches('`').count().is_multiple_of(2) {
        return plain(&text);
    }
    text.split('`')
        .enumerate()
        .map(|(at, part)| match (at % 2, part) {
            (0, part) => plain(part),
            (_, "") => String::new(),
            (_, part) => code(part),
        })
        .collect()
}

/// Returns text in which nothing is markup, a mention or a reference to an issue.
fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' => escaped.push_str("&#124;"),
            '@' | '#' => {
                escaped.push(c);
                escaped.push_str("<!-- -->");
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
        escaped
    })
}

/// Returns a fenced block of `lines`, or nothing where there are none; the fence is longer than any in the lines.
pub(super) fn block(language: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let longest = lines.iter().map(|line| longest_run(line)).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n\n", lines.join("\n"))
}

fn shortened(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} (cut)", &text[..end]),
        None => text.into_owned(),
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_person_wrote_is_markup() {
        insta::assert_snapshot!(
            [
                sentence("<script>alert(1)</script> & **bold** [a](b) |"),
                sentence("ask @team about #12, see `a|b` and ``"),
                sentence("one ` backtick"),
                code("a`b``c"),
                code("`"),
                code("line\nline\u{202e}"),
            ]
            .join("\n"),
            @r"
        &lt;script&gt;alert(1)&lt;/script&gt; &amp; \*\*bold\*\* \[a\](b) &#124;
        ask @<!-- -->team about #<!-- -->12, see <code>a&#124;b</code> and 
        one \` backtick
        ```a`b``c```
        `` ` ``
        `line\nline\u{202e}`
        "
        );
    }

    #[test]
    fn a_fence_in_the_lines_does_not_end_the_block() {
        let lines = ["```".to_owned(), "<details>".to_owned()];
        assert_eq!(block("diff", &lines), "````diff\n```\n<details>\n````\n\n");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let text = code(&"é".repeat(1000));
        assert_eq!(text.chars().count(), MOST + " (cut)".len() + 2);
    }
}
