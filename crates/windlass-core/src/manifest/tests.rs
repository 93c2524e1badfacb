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
