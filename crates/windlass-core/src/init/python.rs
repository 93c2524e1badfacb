//! Python applications: their requirements, what serves them, and on which port.

mod entry;
mod requirements;

use regex_lite::Regex;

use crate::init::tree::Tree;
use crate::init::{Found, FoundImage, LeftOut, Setting};
use entry::{Entry, Server};
use requirements::Requirements;

/// Files that make a folder a Python project.
pub(super) const MARKS: [&str; 7] = [
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "Pipfile.lock",
    "poetry.lock",
    "uv.lock",
    "setup.py",
];
const PATTERN: &str = "python@1";
/// The minor of Python 3 that the pattern takes by itself.
const MINOR: u32 = 12;

pub(super) fn look(tree: &Tree, folder: &str) -> Found {
    let mut found = Found::default();
    let requirements = requirements::find(tree, folder);
    if tree.first(folder, &MARKS).is_none() && requirements.is_none() {
        return found;
    }
    let entry = entry::find(tree, folder);
    if entry.is_none() && requirements.is_none() && !is_application(tree, folder) {
        let why = if has_scripts(tree, folder) {
            "its entry point is a script of pyproject.toml, which is there only where the project itself is installed; python@1 installs requirements and copies the tree: give it a main.py, or use a Dockerfile"
        } else {
            "a Python project without an entry point: a library, or tools"
        };
        found.left_out.push(LeftOut {
            path: folder.to_owned(),
            why: why.to_owned(),
        });
        return found;
    }
    found.images.push(image(tree, folder, entry, requirements));
    found
}

/// Says whether a project without requirements files and entry point still looks like something that runs.
fn is_application(tree: &Tree, folder: &str) -> bool {
    tree.has(folder, "Procfile")
}

fn has_scripts(tree: &Tree, folder: &str) -> bool {
    let text = tree.text(folder, "pyproject.toml").unwrap_or_default();
    let is_table =
        |line: &str| matches!(line.trim(), "[project.scripts]" | "[tool.poetry.scripts]");
    text.lines().any(is_table)
}

fn image(
    tree: &Tree,
    folder: &str,
    entry: Option<Entry>,
    requirements: Option<Requirements>,
) -> FoundImage {
    let what = entry.as_ref().map_or("Python", |entry| entry.what);
    let mut image = FoundImage::new(what, folder, Some(PATTERN));
    version(tree, folder, &mut image);
    let names = requirements
        .as_ref()
        .map(|it| it.names.clone())
        .unwrap_or_default();
    match entry {
        Some(entry) => serve(&entry, &names, requirements.is_some(), &mut image),
        None => image.obstacles.push(
            "no entry point was found: no ASGI or Flask application, no manage.py, main.py or Procfile; write `app` or `command` under `with`".to_owned(),
        ),
    }
    match requirements {
        Some(requirements) => install(requirements, &mut image),
        None => image.obstacles.push(export(tree, folder)),
    }
    image
}

/// Says how dependencies become the requirements file that the pattern installs from.
fn export(tree: &Tree, folder: &str) -> String {
    let (who, command) = if tree.has(folder, "uv.lock") {
        (
            "uv",
            "uv export --no-dev --no-emit-project --output-file requirements.txt",
        )
    } else if tree.has(folder, "poetry.lock") {
        (
            "Poetry",
            "poetry export --without-hashes --output requirements.txt",
        )
    } else if tree.has(folder, "Pipfile.lock") || tree.has(folder, "Pipfile") {
        ("Pipenv", "pipenv requirements > requirements.txt")
    } else {
        (
            "pyproject.toml or setup.py",
            "uv pip compile pyproject.toml --output-file requirements.txt",
        )
    };
    format!(
        "dependencies are kept by {who}, and {PATTERN} installs from requirements files; make one in {folder}, commit it, and take the comment marks away: {command}"
    )
}

fn install(requirements: Requirements, image: &mut FoundImage) {
    if requirements.files != ["requirements.txt"] {
        image
            .settings
            .push(Setting::texts("requirements", &requirements.files, ""));
    }
    if let Some(line) = requirements.local {
        image.obstacles.push(format!(
            "`{line}` in a requirements file installs from the tree, and {PATTERN} copies the tree after it installs; publish that package, or use a Dockerfile"
        ));
    }
    for (name, run, build) in requirements::NATIVE {
        if requirements.names.iter().any(|it| it == name) {
            let why = format!("for {name}");
            image.settings.push(Setting::texts("packages", run, &why));
            image
                .settings
                .push(Setting::texts("build_packages", build, why));
        }
    }
}

fn version(tree: &Tree, folder: &str, image: &mut FoundImage) {
    let (minor, why) = if let Some((minor, file)) = stated_minor(tree, folder) {
        (minor, format!("from {file}"))
    } else {
        let unknown = "the Python version: nothing in the tree states one";
        image.unknown.push(unknown.to_owned());
        (
            MINOR,
            "not stated in the tree: the pattern's own".to_owned(),
        )
    };
    image
        .settings
        .push(Setting::new(format!("version \"3.{minor}\""), why));
}

fn stated_minor(tree: &Tree, folder: &str) -> Option<(u32, &'static str)> {
    let exact = |text: &str| number(text, r"(?m)^\s*(?:python-|cpython-)?3\.(\d+)");
    for file in [".python-version", "runtime.txt"] {
        if let Some(minor) = tree.above(folder, file).and_then(exact) {
            return Some((minor, file));
        }
    }
    let project = tree.text(folder, "pyproject.toml")?;
    let range = Regex::new(r#"(?m)^\s*(?:requires-python|python)\s*=\s*"([^"\n]+)""#).ok()?;
    let range = range.captures(project)?.get(1)?.as_str();
    let low = number(range, r"(?:>=|~=|==|\^|~)\s*3\.(\d+)")?;
    let below = number(range, r"<\s*3\.(\d+)").map_or(u32::MAX, |minor| minor.saturating_sub(1));
    let fixed = number(range, r"(?:==|~)\s*3\.(\d+)").filter(|_| !range.contains("~="));
    let minor = fixed.unwrap_or_else(|| MINOR.max(low).min(below));
    Some((minor, "pyproject.toml"))
}

fn number(text: &str, pattern: &str) -> Option<u32> {
    let found = Regex::new(pattern).ok()?.captures(text)?;
    found.get(1)?.as_str().parse().ok()
}

/// Writes what runs the application. `names` are the packages that are installed, where `known`.
fn serve(entry: &Entry, names: &[String], known: bool, image: &mut FoundImage) {
    let has = |name: &str| names.iter().any(|it| it == name);
    let port = entry.port.unwrap_or(8000);
    let source = &entry.source;
    match &entry.server {
        Server::Asgi {
            module,
            factory,
            folder,
        } => {
            if known && !has("uvicorn") && !has("fastapi") {
                image.unknown.push(format!("what serves {source}: {PATTERN} runs uvicorn, which the requirements do not name"));
            }
            if *factory || folder.is_some() {
                let mut words = vec!["python", "-m", "uvicorn"];
                if let Some(folder) = folder {
                    words.extend(["--app-dir", folder]);
                }
                if *factory {
                    words.push("--factory");
                }
                let port = port.to_string();
                words.extend([module, "--host", "0.0.0.0", "--port", &port]);
                image
                    .settings
                    .push(Setting::texts("command", words, format!("from {source}")));
            } else {
                image
                    .settings
                    .push(Setting::texts("app", [module], format!("from {source}")));
            }
        }
        Server::Wsgi { module } => {
            let bind = format!("0.0.0.0:{port}");
            if known && !has("gunicorn") {
                image.unknown.push(format!("what serves {source}: gunicorn is assumed, and the requirements do not name it; add it"));
            }
            let words = ["gunicorn", "--bind", &bind, module];
            image
                .settings
                .push(Setting::texts("command", words, format!("from {source}")));
        }
        Server::Command(words) => {
            image
                .settings
                .push(Setting::texts("command", words, format!("from {source}")));
        }
    }
    port_line(entry, image);
}

fn port_line(entry: &Entry, image: &mut FoundImage) {
    match (&entry.server, entry.port) {
        (_, Some(port)) => image.settings.push(Setting::new(
            format!("port {port}"),
            format!("from {}", entry.source),
        )),
        (Server::Command(_), None) => image
            .unknown
            .push("the port, if it listens on one: add `port NUMBER`".to_owned()),
        (_, None) => image.settings.push(Setting::new(
            "port 8000",
            "what the server is told to listen on",
        )),
    }
}
