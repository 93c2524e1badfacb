//! Reading, resolving and formatting any bytes: no panic, no place outside of the text, formatting twice is formatting once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass_core::diag::{Source, has_errors, text};
use windlass_core::editor::{Editor, definitions};
use windlass_core::format::format;
use windlass_core::manifest::model::Registry;
use windlass_core::manifest::{ResolveInputs, load, shape};
use windlass_core::node::source_from_bytes;

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = source_from_bytes("windlass.kdl", bytes.to_vec()) else {
        return;
    };
    let host = |registry: &Registry| registry.account.clone();
    let (workspace, diagnostics) = load(&source, &ResolveInputs::new(&host));
    assert_eq!(workspace.is_none(), has_errors(&diagnostics));
    for label in diagnostics.iter().flat_map(|it| &it.labels) {
        let text = &label.location.source.text;
        assert!(text.get(label.location.span.clone()).is_some(), "{label:?}");
    }
    // Most of the time would go into drawing: one text in sixteen is drawn, always the same ones.
    if bytes.iter().fold(0_u8, |sum, it| sum.wrapping_add(*it)) & 15 == 0 {
        drop(text::render_text(&diagnostics, false, 100));
    }
    if let Ok(once) = format(&source) {
        let twice = format(&Source::new("windlass.kdl", once.clone())).expect("can be read again");
        assert_eq!(once, twice);
    }
    // The editor's side, at one place of the text.
    let text = &source.text;
    let mut offset = bytes.first().map_or(0, |it| usize::from(*it)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    thread_local! {
        static SHAPE: windlass_core::node::shape::Shape = shape();
    }
    SHAPE.with(|shape| {
        let definitions = definitions("windlass.kdl", text, shape);
        let editor = Editor { text, shape, definitions: &definitions };
        drop(editor.complete(offset));
        drop(editor.hover(offset));
        drop(editor.definition(offset).cloned());
    });
});
