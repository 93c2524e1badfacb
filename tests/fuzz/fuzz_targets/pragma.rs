//! Reading any text as a Dockerfile with comments for windlass and other tools, asking every rule, writing every format and making
//! every fix: no panic, no place outside of the text, and fixes that fit together.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use windlass_core::diag::Source;
use windlass_core::name::Day;
use windlass_policy::evaluate::{Subjects, evaluate};
use windlass_policy::fix::apply_fixes;
use windlass_policy::force::Policies;
use windlass_policy::output;
use windlass_policy::rule::Profile;
use windlass_policy::subject::ImageSubject;

fn policies() -> &'static Policies {
    static POLICIES: OnceLock<Policies> = OnceLock::new();
    POLICIES.get_or_init(|| {
        let mut policies = Policies::new(Profile::All, Day::parse("2026-11-24").expect("a day"));
        policies.is_whole = true;
        policies
    })
}

fuzz_target!(|text: &str| {
    let source = Source::new("Dockerfile", text);
    let subjects = Subjects {
        images: vec![ImageSubject::of_text(&source)],
        ..Subjects::default()
    };
    let found = evaluate(&subjects, policies());
    for it in &found {
        let places = it.labels.iter().map(|label| &label.location);
        for place in it.place.iter().chain(places) {
            let text = &place.source.text;
            assert!(text.get(place.span.clone()).is_some(), "{}", it.finding.rule);
        }
    }
    drop(output::sarif::render(&found, "0"));
    drop(output::text::render(&found, false, 80));
    let fixes = found.iter().filter_map(|it| it.fix.as_ref());
    let (fixed, made) = apply_fixes(text, fixes);
    assert!(made > 0 || fixed == text);
});
