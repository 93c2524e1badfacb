//! Secrets in Dockerfiles are not shown: what is drawn of one is a copy with stars.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use windlass_core::diag::{Diagnostic, Source};
use windlass_core::dockerfile::{mask, parse};
use windlass_core::secret;

use crate::rules::credentials::credentials;

/// Returns a Dockerfile of the same length that shows no secret: what the core stars, and what the rules take for a credential.
pub(crate) fn masked(source: &Arc<Source>) -> Arc<Source> {
    let starred = mask::masked(source);
    let found = credentials(&parse(source).0);
    if found.is_empty() {
        return starred;
    }
    let found: Vec<_> = found.iter().map(|it| it.start..it.end).collect();
    Source::new(source.name.clone(), secret::mask(&starred.text, &found))
}

/// Returns diagnostics that show no secret of a Dockerfile. Manifests are masked where they are read.
pub fn without_secrets(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut known: Vec<(Arc<Source>, Arc<Source>)> = Vec::new();
    let mut shown = diagnostics.to_vec();
    for label in shown.iter_mut().flat_map(|it| &mut it.labels) {
        let source = &mut label.location.source;
        let is_manifest = Path::new(&source.name).extension() == Some(OsStr::new("kdl"));
        if is_manifest {
            continue;
        }
        if !known.iter().any(|(it, _)| Arc::ptr_eq(it, source)) {
            known.push((Arc::clone(source), masked(source)));
        }
        let mask = known.iter().find(|(it, _)| Arc::ptr_eq(it, source));
        *source = Arc::clone(&mask.expect("it was added").1);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_core::diag::text::render_text;

    #[test]
    fn the_lines_around_a_mistake_show_no_secret() {
        let source = Source::new("Dockerfile", "ENV API_TOKEN=hunter2\nFROMM x\n");
        let (_, problems) = parse(&source);
        assert!(render_text(&problems, false, 100).contains("hunter2"));
        let shown = render_text(&without_secrets(&problems), false, 100);
        assert!(shown.contains("ENV API_TOKEN=*******"), "{shown}");
    }
}
