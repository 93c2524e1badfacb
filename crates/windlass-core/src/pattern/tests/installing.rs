//! Other files than requirements, other managers than npm, and workspaces.

use super::{With, dockerfile, good, messages};

#[test]
fn requirements_are_written_from_a_lock_file_in_a_stage_of_their_own() {
    let uv = With::default()
        .text("dependencies_from", &["uv.lock"])
        .flag("project")
        .text("ca_bundle", &["corp.pem"]);
    insta::assert_snapshot!("python@1-uv", dockerfile("python", &uv));
    let poetry = With::default()
        .text("dependencies_from", &["poetry.lock"])
        .text("build_packages", &["gcc"]);
    insta::assert_snapshot!("python@1-poetry", dockerfile("python", &poetry));
    let plain = With::default()
        .text("dependencies_from", &["pyproject.toml"])
        .text("exporter_version", &["0.12.0"]);
    let rendered = good("python", &plain);
    assert!(rendered.dockerfile.contains("uv==0.12.0 &&"));
    assert_eq!(rendered.expects, ["pyproject.toml"]);
    assert_eq!(
        good("python", &uv).expects,
        ["pyproject.toml", "uv.lock", "corp.pem"]
    );
}

#[test]
fn pnpm_and_yarn_install_from_their_lock_files() {
    let manager = |name: &str, version: &[&str]| {
        let with = With::default().text("manager", &[name]);
        if version.is_empty() {
            with
        } else {
            with.text("manager_version", version)
        }
    };
    insta::assert_snapshot!("node@1-pnpm", dockerfile("node", &manager("pnpm", &[])));
    insta::assert_snapshot!("node@1-yarn", dockerfile("node", &manager("yarn", &[])));
    let berry = manager("yarn", &["4.5.0"]);
    insta::assert_snapshot!("node@1-berry", dockerfile("node", &berry));
    let rendered = good("node", &berry);
    assert_eq!(rendered.expects, ["package.json", "yarn.lock"]);
    assert!(rendered.ignore.contains(&"!.yarnrc.yml*".to_owned()));
    for (name, version) in [("pnpm", &[][..]), ("yarn", &[]), ("yarn", &["4.5.0"])] {
        let built = manager(name, version).text("build", &[name, "run", "build"]);
        let text = dockerfile("node", &built);
        let title = format!("node@1-{name}-build{}", version.concat());
        insta::assert_snapshot!(title, text);
    }
}

#[test]
fn a_member_of_a_workspace_is_taken_over_with_the_members_it_uses() {
    for (manager, files) in [
        ("npm", &["package*.json"][..]),
        ("pnpm", &["package.json", "pnpm-lock.yaml"]),
        ("yarn", &["package.json", "yarn.lock"]),
    ] {
        let with = With::default()
            .text("manager", &[manager])
            .text("workspace", &["apps/api"])
            .text("package_files", files)
            .text("package_files", &["apps/api/package.json"]);
        let title = format!("node@1-workspace-{manager}");
        insta::assert_snapshot!(title, dockerfile("node", &with));
    }
    let berry = With::default()
        .text("manager", &["yarn"])
        .text("manager_version", &["4.5.0"])
        .text("workspace", &["apps/api"])
        .text("build", &["yarn", "build"]);
    insta::assert_snapshot!("node@1-workspace-berry-build", dockerfile("node", &berry));
}

#[test]
fn parameters_of_other_tools_are_refused() {
    let python = With::default()
        .text("exporter_version", &["1"])
        .text("requirements", &["r.txt"]);
    let both = With::default()
        .text("dependencies_from", &["uv.lock"])
        .text("requirements", &["r.txt"]);
    let node = With::default()
        .text("manager_version", &["9"])
        .text("workspace", &["a"])
        .text("build", &["npm", "run", "build"])
        .text("output", &["dist"]);
    let old = With::default()
        .text("manager", &["yarn"])
        .text("manager_version", &["3.8.7"]);
    let all = [
        messages("node", &old, &[]),
        messages("python", &python, &[]),
        messages("python", &both, &[]),
        messages("node", &node, &[]),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
