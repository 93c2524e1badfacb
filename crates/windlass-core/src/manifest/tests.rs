use super::model::*;
use super::*;
use crate::diag::text::render_plain;

const QUICKSTART: &str = include_str!("../../../../examples/quickstart/windlass.kdl");
const SHOP: &str = include_str!("../../../../examples/shop/windlass.kdl");

fn host(registry: &Registry) -> String {
    format!(
        "{}.dkr.ecr.{}.amazonaws.com",
        registry.account, registry.region
    )
}

fn inputs() -> ResolveInputs<'static> {
    ResolveInputs {
        git: GitFacts {
            sha: GitFact::Known("0123456789abcdef0123456789abcdef01234567".to_owned()),
            ..GitFacts::default()
        },
        ..ResolveInputs::new(&host)
    }
}

fn try_load(text: &str, inputs: &ResolveInputs<'_>) -> Checked<Workspace> {
    load(&Source::new("windlass.kdl", text), inputs)
}

fn good(text: &str) -> Workspace {
    let (workspace, diagnostics) = try_load(text, &inputs());
    workspace.unwrap_or_else(|| panic!("{}", render_plain(&diagnostics)))
}

#[test]
fn the_quickstart_reads_and_resolves() {
    let workspace = good(QUICKSTART);
    let image = &workspace.images[0];
    assert_eq!(image.name.as_str(), "api");
    assert_eq!(image.context, ".");
    assert_eq!(image.platforms, [crate::name::Platform::default()]);
    let target = &image.targets[0];
    assert_eq!(target.key.to_string(), "repository.api@dev");
    assert_eq!(target.tags[0].value.as_str(), "latest");
    let revision = &image.stamp.labels["org.opencontainers.image.revision"];
    assert_eq!(revision.value, "0123456789abcdef0123456789abcdef01234567");
    assert!(workspace.uses_git);
}

#[test]
fn the_shop_reads_and_resolves_without_a_word() {
    let (workspace, diagnostics) = try_load(SHOP, &inputs());
    assert_eq!(render_plain(&diagnostics), "");
    let workspace = workspace.expect("a workspace");
    assert_eq!(workspace.images.len(), 3);
    assert_eq!(workspace.repositories.len(), 3);
    let settings = &workspace.repositories[0].settings;
    assert_eq!(
        settings.lifecycle.as_ref().map(|it| it.value.len()),
        Some(1)
    );
    assert_eq!(
        settings.tags.as_ref().map(|it| it.value.except.clone()),
        Some(vec!["dev".to_owned(), "latest".to_owned()])
    );
    assert_eq!(workspace.variables[0].origin, "default");
}

/// A generator of numbers that look random and are the same in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("smaller than the limit")
    }
}

#[test]
fn damaged_manifests_are_refused_and_never_end_the_process() {
    const PIECES: &[&str] = &[
        "\"", "{", "}", "{{", "}}", "#", "\"\"\"", "=", "\n", "/*", "//", "/-", "\\", "[", "]",
        ",", ":", "'", "(", ")", "\u{202e}", "\u{200b}", "\u{e4}", "0x", "1e999", "#null",
        "| slug", "git.", "{%", "${", "\r", "\u{feff}", "-", "r\"",
    ];
    let mut noise = Noise(0x5eed);
    for round in 0..600 {
        let mut text = if round % 2 == 0 { SHOP } else { QUICKSTART }.to_owned();
        for _ in 0..=noise.below(4) {
            let mut at = noise.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            if noise.below(3) == 0 {
                let end = text[at..]
                    .char_indices()
                    .nth(noise.below(12))
                    .map_or(text.len(), |it| at + it.0);
                text.replace_range(at..end, "");
            } else {
                text.insert_str(at, PIECES[noise.below(PIECES.len())]);
            }
        }
        let (workspace, diagnostics) = try_load(&text, &inputs());
        assert_eq!(workspace.is_none(), has_errors(&diagnostics), "{text}");
        for label in diagnostics.iter().flat_map(|it| &it.labels) {
            let length = label.location.source.text.len();
            assert!(label.location.span.end <= length, "{text}\n{label:?}");
        }
        assert!(!crate::diag::text::render_text(&diagnostics, false, 80).contains('\u{0}'));
    }
}
