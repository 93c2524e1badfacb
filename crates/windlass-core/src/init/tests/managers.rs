//! uv, Poetry, pnpm, Yarn and workspaces: what the patterns install from, and what is said where they cannot.

use super::{found, images};

const MAIN: (&str, &str) = ("main.py", "print(1)\n");

/// Returns what is said of each image that cannot be built as it is.
fn obstacles(files: &[(&str, &str)]) -> String {
    let said: Vec<String> = found(files)
        .images
        .iter()
        .map(|it| format!("{}: {}", it.name, it.obstacles.join(" | ")))
        .collect();
    said.join("\n")
}

#[test]
fn uv_and_poetry_are_exported_in_the_build() {
    let text = images(&[
        (
            "jobs/pyproject.toml",
            "[project]\nname = \"jobs\"\nrequires-python = \">=3.13\"\n",
        ),
        (
            "jobs/uv.lock",
            "[[package]]\nname = \"jobs\"\nsource = { virtual = \".\" }\n[[package]]\nname = \"psycopg2\"\n",
        ),
        ("jobs/main.py", "print(1)\n"),
        (
            "web/pyproject.toml",
            "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = \"^3.11\"\n",
        ),
        ("web/poetry.lock", "[[package]]\nname = \"uvicorn\"\n"),
        ("web/main.py", "app = FastAPI()\n"),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn a_project_without_a_lock_file_is_installed_and_said_to_be_unlocked() {
    let text = images(&[
        (
            "pyproject.toml",
            "[project]\nname = \"job\"\ndependencies = [\"httpx\"]\n",
        ),
        MAIN,
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn a_program_of_a_project_is_installed_and_started() {
    let project = "[project]\nname = \"job\"\ndependencies = []\n[project.scripts]\nclean = \"job:clean\"\njob = \"job:main\"\n";
    let built = format!("{project}[build-system]\nrequires = [\"hatchling\"]\n");
    let text = images(&[("pyproject.toml", &built), ("uv.lock", "")]);
    insta::assert_snapshot!(text);
    for (text, why) in [
        (project, "a library, or tools"),
        ("[project]\nname = \"job\"\n", "a library, or tools"),
    ] {
        let found = found(&[("pyproject.toml", text)]);
        assert_eq!(found.images, []);
        assert!(found.left_out[0].why.contains(why));
    }
}

#[test]
fn pnpm_and_yarn_install_from_their_lock_files() {
    let text = images(&[
        (
            "a/package.json",
            r#"{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "1"}, "packageManager": "pnpm@9.1.0+sha512.0"}"#,
        ),
        ("a/pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
        ("b/package.json", r#"{"scripts": {"start": "node b.js"}}"#),
        ("b/pnpm-lock.yaml", "lockfileVersion: '6.0'\n"),
        (
            "c/package.json",
            r#"{"scripts": {"start": "node c.js"}, "dependencies": {"x": "1"}}"#,
        ),
        ("c/yarn.lock", "# yarn lockfile v1\n"),
        ("d/package.json", r#"{"scripts": {"start": "node d.js"}}"#),
        ("d/yarn.lock", "__metadata:\n  version: 8\n"),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn members_of_a_workspace_are_built_from_its_root() {
    let member = |name: &str, rest: &str| format!(r#"{{"name": "{name}", "private": true{rest}}}"#);
    let api = member(
        "api",
        r#", "scripts": {"start": "next start"}, "dependencies": {"money": "*"}"#,
    );
    let money = member("money", r#", "main": "index.js""#);
    for (root, other) in [
        (
            (
                "package.json",
                r#"{"workspaces": ["apps/*", "libs/**", "!apps/old"]}"#,
            ),
            ("package-lock.json", "{}"),
        ),
        (
            (
                "pnpm-workspace.yaml",
                "packages:\n  - 'apps/*'\n  - libs/**\n  - '!apps/old'\n",
            ),
            ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
        ),
    ] {
        let files = [
            ("package.json", "{}"),
            root,
            other,
            ("apps/api/package.json", &api),
            ("apps/api/index.js", ""),
            ("libs/money/package.json", &money),
            ("libs/money/index.js", ""),
            ("apps/old/package.json", &api),
        ];
        let title = format!("workspace-with-{}", other.0);
        insta::assert_snapshot!(title, images(&files));
    }
}

#[test]
fn what_the_patterns_cannot_install_is_said_with_what_to_type() {
    insta::assert_snapshot!(obstacles(&[
        ("a/package.json", r#"{"scripts": {"start": "node a.js"}}"#),
        ("a/bun.lock", ""),
        (
            "b/package.json",
            r#"{"scripts": {"start": "node b.js"}, "packageManager": "yarn@4.1.0"}"#,
        ),
        ("c/package.json", r#"{"scripts": {"start": "node c.js"}}"#),
        (
            "d/package.json",
            r#"{"scripts": {"start": "node d.js"}, "packageManager": "yarn@3.2.0"}"#,
        ),
        ("d/yarn.lock", "__metadata:\n  version: 6\n"),
        ("e/package.json", r#"{"scripts": {"start": "node e.js"}}"#),
        ("e/yarn.lock", "__metadata:\n  version: 77\n"),
        ("f/setup.py", ""),
        ("f/main.py", ""),
        ("g/Pipfile", ""),
        ("g/app.py", ""),
        ("h/pyproject.toml", "[tool.poetry]\nname = \"h\"\n"),
        ("h/app.py", ""),
        ("i/pyproject.toml", "[project]\nname = \"i\"\n"),
        ("i/uv.lock", "source = { editable = \"../lib\" }\n"),
        ("i/app.py", ""),
        (
            "j/pyproject.toml",
            "[tool.uv.workspace]\nmembers = [\"k\"]\n"
        ),
        ("j/uv.lock", ""),
        ("j/k/pyproject.toml", "[project]\ndependencies = []\n"),
        ("j/k/app.py", ""),
        ("l/pdm.lock", ""),
        ("l/pyproject.toml", "[project]\ndependencies = []\n"),
        ("l/app.py", ""),
    ]));
    assert!(obstacles(&[MAIN]).is_empty());
}
