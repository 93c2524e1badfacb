//! `windlass render`: the Dockerfile and the .dockerignore of each image, printed, written or compared.

use std::path::Path;

use windlass_backends::files::{WorkspaceFiles, write_whole};
use windlass_core::context::IgnoreLine;
use windlass_core::diag::has_errors;
use windlass_core::fingerprint::unified_diff;
use windlass_core::manifest::model::Image;
use windlass_engine::recipe::prepare;

use crate::cli::RenderArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure, io};

struct Rendered {
    name: String,
    dockerfile: String,
    ignore: String,
}

pub(crate) fn run(context: &Context<'_>, arguments: &RenderArgs) -> Result<Exit, Failure> {
    let (place, loaded, _local) = context.load()?;
    let images = select(&loaded.workspace.images, &arguments.images)?;
    let files = WorkspaceFiles::new(place.root);
    let mut problems = Vec::new();
    let mut rendered = Vec::new();
    for image in images {
        let (prepared, found) = prepare(image, &files);
        problems.extend(found);
        rendered.extend(prepared.map(|prepared| Rendered {
            name: image.name.to_string(),
            dockerfile: prepared.dockerfile.text.clone(),
            ignore: ignore_text(&prepared.ignore),
        }));
    }
    if has_errors(&problems) {
        return Err(Failure::diagnostics(problems));
    }
    context.terminal.show(&problems);
    match (&arguments.out, arguments.check) {
        (Some(folder), true) => compare(context, folder, &rendered),
        (Some(folder), false) => write(context, folder, &rendered),
        (None, _) => print(context, &rendered),
    }
}

fn select<'a>(images: &'a [Image], names: &[String]) -> Result<Vec<&'a Image>, Failure> {
    if names.is_empty() {
        return Ok(images.iter().collect());
    }
    let find = |name: &String| {
        let bare = name.strip_prefix("image.").unwrap_or(name);
        images
            .iter()
            .find(|image| image.name.as_str() == bare)
            .ok_or_else(|| {
                let known: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
                Failure::error(format!("there is no image `{bare}`"))
                    .help(format!("the manifest has: {}", known.join(", ")))
            })
    };
    names.iter().map(find).collect()
}

fn ignore_text(lines: &[IgnoreLine]) -> String {
    lines
        .iter()
        .flat_map(|line| [line.text.as_str(), "\n"])
        .collect()
}

fn print(context: &Context<'_>, rendered: &[Rendered]) -> Result<Exit, Failure> {
    let texts: Vec<String> = rendered
        .iter()
        .map(|Rendered { name, dockerfile, ignore }| {
            format!("## image.{name} Dockerfile\n{dockerfile}\n## image.{name} Dockerfile.dockerignore\n{ignore}")
        })
        .collect();
    context.done(&texts.join("\n"))
}

fn outputs(image: &Rendered) -> [(String, &str); 2] {
    let Rendered {
        name,
        dockerfile,
        ignore,
    } = image;
    [
        (format!("{name}/Dockerfile"), dockerfile),
        (format!("{name}/Dockerfile.dockerignore"), ignore),
    ]
}

fn write(context: &Context<'_>, folder: &Path, rendered: &[Rendered]) -> Result<Exit, Failure> {
    for (name, text) in rendered.iter().flat_map(outputs) {
        let path = folder.join(&name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .map_err(|error| io(&format!("cannot create {}", parent.display()), &error))?;
        write_whole(&path, text.as_bytes()).map_err(|error| Failure::error(error.to_string()))?;
        context.terminal.print(&format!("{}\n", path.display()))?;
    }
    Ok(Exit::Done)
}

fn compare(context: &Context<'_>, folder: &Path, rendered: &[Rendered]) -> Result<Exit, Failure> {
    let mut differing = 0;
    for (name, text) in rendered.iter().flat_map(outputs) {
        let path = folder.join(&name);
        let held = match std::fs::read_to_string(&path) {
            Ok(held) => held,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(io(&format!("cannot read {}", path.display()), &error)),
        };
        if held != text {
            differing += 1;
            let shown = path.display();
            context.terminal.print(&format!(
                "--- {shown}\n+++ rendered\n{}",
                unified_diff(&held, text)
            ))?;
        }
    }
    if differing == 0 {
        return Ok(Exit::Done);
    }
    let fix = format!(
        "run `windlass render --out {}` and commit the result",
        folder.display()
    );
    Err(Failure::error(format!("{differing} rendered files differ")).help(fix))
}
