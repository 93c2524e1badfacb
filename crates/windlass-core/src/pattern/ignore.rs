//! Ignore lists of patterns: the seed's list for every language, then what each language leaves behind.

use super::Language;

/// Secrets, caches, version control and editor files are ignored at any depth; names that are often source when nested
/// (`build`, `dist`, `docs`, `vendor`, `coverage`, `htmlcov`, `*.md`) only at the root of the context.
const SHARED: &[&str] = &[
    "**/.git",
    "**/.gitignore",
    "**/.idea",
    "**/.vscode",
    "**/*.swp",
    "**/*.swo",
    "**/node_modules",
    "vendor",
    "**/__pycache__",
    "**/*.pyc",
    "**/.venv",
    "**/venv",
    "dist",
    "build",
    "**/*.egg-info",
    "**/.pytest_cache",
    "**/.coverage",
    "coverage",
    "htmlcov",
    "docs",
    "*.md",
    "!README.md",
    "**/.env",
    "**/.env.*",
    "**/*.pem",
    "**/*.key",
    "**/.npmrc",
    "Dockerfile*",
    "docker-compose*",
    ".docker",
    ".dockerignore",
    ".github",
    ".gitlab-ci.yml",
    "Jenkinsfile",
    "**/.DS_Store",
    "**/Thumbs.db",
    "**/*.log",
];

const PYTHON: &[&str] = &[
    "**/*.pyo",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/.tox",
    "**/.nox",
    "**/.hypothesis",
    "**/.ipynb_checkpoints",
    "**/.pypirc",
];

const GO: &[&str] = &["**/*.test", "**/*.prof", "**/.netrc"];

const NODE: &[&str] = &[
    "**/.npm",
    "**/.yarnrc*",
    "**/.eslintcache",
    "**/.nyc_output",
    "**/*.tsbuildinfo",
    "**/npm-debug.log*",
];

/// Returns the ignore lines of a language. `vendored` says that Go's dependencies lie in `vendor`, which then is source.
pub(super) fn lines(language: Language, vendored: bool) -> Vec<String> {
    let own = match language {
        Language::Python => PYTHON,
        Language::Go => GO,
        Language::Node => NODE,
    };
    SHARED
        .iter()
        .chain(own)
        .filter(|&&line| !(vendored && line == "vendor"))
        .map(|&line| line.to_owned())
        .collect()
}
