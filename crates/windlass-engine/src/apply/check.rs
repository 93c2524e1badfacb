//! The check before the first write: everything the plan has a step for is read again, in one fan-out, and compared.
//!
//! Tags are read twice in it. ECR can answer with what a tag held before: where the plan was made of such an answer and the check were
//! given one too, the read directly before the moves would be the first to tell, and take it for somebody else's move.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, join4};
use windlass_core::manifest::model::SecretSource;
use windlass_core::name::{Digest, Fingerprint, RegistryName, RepositoryKey, RepositoryName, Tag};
use windlass_core::observed::{Fact, ImageFacts, RepositoryFacts, Unread};
use windlass_core::plan::{
    ImageAction, ImagePlan, Plan, RepositoryAction, RepositoryPlan, RepositoryState, TagState,
    TargetPlan, repository_state, tag_state,
};

use crate::apply::removals::read_problem;
use crate::apply::work::{Held, Place, Work};
use crate::apply::{ApplyError, ApplyOptions, Ports};
use crate::ports::{Builder, BuilderError, Registry, SettingsToRead};
use crate::secrets::SecretValue;

/// How many changed files of an image are named.
const NAMED_FILES: usize = 5;

/// The tags of several repositories.
pub(super) type Tags = BTreeMap<RepositoryKey, BTreeMap<Tag, Fact<ImageFacts>>>;

/// What the check found: all of it as the plan says.
pub(super) struct Checked<'a> {
    /// Repositories that have a step or hold an image that has one.
    pub(super) repositories: BTreeMap<&'a RepositoryKey, CheckedRepository<'a>>,
    /// What has to be brought.
    pub(super) works: Vec<Work<'a>>,
    /// Wanted tags with a step that is already done.
    pub(super) done_tags: BTreeSet<(&'a RepositoryKey, &'a Tag)>,
    /// Whether a tag is still to be written.
    pub(super) tags_left: bool,
    /// Images of the builder that this run may use, by fingerprint.
    pub(super) locals: BTreeMap<Fingerprint, Digest>,
    /// The values of secrets that builds of this run mount.
    pub(super) secrets: BTreeMap<SecretSource, SecretValue>,
}

/// A repository and what is left to do for it.
pub(super) struct CheckedRepository<'a> {
    pub(super) plan: &'a RepositoryPlan,
    pub(super) state: RepositoryState,
    pub(super) facts: Option<RepositoryFacts>,
}

/// Reads and compares.
pub(super) async fn check<'a, R: Registry, B: Builder>(
    plan: &'a Plan,
    ports: Ports<'a, R, B>,
    options: &ApplyOptions,
) -> Result<Checked<'a>, ApplyError> {
    let scope = Scope::of(plan);
    let (accounts, repositories, [tags, again], inputs) = join4(
        check_accounts(ports.registry, &scope),
        read_repositories(ports.registry, &scope),
        read_tags_twice(ports.registry, &scope.tags),
        read_inputs(plan, options),
    )
    .await;
    accounts?;
    Comparison::of(plan, &repositories, &tags).finish()?;
    let mut comparison = Comparison::of(plan, &repositories, &again);
    comparison.compare_removals(plan, ports.registry).await;
    let mut checked = comparison.finish()?;
    check_builder(&mut checked, ports.builder, options).await?;
    check_inputs(&checked.works, inputs, options).await?;
    checked.secrets = read_secrets(&checked.works, options)?;
    Ok(checked)
}

/// What is not as it was planned of the files that builds read, by fingerprint.
type ChangedInputs<'a> = BTreeMap<&'a Fingerprint, Vec<String>>;

/// Reads the files of all images that the plan builds, beside the first look at registries.
async fn read_inputs<'a>(plan: &'a Plan, options: &ApplyOptions) -> ChangedInputs<'a> {
    let mut changed = BTreeMap::new();
    let images = plan.images.iter();
    for image in images.filter(|image| image.action == ImageAction::Build) {
        if let Some(spec) = &image.spec
            && !changed.contains_key(&spec.fingerprint)
        {
            changed.insert(&spec.fingerprint, options.inputs.changed(spec).await);
        }
    }
    changed
}

/// Compares the files that builds of this run read with those that were planned.
async fn check_inputs(
    works: &[Work<'_>],
    mut inputs: ChangedInputs<'_>,
    options: &ApplyOptions,
) -> Result<(), ApplyError> {
    let mut moved = Vec::new();
    for work in works.iter().filter(|work| work.needs_build()) {
        let changed = match inputs.remove(work.fingerprint()) {
            Some(changed) => changed,
            None => options.inputs.changed(work.spec).await,
        };
        let more = changed.len().saturating_sub(NAMED_FILES);
        let named = changed.into_iter().take(NAMED_FILES);
        moved.extend(
            named.map(|what| format!("image.{}: {what} since it was planned", work.name())),
        );
        if more > 0 {
            moved.push(format!("image.{}: {more} more files", work.name()));
        }
    }
    if moved.is_empty() {
        Ok(())
    } else {
        Err(ApplyError::Stale { moved })
    }
}

/// Reads every secret that a build of this run mounts, each once.
fn read_secrets(
    works: &[Work<'_>],
    options: &ApplyOptions,
) -> Result<BTreeMap<SecretSource, SecretValue>, ApplyError> {
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for work in works.iter().filter(|work| work.needs_build()) {
        for (id, source) in &work.spec.secrets {
            if values.contains_key(source) {
                continue;
            }
            match options.secrets.read(source) {
                Ok(value) => drop(values.insert(source.clone(), value)),
                Err(why) => missing.push(format!(
                    "image.{} mounts secret {id}, and {source} {why}",
                    work.name()
                )),
            }
        }
    }
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(ApplyError::Secrets(missing))
    }
}

/// What has to be read: nothing of what the plan leaves alone.
#[derive(Default)]
struct Scope {
    repositories: BTreeMap<RegistryName, BTreeMap<RepositoryName, SettingsToRead>>,
    tags: BTreeMap<RepositoryKey, BTreeSet<Tag>>,
}

impl Scope {
    fn of(plan: &Plan) -> Self {
        let mut scope = Self::default();
        for image in plan
            .images
            .iter()
            .filter(|image| image.action != ImageAction::None)
        {
            for target in image
                .targets
                .iter()
                .filter(|target| target.action != ImageAction::None)
            {
                let tags = scope.tags.entry(target.key.clone()).or_default();
                tags.extend(target.tags.iter().map(|step| step.tag.clone()));
                tags.extend(image.fingerprint().map(Fingerprint::tag));
                scope.add_repository(&target.key, SettingsToRead::default());
            }
        }
        for repository in &plan.repositories {
            if repository.action != RepositoryAction::None {
                scope.add_repository(&repository.key, settings_to_read(repository));
            }
        }
        scope
    }

    fn add_repository(&mut self, key: &RepositoryKey, settings: SettingsToRead) {
        let names = self.repositories.entry(key.registry.clone()).or_default();
        let read = names.entry(key.repository.clone()).or_default();
        read.lifecycle |= settings.lifecycle;
        read.access |= settings.access;
        read.resource_tags |= settings.resource_tags;
    }
}

fn settings_to_read(plan: &RepositoryPlan) -> SettingsToRead {
    let create = plan.action == RepositoryAction::Create;
    let differs = |path: &str| plan.diffs.iter().any(|diff| diff.path.starts_with(path));
    SettingsToRead {
        lifecycle: differs("lifecycle"),
        access: differs("access"),
        resource_tags: create
            || plan.action == RepositoryAction::Delete
            || differs("resource-tag "),
    }
}

async fn check_accounts<R: Registry>(registry: &R, scope: &Scope) -> Result<(), ApplyError> {
    let answers = scope.repositories.keys().map(|name| async move {
        let answer = registry.caller_account(name).await;
        answer.map_err(|error| ApplyError::Registry {
            registry: name.clone(),
            error,
        })
    });
    join_all(answers)
        .await
        .into_iter()
        .try_for_each(|answer| answer.map(drop))
}

async fn read_repositories<R: Registry>(
    registry: &R,
    scope: &Scope,
) -> BTreeMap<RepositoryKey, Fact<RepositoryFacts>> {
    let reads = scope
        .repositories
        .iter()
        .map(|(name, repositories)| async move {
            let facts = registry.repositories(name, repositories).await;
            facts.into_iter().map(move |(repository, fact)| {
                (
                    RepositoryKey {
                        registry: name.clone(),
                        repository,
                    },
                    fact,
                )
            })
        });
    join_all(reads).await.into_iter().flatten().collect()
}

/// Reads what tags hold, all repositories at once.
pub(super) async fn read_tags<R: Registry>(
    registry: &R,
    tags: &BTreeMap<RepositoryKey, BTreeSet<Tag>>,
) -> Tags {
    let reads = tags
        .iter()
        .map(|(key, tags)| async move { (key.clone(), registry.images(key, tags).await) });
    join_all(reads).await.into_iter().collect()
}

async fn read_tags_twice<R: Registry>(
    registry: &R,
    tags: &BTreeMap<RepositoryKey, BTreeSet<Tag>>,
) -> [Tags; 2] {
    let first = read_tags(registry, tags).await;
    [first, read_tags(registry, tags).await]
}

/// Returns what a tag holds; a tag that was not answered is unknown, never absent.
pub(super) fn tag_fact(tags: &Tags, key: &RepositoryKey, tag: &Tag) -> Fact<ImageFacts> {
    tags.get(key)
        .and_then(|tags| tags.get(tag))
        .cloned()
        .unwrap_or_else(|| Fact::not_read(format!("{tag} was not read")))
}

#[derive(Default)]
struct Comparison<'a> {
    repositories: BTreeMap<&'a RepositoryKey, CheckedRepository<'a>>,
    works: Vec<Work<'a>>,
    done_tags: BTreeSet<(&'a RepositoryKey, &'a Tag)>,
    tags_left: bool,
    moved: Vec<String>,
    unread: Vec<(String, Unread)>,
}

impl<'a> Comparison<'a> {
    fn of(
        plan: &'a Plan,
        repositories: &BTreeMap<RepositoryKey, Fact<RepositoryFacts>>,
        tags: &Tags,
    ) -> Self {
        let mut comparison = Self::default();
        comparison.compare_repositories(plan, repositories);
        let images = plan.images.iter();
        for image in images.filter(|image| image.action != ImageAction::None) {
            comparison.compare_image(image, tags);
        }
        comparison
    }

    fn compare_repositories(
        &mut self,
        plan: &'a Plan,
        facts: &BTreeMap<RepositoryKey, Fact<RepositoryFacts>>,
    ) {
        for repository in &plan.repositories {
            let Some(fact) = facts.get(&repository.key) else {
                if repository.action != RepositoryAction::None {
                    self.unread
                        .push((repository.key.to_string(), Unread::new("was not read")));
                }
                continue;
            };
            let state = repository_state(repository, fact);
            match &state {
                RepositoryState::Missing | RepositoryState::Doomed | RepositoryState::Left(_) => {}
                RepositoryState::Moved(what) => {
                    let key = &repository.key;
                    self.moved
                        .extend(what.iter().map(|what| format!("{key}: {what}")));
                }
                RepositoryState::Unknown(unread) => {
                    self.unread
                        .push((repository.key.to_string(), unread.clone()));
                }
            }
            let checked = CheckedRepository {
                plan: repository,
                state,
                facts: fact.known().cloned(),
            };
            self.repositories.insert(&repository.key, checked);
        }
    }

    /// What is to be deleted must be ours still, and hold as many images as the plan listed.
    async fn compare_removals<R: Registry>(&mut self, plan: &Plan, registry: &R) {
        for repository in &plan.repositories {
            let doomed = self
                .repositories
                .get(&repository.key)
                .is_some_and(|it| it.state == RepositoryState::Doomed);
            let Some(planned) = repository.delete.filter(|_| doomed) else {
                continue;
            };
            let key = &repository.key;
            match read_problem(registry, &plan.workspace, key, planned).await {
                Ok(None) => {}
                Ok(Some(why)) => self.moved.push(format!("{key}: {why}")),
                Err(error) => self.unread.push((key.to_string(), error.into())),
            }
        }
    }

    fn compare_image(&mut self, image: &'a ImagePlan, tags: &Tags) {
        let Some(spec) = &image.spec else {
            return;
        };
        let found = self
            .works
            .iter()
            .position(|work| work.fingerprint() == &spec.fingerprint);
        let index = found.unwrap_or_else(|| {
            self.works.push(Work::new(spec));
            self.works.len() - 1
        });
        self.works[index].images.push(&image.name);
        self.works[index].limit(spec.max_bytes);
        self.works[index].planned_push |= image.local_image.is_some();
        for target in image
            .targets
            .iter()
            .filter(|target| target.action != ImageAction::None)
        {
            self.compare_tags(image, target, &spec.fingerprint, tags);
            let fact = tag_fact(tags, &target.key, &spec.fingerprint.tag());
            let Some(place) = self.compare_place(image, target, &spec.fingerprint, &fact) else {
                continue;
            };
            let places = &mut self.works[index].places;
            if places
                .get(&target.key)
                .is_none_or(|before| place.is_better_than(before))
            {
                places.insert(target.key.clone(), place);
            }
        }
    }

    fn compare_tags(
        &mut self,
        image: &ImagePlan,
        target: &'a TargetPlan,
        fingerprint: &Fingerprint,
        tags: &Tags,
    ) {
        for step in &target.tags {
            let place = || format!("image.{}:{} in {}", image.name, step.tag, target.key);
            match tag_state(step, fingerprint, &tag_fact(tags, &target.key, &step.tag)) {
                TagState::Pending => self.tags_left = true,
                TagState::Done => {
                    self.done_tags.insert((&target.key, &step.tag));
                }
                TagState::Moved(what) => self.moved.push(format!("{} {what}", place())),
                TagState::Unknown(unread) => self.unread.push((place(), unread)),
            }
        }
    }

    /// Says how far an image is in a repository, by what its `in-` tag holds.
    fn compare_place(
        &mut self,
        image: &ImagePlan,
        target: &TargetPlan,
        fingerprint: &Fingerprint,
        now: &Fact<ImageFacts>,
    ) -> Option<Place> {
        let name = || {
            format!(
                "image.{}:{} in {}",
                image.name,
                fingerprint.tag(),
                target.key
            )
        };
        match (now, &target.held) {
            (Fact::Known(found), _) if is_ours(found, fingerprint) => Some(Place::Held(Held {
                digest: found.digest.clone(),
                manifest: None,
                written: false,
                brought: false,
            })),
            (Fact::Known(found), Some(held)) if found.archived && found.digest == *held => {
                Some(Place::Archived(held.clone()))
            }
            (Fact::Known(found), _) => {
                self.moved.push(format!(
                    "{} holds {} now, which is another image",
                    name(),
                    found.digest
                ));
                None
            }
            (Fact::Absent, None) => Some(match (&target.source, &target.replicated_from) {
                (Some(source), _) => Place::Elsewhere(source.clone()),
                (None, Some(pushed)) => Place::Replicated(pushed.clone()),
                (None, None) => Place::Missing,
            }),
            (Fact::Absent, Some(held)) if target.write_in_tag => {
                Some(Place::Untagged(held.clone()))
            }
            (Fact::Absent, Some(held)) => {
                self.moved
                    .push(format!("{} is not there now, the plan saw {held}", name()));
                None
            }
            (Fact::Unknown(unread), _) => {
                self.unread.push((name(), unread.clone()));
                None
            }
        }
    }

    fn finish(self) -> Result<Checked<'a>, ApplyError> {
        if !self.moved.is_empty() {
            return Err(ApplyError::Stale { moved: self.moved });
        }
        if !self.unread.is_empty() {
            return Err(ApplyError::NotRead {
                passing: self.unread.iter().all(|(_, unread)| unread.is_passing()),
                what: said(&self.unread),
            });
        }
        Ok(Checked {
            repositories: self.repositories,
            works: self.works,
            done_tags: self.done_tags,
            tags_left: self.tags_left,
            locals: BTreeMap::new(),
            secrets: BTreeMap::new(),
        })
    }
}

/// Returns what could not be read, each cause once: an outage is one sentence, not one for every tag.
fn said(unread: &[(String, Unread)]) -> Vec<String> {
    let mut causes: Vec<(&Unread, &str, usize)> = Vec::new();
    for (place, why) in unread {
        match causes.iter_mut().find(|(known, _, _)| *known == why) {
            Some((_, _, more)) => *more += 1,
            None => causes.push((why, place, 0)),
        }
    }
    let said = causes.into_iter().map(|(why, place, more)| match more {
        0 => format!("{place}: {why}"),
        more => format!("{place} and {more} more: {why}"),
    });
    said.collect()
}

/// Says whether an image can stand for a fingerprint.
pub(super) fn is_ours(image: &ImageFacts, fingerprint: &Fingerprint) -> bool {
    image.fingerprint.as_ref() == Some(fingerprint) && !image.archived
}

/// Checks, where something is to be built or pushed, that the builder answers and can do it.
async fn check_builder<B: Builder>(
    checked: &mut Checked<'_>,
    builder: &B,
    options: &ApplyOptions,
) -> Result<(), ApplyError> {
    if !checked.works.iter().any(Work::needs_local) {
        return Ok(());
    }
    let facts = builder.describe().await.map_err(ApplyError::Builder)?;
    let asked = checked
        .works
        .iter()
        .filter(|work| work.needs_local())
        .flat_map(|work| {
            let needs = work.spec.needs.iter().map(|need| &need.fingerprint);
            needs.chain([work.fingerprint()]).cloned()
        });
    let asked = asked.collect();
    checked.locals = builder
        .local_images(&asked)
        .await
        .map_err(ApplyError::Builder)?;
    let mut moved = Vec::new();
    for work in checked.works.iter_mut().filter(|work| work.needs_local()) {
        let local = checked.locals.get(work.fingerprint());
        if work.planned_push || options.use_cache {
            work.local = local.cloned();
        }
        if work.planned_push && local.is_none() {
            moved.push(format!(
                "image.{}: the builder does not hold it any more",
                work.name()
            ));
        }
        let platform = work.spec.inputs.platforms.first();
        if let Some(platform) =
            platform.filter(|platform| work.needs_build() && !facts.platforms.contains(platform))
        {
            return Err(ApplyError::Builder(BuilderError::Other(format!(
                "image.{}: {} cannot run {platform}: apply where a builder of that platform is",
                work.name(),
                facts.description
            ))));
        }
    }
    if moved.is_empty() {
        Ok(())
    } else {
        Err(ApplyError::Stale { moved })
    }
}
