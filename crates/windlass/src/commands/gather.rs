//! What rules are asked about: the images of a workspace with their Dockerfiles and contexts, and its repositories.

use std::collections::BTreeMap;

use windlass_backends::files::WorkspaceFiles;
use windlass_core::context::Ignore;
use windlass_core::diag::{Code, Diagnostic};
use windlass_core::dockerfile::parse;
use windlass_core::lock::Lock;
use windlass_core::manifest::model::{Image, Workspace};
use windlass_core::name::ImageName;
use windlass_engine::recipe::{Prepared, prepare};
use windlass_policy::evaluate::Subjects;
use windlass_policy::subject::{ContextFacts, ImageSubject, RepositorySubject};

/// What was gathered, and what is wrong with it.
pub(crate) struct Gathered {
    pub(crate) subjects: Subjects,
    pub(crate) problems: Vec<Diagnostic>,
}

/// Reads Dockerfiles and ignore files, and gathers everything that can be said without a registry.
pub(crate) fn gather(workspace: &Workspace, files: &WorkspaceFiles, lock: &Lock) -> Gathered {
    let mut problems = Vec::new();
    let mut read = BTreeMap::new();
    for image in &workspace.images {
        let (prepared, found) = prepare(image, files);
        problems.extend(found);
        let Some(prepared) = prepared else {
            continue;
        };
        problems.extend(parse(&prepared.dockerfile).1);
        read.insert(image.name.clone(), prepared);
    }
    let mut gathered = gather_read(workspace, read, files, lock);
    problems.append(&mut gathered.problems);
    Gathered {
        problems,
        ..gathered
    }
}

/// The same of Dockerfiles and ignore files that were read already.
pub(crate) fn gather_read(
    workspace: &Workspace,
    mut read: BTreeMap<ImageName, Prepared>,
    files: &WorkspaceFiles,
    lock: &Lock,
) -> Gathered {
    let mut problems = Vec::new();
    let mut images = Vec::new();
    for image in &workspace.images {
        let Some(prepared) = read.remove(&image.name) else {
            continue;
        };
        let mut subject = ImageSubject::of_image(image, &prepared.dockerfile, lock);
        match list(image, prepared, files, &workspace.files) {
            Ok(context) => subject.context = Some(context),
            Err(problem) => problems.push(*problem),
        }
        images.push(subject);
    }
    let mut subjects = Subjects {
        images,
        repositories: RepositorySubject::of_workspace(workspace),
        plan: None,
    };
    subjects.settle_needs();
    Gathered { subjects, problems }
}

fn list(
    image: &Image,
    prepared: Prepared,
    files: &WorkspaceFiles,
    own: &[String],
) -> Result<ContextFacts, Box<Diagnostic>> {
    let own = own_files(&image.context, own);
    let (ignore, _) = Ignore::new(prepared.ignore.clone(), own);
    let listing = files.outline(&image.context, &ignore).map_err(|error| {
        let name = &image.name;
        let message = format!("the build context of image `{name}` cannot be used: {error}");
        Box::new(
            Diagnostic::error(Code::ContextEntry, message)
                .at(&image.context_location, format!("its context is `{}`", image.context))
                .help("`context \"folder\"` names the folder below the workspace; `ignore \"pattern\"` leaves files out"),
        )
    })?;
    Ok(ContextFacts {
        folder: image.context.clone(),
        listing,
        ignore: prepared.ignore,
    })
}

/// Returns the files that windlass reads itself as paths below a context.
pub(crate) fn own_files(context: &str, files: &[String]) -> Vec<String> {
    let below = |file: &String| match context {
        "." => Some(file.clone()),
        folder => {
            let rest = file.strip_prefix(folder)?.strip_prefix('/')?;
            Some(rest.to_owned())
        }
    };
    files.iter().filter_map(below).collect()
}
