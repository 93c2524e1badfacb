//! The packs that windlass ships, held against the catalogue. Their cases are run by `windlass policy test` (crates/windlass/tests).

mod common;

use std::fmt::Write as _;

use windlass_core::diag::Source;
use windlass_core::diag::text::render_plain;
use windlass_core::finding::Level;
use windlass_policy::pack::read_pack;
use windlass_policy::rule::{Check, Profile, Rule};
use windlass_policy::rules::RULES;
use windlass_policy::shipped::PACKS;

/// `INSTA_UPDATE=always` writes the list of rules anew.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the way to write snapshots anew is the one of insta"
)]
fn packs_hold_their_rules() {
    for (name, text) in PACKS {
        let begin = text.find("// rules:").expect("a list of rules");
        let begin = begin + text[begin..].find('\n').expect("a line") + 1;
        let end = text.find("// end of rules").expect("the end of the list");
        let wanted = format!("{}{}{}", &text[..begin], list(name), &text[end..]);
        if wanted != text {
            if std::env::var("INSTA_UPDATE").is_ok_and(|it| it == "always") {
                let path = common::root().join(format!("policies/{name}.kdl"));
                std::fs::write(path, &wanted).expect("the pack is written");
            }
            panic!(
                "policies/{name}.kdl does not hold the rules of the catalogue; run with INSTA_UPDATE=always"
            );
        }
    }
}

fn list(pack: &str) -> String {
    let mut text = String::new();
    for rule in RULES {
        if let Some(level) = level(pack, rule).filter(|it| *it != Level::Off) {
            let _ = writeln!(
                text,
                "rule \"{}\" {{ level \"{}\" }}",
                rule.id,
                level.as_str()
            );
        }
    }
    text
}

fn level(pack: &str, rule: &Rule) -> Option<Level> {
    match pack {
        "baseline" => Some(rule.level_in(Profile::Baseline)),
        "hardened" => Some(rule.level_in(Profile::Hardened)),
        "cis-docker" => rule
            .aliases
            .iter()
            .any(|it| it.starts_with("CIS-DI"))
            .then(|| rule.level_in(Profile::All)),
        _ => matches!(rule.check, Check::Repository(_))
            .then(|| rule.level_in(Profile::All))
            .filter(|_| rule.id.starts_with("ecr-")),
    }
}

#[test]
fn packs_are_read() {
    for (name, text) in PACKS {
        let (pack, diagnostics) = read_pack(&Source::new(format!("policies/{name}.kdl"), text));
        assert_eq!(render_plain(&diagnostics), "");
        let pack = pack.expect("a pack");
        assert_eq!(pack.name.value, name);
        assert!(
            pack.cases.iter().any(|it| it.expect.is_empty()),
            "{name}: no passing case"
        );
        assert!(
            pack.cases.iter().any(|it| !it.expect.is_empty()),
            "{name}: no failing case"
        );
    }
}
