//! Images whose Dockerfiles were read, and nothing else yet.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;

use windlass_core::diag::{Diagnostic, has_errors};
use windlass_core::dockerfile::{self, BaseQuery, Bases, ContextSources, RemoteSource};
use windlass_core::manifest::model::{Image, Sourced};

use crate::desire::plain;
use crate::ports::Files;
use crate::recipe::{Prepared, prepare};

/// How many images are worth threads to read their Dockerfiles.
const MANY: usize = 16;
/// The stack of such a thread, in bytes: what a program begins with. Templates and words of a shell nest.
const STACK: usize = 8 << 20;

/// An image whose Dockerfile is known.
pub(super) struct Draft<'a> {
    pub(super) image: &'a Image,
    pub(super) prepared: Prepared,
    pub(super) bases: Bases,
    /// What it can read of its context.
    pub(super) sources: ContextSources,
    /// What it fetches from elsewhere.
    pub(super) remotes: Vec<RemoteSource>,
    /// Whether an image that starts from it runs triggers that read the context.
    pub(super) leaves_triggers: bool,
}

/// Drafts all images, in their order; many of them with a thread for each processor, since each is some files to open and to parse.
pub(super) fn draft_all<'a, F: Files>(
    images: &'a [Image],
    files: &F,
) -> Vec<(Option<Draft<'a>>, Vec<Diagnostic>)> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let draft_some =
        |images: &'a [Image]| -> Vec<_> { images.iter().map(|it| draft(it, files)).collect() };
    if threads == 1 || images.len() < MANY {
        return draft_some(images);
    }
    std::thread::scope(|scope| {
        let draft_some = &draft_some;
        let chunks = images.chunks(images.len().div_ceil(threads));
        let drafts: Vec<_> = chunks
            .map(|images| {
                let thread = std::thread::Builder::new().stack_size(STACK);
                let work = move || draft_some(images);
                (images, thread.spawn_scoped(scope, work))
            })
            .collect();
        let drafted = drafts
            .into_iter()
            .flat_map(|(images, thread)| match thread {
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // The system gives no more threads.
                Err(_) => draft_some(images),
            });
        drafted.collect()
    })
}

fn draft<'a, F: Files>(image: &'a Image, files: &F) -> (Option<Draft<'a>>, Vec<Diagnostic>) {
    let (prepared, mut problems) = prepare(image, files);
    let Some(prepared) = prepared else {
        return (None, problems);
    };
    let (parsed, found) = dockerfile::parse(&prepared.dockerfile);
    problems.extend(found);
    let args = plain(&image.args);
    let needs: BTreeSet<String> = image
        .needs
        .iter()
        .map(|need| need.as_name.clone())
        .collect();
    let platform = image.platforms.first().cloned().unwrap_or_default();
    let query = BaseQuery {
        args: &args,
        stage: image.stage.as_deref(),
        platform: &platform,
        needs: &needs,
    };
    let (bases, found) = dockerfile::bases(&parsed, &query);
    problems.extend(found);
    problems.extend(dockerfile::check_needs(&parsed, &image.needs));
    let names =
        |map: &BTreeMap<String, Sourced<String>>| map.keys().cloned().collect::<BTreeSet<String>>();
    problems.extend(dockerfile::check_stamps(
        &parsed,
        &names(&image.stamp.args),
        &names(&image.args),
    ));
    let bases = bases.filter(|_| !has_errors(&problems));
    let draft = bases.map(|bases| Draft {
        image,
        prepared,
        bases,
        sources: dockerfile::context_sources(&parsed, &query),
        remotes: dockerfile::remote_sources(&parsed, &query),
        leaves_triggers: dockerfile::leaves_triggers(&parsed, &query),
    });
    (draft, problems)
}
