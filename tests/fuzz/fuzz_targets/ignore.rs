//! Reading any text as an ignore file and asking it about paths of that text: no panic, what is said about a path does not depend on how
//! it is reached, and a folder that may be skipped holds nothing that is kept.

#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass_core::context::{Ignore, IgnoreLine};

fuzz_target!(|text: &str| {
    let lines = IgnoreLine::split(".dockerignore", text);
    let count = lines.len();
    let (ignore, problems) = Ignore::new(lines, Vec::new());
    for label in problems.iter().flat_map(|it| &it.labels) {
        let text = &label.location.source.text;
        assert!(text.get(label.location.span.clone()).is_some(), "{label:?}");
    }
    let words = text.split(|c: char| c.is_whitespace() || c == '!');
    for word in words.filter(|it| !it.is_empty() && it.len() < 200).take(20) {
        let path = word.trim_matches('/');
        if path.is_empty() || path.contains("//") {
            continue;
        }
        let decision = ignore.decide(path);
        assert!(decision.line.is_none_or(|it| it < count));
        assert_eq!(decision, ignore.decide(path));
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            folder = above;
            if ignore.decide(folder).ignored && ignore.may_skip(folder) {
                assert!(decision.ignored, "{path} is kept below {folder}, which is skipped");
            }
        }
    }
});
