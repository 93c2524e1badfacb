//! What runs a Python application: an object that a server loads, or a script.

use regex_lite::Regex;

use super::{MARKS, project};
use crate::init::tree::{Tree, extension, file_name};

/// Frameworks whose application object a server loads: how it is made, what it is called, whether uvicorn serves it.
const FRAMEWORKS: [(&str, &str, bool); 8] = [
    ("FastAPI", "Python, FastAPI", true),
    ("Starlette", "Python, Starlette", true),
    ("Quart", "Python, Quart", true),
    ("Litestar", "Python, Litestar", true),
    ("Sanic", "Python, Sanic", true),
    ("BlackSheep", "Python, BlackSheep", true),
    ("Flask", "Python, Flask", false),
    ("Bottle", "Python, Bottle", false),
];
/// Scripts that are run where nothing else says what is.
const SCRIPTS: [&str; 5] = ["main.py", "app.py", "server.py", "worker.py", "__main__.py"];
/// How deep below the project's folder an application object is looked for.
const DEPTH: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) what: &'static str,
    pub(super) server: Server,
    /// The port that the source names.
    pub(super) port: Option<u16>,
    /// The file that says so.
    pub(super) source: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Server {
    /// uvicorn loads `module:object`, from a folder below where one is given.
    Asgi {
        module: String,
        factory: bool,
        folder: Option<String>,
    },
    /// gunicorn loads `module:object`.
    Wsgi { module: String },
    /// A program that installing the project makes.
    Program { name: String, others: Vec<String> },
    /// A command of plain words.
    Command(Vec<String>),
}

pub(super) fn find(tree: &Tree, folder: &str) -> Option<Entry> {
    let sources: Vec<(&str, &str)> = tree
        .below(folder)
        .into_iter()
        .filter(|(path, _)| extension(path) == "py" && path.matches('/').count() < DEPTH)
        .filter(|(path, _)| !tree.is_others(folder, path, &MARKS))
        .collect();
    procfile(tree, folder)
        .or_else(|| application(&sources))
        .or_else(|| django(tree, folder, &sources))
        .or_else(|| script(&sources))
}

/// Returns the program of a project that can be installed; the one of its own name, or the first.
pub(super) fn program(tree: &Tree, folder: &str) -> Option<Entry> {
    if !project::can_be_installed(tree, folder) {
        return None;
    }
    let mut programs = project::programs(tree, folder).into_iter();
    Some(Entry {
        what: "Python",
        server: Server::Program {
            name: programs.next()?,
            others: programs.collect(),
        },
        port: None,
        source: "the scripts of pyproject.toml".to_owned(),
    })
}

/// Reads the `web` line of a Procfile, where it is words that need no shell.
fn procfile(tree: &Tree, folder: &str) -> Option<Entry> {
    let text = tree.text(folder, "Procfile")?;
    let line = text.lines().find_map(|line| line.strip_prefix("web:"))?;
    let needs_shell = ['$', '|', '&', ';', '<', '>', '`', '"', '\'', '\\', '{', '*'];
    if line.contains(needs_shell) || !line.trim().chars().all(|c| (' '..='~').contains(&c)) {
        return None;
    }
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let port = words.iter().find_map(|word| {
        let digits = word.rsplit([':', '=']).next()?;
        digits.parse::<u16>().ok().filter(|port| *port >= 80)
    });
    (!words.is_empty()).then(|| Entry {
        what: "Python",
        server: Server::Command(words),
        port,
        source: "Procfile".to_owned(),
    })
}

fn application(sources: &[(&str, &str)]) -> Option<Entry> {
    let object = Regex::new(
        r"(?m)^([A-Za-z_]\w*)\s*(?::\s*[\w.]+\s*)?=\s*(?:\w+\.)*(FastAPI|Starlette|Quart|Litestar|Sanic|BlackSheep|Flask|Bottle)\(",
    )
    .ok()?;
    let factory = Regex::new(
        r"(?m)^def (create_app|make_app|get_app|app_factory)\([^)]*\)[^\n]*\n(?:[ \t]*[^\n]*\n)*?[ \t]+[^\n]*\b(FastAPI|Starlette|Quart|Litestar|Sanic|BlackSheep|Flask)\(",
    )
    .ok()?;
    let found = |pattern: &Regex| {
        sources.iter().find_map(|(path, text)| {
            let captured = pattern.captures(text)?;
            let word = |at| captured.get(at).map(|it| it.as_str().to_owned());
            Some((*path, *text, word(1)?, word(2)?))
        })
    };
    if let Some((path, text, name, framework)) = found(&object) {
        return loaded(path, text, &name, &framework, false);
    }
    let (path, text, name, framework) = found(&factory)?;
    loaded(path, text, &name, &framework, true)
}

fn loaded(path: &str, text: &str, name: &str, framework: &str, factory: bool) -> Option<Entry> {
    let (_, what, asgi) = FRAMEWORKS.iter().find(|it| it.0 == framework)?;
    let (folder, inner) = match path.strip_prefix("src/") {
        Some(inner) if *asgi => (Some("src".to_owned()), inner),
        _ => (None, path),
    };
    let module = module(inner)?;
    let server = if *asgi {
        let module = format!("{module}:{name}");
        Server::Asgi {
            module,
            factory,
            folder,
        }
    } else {
        let call = if factory { "()" } else { "" };
        Server::Wsgi {
            module: format!("{module}:{name}{call}"),
        }
    };
    Some(Entry {
        what,
        server,
        port: port(text),
        source: path.to_owned(),
    })
}

fn django(tree: &Tree, folder: &str, sources: &[(&str, &str)]) -> Option<Entry> {
    if !tree.has(folder, "manage.py") {
        return None;
    }
    let (path, _) = sources
        .iter()
        .find(|(path, _)| file_name(path) == "wsgi.py")?;
    Some(Entry {
        what: "Python, Django",
        server: Server::Wsgi {
            module: format!("{}:application", module(path)?),
        },
        port: None,
        source: (*path).to_owned(),
    })
}

fn script(sources: &[(&str, &str)]) -> Option<Entry> {
    let entry = |path: &str, text: &str, words: Vec<String>| Entry {
        what: "Python",
        server: Server::Command(words),
        port: port(text),
        source: path.to_owned(),
    };
    for name in SCRIPTS {
        if let Some((path, text)) = sources.iter().find(|(path, _)| *path == name) {
            return Some(entry(
                path,
                text,
                vec!["python".to_owned(), name.to_owned()],
            ));
        }
    }
    let (path, text) = sources
        .iter()
        .find(|(path, _)| path.ends_with("/__main__.py") && path.matches('/').count() == 1)?;
    let package = path.split('/').next()?;
    let words = ["python", "-m", package].map(str::to_owned).to_vec();
    Some(entry(path, text, words))
}

/// Returns the dotted name of a file, `None` where a part of it is no name of Python.
fn module(path: &str) -> Option<String> {
    let path = path.strip_suffix(".py")?;
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let is_name = |part: &str| {
        !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    path.split('/').all(is_name).then(|| path.replace('/', "."))
}

/// Returns the port that a source tells its server to listen on.
fn port(text: &str) -> Option<u16> {
    let patterns = [
        r"\b(?:run|serve)\([^)]*?\bport\s*=\s*(\d{2,5})",
        r"(?m)^PORT\s*(?::\s*int\s*)?=\s*(\d{2,5})\b",
        r#"\b(?:environ\.get|getenv)\(\s*["']PORT["']\s*,\s*["']?(\d{2,5})"#,
        r#"\b(?:HTTPServer|ThreadingHTTPServer|TCPServer)\(\s*\(\s*["'][^"']*["']\s*,\s*(\d{2,5})"#,
    ];
    patterns.iter().find_map(|pattern| {
        let captured = Regex::new(pattern).ok()?.captures(text)?;
        captured.get(1)?.as_str().parse().ok()
    })
}
