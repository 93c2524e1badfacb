//! Colours by meaning, in one place. Everything that a colour says, a symbol or a word says as well.

use crate::plan::{ImageAction, RepositoryAction, TagAction};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it is.
    Plain,
    /// Something new.
    Create,
    /// Something changes.
    Change,
    /// Something goes.
    Remove,
    /// It cannot be done.
    Blocked,
    /// It is not known.
    Unknown,
    /// Of little interest.
    Quiet,
    /// A name or heading.
    Strong,
}

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Whether to paint.
    pub(super) color: bool,
}

impl Style {
    /// Returns `text` in the colour of its meaning.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => "",
            Tone::Create => "32",
            Tone::Change => "33",
            Tone::Remove => "31",
            Tone::Blocked => "1;31",
            Tone::Unknown => "35",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        if !self.color || code.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Returns symbol and meaning of an image's action.
pub(super) fn image_mark(action: ImageAction) -> (&'static str, Tone) {
    match action {
        ImageAction::Build | ImageAction::Push | ImageAction::Restore | ImageAction::Copy => {
            ("+", Tone::Create)
        }
        ImageAction::Retag => ("~", Tone::Change),
        ImageAction::Blocked => ("!", Tone::Blocked),
        ImageAction::Unknown => ("?", Tone::Unknown),
        ImageAction::None => ("=", Tone::Quiet),
    }
}

/// Returns symbol and meaning of a repository's action.
pub(super) fn repository_mark(action: RepositoryAction) -> (&'static str, Tone) {
    match action {
        RepositoryAction::Create => ("+", Tone::Create),
        RepositoryAction::Update => ("~", Tone::Change),
        RepositoryAction::Delete => ("-", Tone::Remove),
        RepositoryAction::Blocked => ("!", Tone::Blocked),
        RepositoryAction::Unknown => ("?", Tone::Unknown),
        RepositoryAction::None => ("=", Tone::Quiet),
    }
}

/// Returns symbol and meaning of a tag's action.
pub(super) fn tag_mark(action: TagAction) -> (&'static str, Tone) {
    match action {
        TagAction::Create => ("+", Tone::Create),
        TagAction::Move => ("~", Tone::Change),
        TagAction::Blocked => ("!", Tone::Blocked),
        TagAction::Unknown => ("?", Tone::Unknown),
        TagAction::None => ("=", Tone::Quiet),
    }
}

/// Returns the meaning of a line of a unified diff.
pub(super) fn diff_tone(line: &str) -> Tone {
    match line.as_bytes().first() {
        Some(b'+') => Tone::Create,
        Some(b'-') => Tone::Remove,
        Some(b'@') => Tone::Quiet,
        _ => Tone::Plain,
    }
}
