//! The formatter: one layout for every file of KDL that people write for windlass, without options.
//!
//! Four steps: the text is cut into tokens of which none is lost (`token`), these become a tree that keeps comments and blank
//! lines (`tree`), the tree is written (`write`), and what was written is read again and compared (`check`). Nothing here knows
//! what a manifest is: manifests, policy packs and files of variables are formatted alike.

mod check;
pub(crate) mod token;
mod tree;
mod write;

use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Location, Source};
use crate::node::{Reading, parse_tree};

/// Formats a text: the text in the layout of windlass, which is the text itself where it has that layout already.
///
/// # Errors
/// The problems of a text that cannot be read as KDL. What its nodes mean does not matter.
pub fn format(source: &Arc<Source>) -> Result<String, Vec<Diagnostic>> {
    let problems = Reading::new(source).into_diagnostics();
    let text = source.text.trim_start_matches('\u{feff}');
    let of_form: Vec<Diagnostic> = problems
        .iter()
        .filter(|it| is_about_form(it.code))
        .cloned()
        .collect();
    if !of_form.is_empty() {
        return Err(of_form);
    }
    if !problems.is_empty() && parse_tree(text).is_none() {
        return Err(problems);
    }
    let formatted = write::write(&tree::parse(text));
    if check::means_the_same(text, &formatted) {
        Ok(formatted)
    } else {
        let place = Location::new(source, 0..0);
        Err(vec![
            Diagnostic::error(
                Code::FormatRefused,
                format!("formatting `{}` would change what it means", source.name),
            )
            .at(&place, "somewhere in this file; nothing was written")
            .help("this is a mistake of windlass; please report it with the file"),
        ])
    }
}

/// Says whether a text with this problem has no form that could be kept.
fn is_about_form(code: Code) -> bool {
    let area = code.as_str().split('/').next().unwrap_or_default();
    matches!(area, "syntax" | "limits")
}

#[cfg(test)]
mod tests;
