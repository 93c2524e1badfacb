//! `windlass init`: looks at the tree and writes a first manifest; never over one that is there.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use windlass_core::init::{
    Found, FoundImage, Place, Tree, detect, is_read, is_skipped, workspace_name, write_manifest,
};

use crate::cli::InitArgs;
use crate::commands::{Context, validate};
use crate::failure::{Exit, Failure, io};
use crate::load::MANIFEST;

/// The most files that are looked at.
const MOST_FILES: usize = 50_000;
/// The largest file whose text is read, in bytes.
const LARGEST: u64 = 512 * 1024;
/// How deep folders are looked into.
const DEEPEST: usize = 8;
/// Stands for an account that nobody gave: twelve digits that AWS uses in its own documentation.
const SOME_ACCOUNT: &str = "111122223333";
/// What windlass keeps below the workspace.
const OURS: &str = ".windlass/";

pub(crate) fn run(context: &Context<'_>, arguments: &InitArgs) -> Result<Exit, Failure> {
    let root = std::env::current_dir()
        .map_err(|error| Failure::error(format!("cannot tell the current folder: {error}")))?;
    if context.global.file.is_some() {
        return Err(Failure::error(format!(
            "init writes {MANIFEST}; `--file` has no meaning here"
        )));
    }
    let path = root.join(MANIFEST);
    if path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let folder = root
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let workspace = arguments
        .workspace
        .clone()
        .unwrap_or_else(|| workspace_name(&folder));
    let found = detect(&read_tree(&root)?, &workspace);
    if found.images.is_empty() {
        return Err(nothing(&found));
    }
    let place = place(context, arguments, workspace)?;
    write_new(&path, &write_manifest(&place, &found))?;
    let ignored = ignore(&root)?;
    context.terminal.say(&story(&place, &found, ignored));
    let exit = context.done(&format!("{MANIFEST}\n"))?;
    judge(context, &found)?;
    Ok(exit)
}

fn exists() -> Failure {
    Failure::error(format!(
        "{MANIFEST} is there already, and init never overwrites"
    ))
    .help("`windlass validate` checks it; to begin anew, move it away first")
}

fn nothing(found: &Found) -> Failure {
    let mut message = format!(
        "found no Python, Go or Node.js application and no Dockerfile here; {MANIFEST} was not written"
    );
    for it in &found.left_out {
        let _ = write!(message, "\n  {}: {}", it.path, it.why);
    }
    Failure::error(message)
        .help("run it in the folder that holds your applications, or write a manifest by hand (docs/manifest.md)")
}

fn read_tree(root: &Path) -> Result<Tree, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|error| io(&format!("cannot list {}", folder.display()), &error))?;
        for entry in entries.flatten() {
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            let path = format!("{prefix}{name}");
            if kind.is_dir() {
                if depth < DEEPEST && !is_skipped(&name) {
                    folders.push((entry.path(), format!("{path}/"), depth + 1));
                }
            } else if kind.is_file() {
                let text = is_read(&path).then(|| text(&entry.path())).flatten();
                files.push((path, text));
            }
            if files.len() > MOST_FILES {
                return Err(
                    Failure::error(format!("there are more than {MOST_FILES} files here"))
                        .help("run it in the folder that holds your applications"),
                );
            }
        }
    }
    Ok(Tree::new(files))
}

fn text(path: &Path) -> Option<String> {
    let size = std::fs::metadata(path).ok()?.len();
    (size <= LARGEST).then(|| std::fs::read_to_string(path).ok())?
}

/// Settles account and region: as given, from the environment, as answered, or a placeholder.
fn place(context: &Context<'_>, arguments: &InitArgs, workspace: String) -> Result<Place, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (mut region, mut region_why) = match &arguments.region {
        Some(region) => (region.clone(), String::new()),
        None => ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .into_iter()
            .find_map(|name| Some((variable(name)?, format!("from {name}"))))
            .unwrap_or_else(|| ("us-east-1".to_owned(), "not known: write yours".to_owned())),
    };
    let (mut account, mut account_why) = match &arguments.account {
        Some(account) => (account.clone(), String::new()),
        None => (SOME_ACCOUNT.to_owned(), "not known: write yours".to_owned()),
    };
    if context.terminal.can_ask() {
        ask(context, "AWS account", &mut account, &mut account_why)?;
        ask(context, "AWS region", &mut region, &mut region_why)?;
    }
    Ok(Place {
        workspace,
        account,
        account_why,
        region,
        region_why,
    })
}

/// Asks for a value that nobody gave; an empty answer leaves it.
fn ask(
    context: &Context<'_>,
    what: &str,
    value: &mut String,
    why: &mut String,
) -> Result<(), Failure> {
    if why.is_empty() {
        return Ok(());
    }
    let answer = context.terminal.answer(&format!("{what} [{value}]:"))?;
    if !answer.is_empty() {
        *value = answer;
        why.clear();
    }
    Ok(())
}

/// Writes a file that must not be there; nobody who made one in the meantime loses it.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let what = format!("cannot write {}", path.display());
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = match opened {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists()),
        opened => opened.map_err(|error| io(&what, &error))?,
    };
    file.write_all(text.as_bytes())
        .map_err(|error| io(&what, &error))
}

/// Adds `.windlass/` to .gitignore, which is made where it is not there; says whether it did.
fn ignore(root: &Path) -> Result<bool, Failure> {
    let path = root.join(".gitignore");
    let held = match std::fs::read_to_string(&path) {
        Ok(held) => held,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(io("cannot read .gitignore", &error)),
    };
    let is_ours = |line: &str| matches!(line.trim().trim_start_matches('/'), ".windlass" | OURS);
    if held.lines().any(is_ours) {
        return Ok(false);
    }
    let gap = if held.is_empty() || held.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(format!("{gap}{OURS}\n").as_bytes()))
        .map_err(|error| io("cannot write .gitignore", &error))?;
    Ok(true)
}

/// Says what was found, what could not be known, and what was left out.
fn story(place: &Place, found: &Found, ignored: bool) -> String {
    let mut text = "Found\n".to_owned();
    let width = found
        .images
        .iter()
        .map(|it| it.name.len())
        .max()
        .unwrap_or(0);
    for image in &found.images {
        let _ = writeln!(text, "  {:width$}  {}", image.name, summary(image));
    }
    let mut unknown: Vec<String> = [
        ("account", &place.account_why),
        ("region", &place.region_why),
    ]
    .into_iter()
    .filter(|(_, why)| why.starts_with("not known"))
    .map(|(what, _)| format!("the {what} of registry main: a placeholder stands there"))
    .collect();
    unknown.extend(found.images.iter().flat_map(|image| {
        let about = |it: &String| format!("{}: {it}", image.name);
        image.unknown.iter().map(about)
    }));
    section(&mut text, "Not known", &unknown);
    let held: Vec<String> = found
        .images
        .iter()
        .flat_map(|image| {
            image
                .obstacles
                .iter()
                .map(|it| format!("{}: {it}", image.name))
        })
        .collect();
    section(
        &mut text,
        "Written as comments, because they cannot be built as they are",
        &held,
    );
    let left: Vec<String> = found
        .left_out
        .iter()
        .map(|it| format!("{}: {}", it.path, it.why))
        .collect();
    section(&mut text, "Left out", &left);
    let gitignore = if ignored {
        format!(", {OURS} added to .gitignore")
    } else {
        String::new()
    };
    let _ = writeln!(text, "\n{MANIFEST} written{gitignore}.");
    text
}

fn summary(image: &FoundImage) -> String {
    let folder = if image.context == "." {
        "this folder"
    } else {
        &image.context
    };
    let pattern = image.pattern.map_or(String::new(), |it| format!(", {it}"));
    let held = if image.is_ready() {
        ""
    } else {
        " (a comment for now)"
    };
    format!("{folder}: {}{pattern}{held}", image.what)
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{title}");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

/// Checks what was written as `validate` does; says what to type next.
fn judge(context: &Context<'_>, found: &Found) -> Result<(), Failure> {
    let (diagnostics, _) = validate::check(context)?;
    context.terminal.show(&diagnostics);
    let next = if windlass_core::diag::has_errors(&diagnostics) {
        "It needs a hand before it is valid: see above, then run: windlass validate\n"
    } else if found.images.iter().any(FoundImage::is_ready) {
        "Next: windlass validate, then windlass --local plan\n"
    } else {
        "Next: do what stands above, take the comment marks away in windlass.kdl, then run: windlass validate\n"
    };
    context.terminal.say(next);
    Ok(())
}
