//! Python applications: their requirements, what serves them, and on which port.

mod entry;
mod project;
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
    let entry = entry::find(tree, folder).or_else(|| entry::program(tree, folder));
    let runs = entry.is_some() || tree.has(folder, "Procfile");
    let is_plain = requirements.as_ref().is_some_and(|it| it.from.is_none());
    if !runs && !is_plain {
        found.left_out.push(LeftOut {
            path: folder.to_owned(),
            why: "a Python project without an entry point: a library, or tools".to_owned(),
        });
        return found;
    }
    found.images.push(image(tree, folder, entry, requirements));
    found
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
        Some(entry) => {
            let known = requirements
                .as_ref()
                .is_some_and(|it| it.from != Some("pyproject.toml"));
            serve(&entry, &names, known, &mut image);
        }
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

/// Says how dependencies become something that the pattern installs from.
fn export(tree: &Tree, folder: &str) -> String {
    let has = |names: &[&str]| tree.first(folder, names).is_some();
    let to = |command: &str| {
        format!(
            "{PATTERN} installs from requirements files, uv.lock, poetry.lock or the [project] table of pyproject.toml; make one in {folder}, commit it, and take the comment marks away: {command}"
        )
    };
    if let Some(root) = project::member_of(tree, folder) {
        return format!(
            "it is a member of the uv workspace of {root}, whose uv.lock lies outside the build context {folder}; {}",
            to(&format!(
                "uv export --no-dev --no-emit-workspace --output-file requirements.txt (in {folder})"
            ))
        );
    }
    if has(&["Pipfile", "Pipfile.lock"]) {
        return to("pipenv requirements > requirements.txt");
    }
    if has(&["pdm.lock"]) {
        return to("pdm export --prod --output requirements.txt");
    }
    let text = tree.text(folder, "pyproject.toml").unwrap_or_default();
    if text.contains("[tool.poetry") {
        return to("poetry lock");
    }
    let project = tree.first(folder, &["pyproject.toml"]);
    to(&format!(
        "uv pip compile {} --output-file requirements.txt",
        project.unwrap_or("setup.py")
    ))
}

fn install(requirements: Requirements, image: &mut FoundImage) {
    if let Some(from) = requirements.from {
        image.settings.push(Setting::texts(
            "dependencies_from",
            [from],
            "exported in a stage of its own",
        ));
        if from == "pyproject.toml" {
            image.unknown.push("the versions of its dependencies: no lock file states them, run `uv lock` to have one (then dependencies_from \"uv.lock\")".to_owned());
        }
    } else if requirements.files != ["requirements.txt"] {
        image
            .settings
            .push(Setting::texts("requirements", &requirements.files, ""));
    }
    if let Some(line) = requirements.local {
        image.obstacles.push(format!(
            "`{line}` is installed from the tree, and {PATTERN} copies the tree after it installs; publish that package, or use a Dockerfile"
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
        Server::Program { name, others } => {
            image
                .settings
                .push(Setting::texts("command", [name], format!("from {source}")));
            image.settings.push(Setting::new(
                "project #true",
                "installing the project makes the program",
            ));
            if !others.is_empty() {
                image.unknown.push(format!(
                    "which program is meant: the project also has {}",
                    others.join(", ")
                ));
            }
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
        (Server::Command(_) | Server::Program { .. }, None) => image
            .unknown
            .push("the port, if it listens on one: add `port NUMBER`".to_owned()),
        (_, None) => image.settings.push(Setting::new(
            "port 8000",
            "what the server is told to listen on",
        )),
    }
}
