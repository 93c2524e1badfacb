//! Reasons in words: what is so, and what to do about it where something is to be done.

use crate::fingerprint::InputChange;
use crate::name::{Day, Digest, RepositoryKey, Tag};
use crate::plan::{self, ImagePlan};
use crate::report::changes::{dockerfile_diff, file_changes, value_changes};
use crate::report::wire::{Reason, ReasonKind, files, image};

/// How many names a sentence holds before it counts.
const NAMED: usize = 2;

/// Returns the reasons of an image, those that decide its action first.
pub(super) fn reasons(image: &ImagePlan) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = image.reasons.iter().map(|it| reason(it, image)).collect();
    reasons.sort_by_key(|reason| rank(reason.kind));
    reasons
}

fn rank(kind: ReasonKind) -> u8 {
    match kind {
        ReasonKind::NotRead => 0,
        ReasonKind::Immutable
        | ReasonKind::InTagTaken
        | ReasonKind::Expires
        | ReasonKind::NotReplicated
        | ReasonKind::TooManyTags
        | ReasonKind::Repository
        | ReasonKind::Unusable
        | ReasonKind::Builder
        | ReasonKind::NeedBlocked => 1,
        ReasonKind::InBuilder
        | ReasonKind::Archived
        | ReasonKind::Elsewhere
        | ReasonKind::Replicated => 2,
        ReasonKind::InputsChanged | ReasonKind::RecordMissing => 3,
        ReasonKind::RepositoryMissing
        | ReasonKind::Gone
        | ReasonKind::NeverBuilt
        | ReasonKind::ForeignImage => 4,
        ReasonKind::TagMissing | ReasonKind::TagElsewhere | ReasonKind::InTagMissing => 5,
        ReasonKind::UpToDate => 6,
    }
}

fn reason(why: &plan::Reason, image: &ImagePlan) -> Reason {
    let Place { key, tag, digest } = place(why);
    let message = message(why, image);
    // An image with several targets names the one that a reason is about, where the words do not.
    let named = match (why, key) {
        (plan::Reason::RepositoryMissing { .. } | plan::Reason::Repository { .. }, _) => None,
        (_, key) => key.filter(|_| image.targets.len() > 1),
    };
    let mut reason = Reason {
        kind: kind(why),
        message: named.map_or(message.clone(), |key| {
            format!("{}@{}: {message}", key.repository, key.registry)
        }),
        help: help(why),
        repository: key.map(ToString::to_string),
        tag: tag.map(ToString::to_string),
        digest: digest.map(ToString::to_string),
        image: None,
        changes: None,
        folders: None,
    };
    if let plan::Reason::NeedBlocked { image: need } = why {
        reason.image = Some(image::address(need));
    }
    if let plan::Reason::InputsChanged { changes, .. } = why {
        let context = image.spec.as_ref();
        let context = context.map_or(&[][..], |spec| &spec.inputs.context);
        reason.folders = Some(files::folders(changes, context));
        reason.changes = Some(changes.clone());
    }
    reason
}

fn kind(why: &plan::Reason) -> ReasonKind {
    match why {
        plan::Reason::UpToDate => ReasonKind::UpToDate,
        plan::Reason::TagMissing { .. } => ReasonKind::TagMissing,
        plan::Reason::TagElsewhere { .. } => ReasonKind::TagElsewhere,
        plan::Reason::InTagMissing { .. } => ReasonKind::InTagMissing,
        plan::Reason::InBuilder { .. } => ReasonKind::InBuilder,
        plan::Reason::RepositoryMissing { .. } => ReasonKind::RepositoryMissing,
        plan::Reason::NeverBuilt { .. } => ReasonKind::NeverBuilt,
        plan::Reason::Gone { .. } => ReasonKind::Gone,
        plan::Reason::InputsChanged { .. } => ReasonKind::InputsChanged,
        plan::Reason::RecordMissing { .. } => ReasonKind::RecordMissing,
        plan::Reason::ForeignImage { .. } => ReasonKind::ForeignImage,
        plan::Reason::Immutable { .. } => ReasonKind::Immutable,
        plan::Reason::InTagTaken { .. } => ReasonKind::InTagTaken,
        plan::Reason::Archived { .. } => ReasonKind::Archived,
        plan::Reason::Elsewhere { .. } => ReasonKind::Elsewhere,
        plan::Reason::Replicated { .. } => ReasonKind::Replicated,
        plan::Reason::NotReplicated { .. } => ReasonKind::NotReplicated,
        plan::Reason::Expires { .. } => ReasonKind::Expires,
        plan::Reason::TooManyTags { .. } => ReasonKind::TooManyTags,
        plan::Reason::Repository { .. } => ReasonKind::Repository,
        plan::Reason::NotRead { .. } => ReasonKind::NotRead,
        plan::Reason::Unusable { .. } => ReasonKind::Unusable,
        plan::Reason::Builder { .. } => ReasonKind::Builder,
        plan::Reason::NeedBlocked { .. } => ReasonKind::NeedBlocked,
    }
}

/// What a reason is about.
struct Place<'a> {
    key: Option<&'a RepositoryKey>,
    tag: Option<&'a Tag>,
    digest: Option<&'a Digest>,
}

fn place(why: &plan::Reason) -> Place<'_> {
    let (key, tag, digest) = match why {
        plan::Reason::TagElsewhere {
            key, tag, digest, ..
        }
        | plan::Reason::ForeignImage {
            key, tag, digest, ..
        }
        | plan::Reason::Immutable { key, tag, digest }
        | plan::Reason::InTagTaken { key, tag, digest } => (Some(key), Some(tag), Some(digest)),
        plan::Reason::TagMissing { key, tag }
        | plan::Reason::InputsChanged { key, tag, .. }
        | plan::Reason::RecordMissing { key, tag, .. }
        | plan::Reason::Expires { key, tag, .. } => (Some(key), Some(tag), None),
        plan::Reason::Archived { key, digest }
        | plan::Reason::Elsewhere { key, digest, .. }
        | plan::Reason::TooManyTags { key, digest, .. } => (Some(key), None, Some(digest)),
        plan::Reason::InTagMissing { key }
        | plan::Reason::RepositoryMissing { key }
        | plan::Reason::NeverBuilt { key }
        | plan::Reason::Gone { key }
        | plan::Reason::Replicated { key, .. }
        | plan::Reason::NotReplicated { key, .. }
        | plan::Reason::Repository { key, .. } => (Some(key), None, None),
        plan::Reason::InBuilder { id } => (None, None, Some(id)),
        plan::Reason::UpToDate
        | plan::Reason::NotRead { .. }
        | plan::Reason::Unusable { .. }
        | plan::Reason::Builder { .. }
        | plan::Reason::NeedBlocked { .. } => (None, None, None),
    };
    Place { key, tag, digest }
}

/// Says what is so.
fn message(why: &plan::Reason, image: &ImagePlan) -> String {
    match why {
        plan::Reason::UpToDate => "every wanted tag holds the image with these inputs".to_owned(),
        plan::Reason::TagMissing { tag, .. } => {
            format!("tag `{tag}` is missing, the image is there")
        }
        plan::Reason::TagElsewhere { tag, pushed, .. } => format!(
            "tag `{tag}` holds another image{}, the wanted one is there",
            since(*pushed)
        ),
        plan::Reason::InTagMissing { .. } => format!(
            "{}is missing, by which windlass finds the image again",
            in_tag(image)
        ),
        plan::Reason::InBuilder { .. } => {
            "the builder holds the image with these inputs".to_owned()
        }
        plan::Reason::RepositoryMissing { key } => {
            format!("the repository `{}@{}` is new", key.repository, key.registry)
        }
        plan::Reason::NeverBuilt { .. } => {
            "no image with these inputs is there, and none under a wanted tag".to_owned()
        }
        plan::Reason::Gone { .. } => "this machine built these inputs before; the image is gone from the builder and from here: deleted, or taken by a lifecycle rule".to_owned(),
        plan::Reason::InputsChanged { tag, changes, .. } => inputs_changed(tag, changes),
        plan::Reason::RecordMissing { tag, why, .. } => record_missing(tag, why.as_deref()),
        plan::Reason::ForeignImage { tag, pushed, .. } => format!(
            "tag `{tag}` holds an image that windlass did not build{}",
            since(*pushed)
        ),
        plan::Reason::Immutable { tag, .. } => {
            format!("tag `{tag}` is immutable and holds another image")
        }
        plan::Reason::InTagTaken { tag, .. } => {
            format!("tag `{tag}` holds an image that does not carry this fingerprint")
        }
        plan::Reason::Archived { .. } => {
            "the image with these inputs lies in the archive".to_owned()
        }
        plan::Reason::Elsewhere { source, .. } => {
            format!("{source} holds the image with these inputs, this repository does not")
        }
        plan::Reason::Replicated { source, .. } => {
            format!("ECR copies the image here from {source}, where it is pushed")
        }
        plan::Reason::NotReplicated { source, .. } => format!(
            "no replication rule of registry `{}` copies this repository here",
            source.registry
        ),
        plan::Reason::Expires { tag, rule, .. } => {
            format!("the lifecycle rule `{rule}` would take what `{tag}` holds at once")
        }
        plan::Reason::TooManyTags { count, .. } => {
            format!("the image has {count} tags, and ECR lets it have 1000")
        }
        plan::Reason::Repository { key, why } => format!("{key}: {why}"),
        plan::Reason::NotRead { why } => format!("not read: {why}"),
        plan::Reason::Unusable { why } | plan::Reason::Builder { why } => why.clone(),
        plan::Reason::NeedBlocked { image: need } => {
            format!("it is built from {}, which cannot be had", image::address(need))
        }
    }
}

/// Says what to do about it, where something is to be done.
fn help(why: &plan::Reason) -> Option<String> {
    let help = match why {
        plan::Reason::Immutable { tag, .. } => format!(
            "publish this under the next version; or, where `{tag}` is meant to move, say so in the repository: `tags \"immutable\" {{ except \"{tag}\" }}`"
        ),
        plan::Reason::InTagTaken { tag, .. } => format!(
            "windlass keeps `in-*` tags for itself; somebody else wrote this one: remove the tag `{tag}` from the repository and plan again"
        ),
        plan::Reason::NotReplicated { source, .. } => format!(
            "add a rule to the replication configuration of `{}`, or remove `distribute \"replicate\"`: then windlass pushes to every region",
            source.registry
        ),
        plan::Reason::Expires { tag, .. } => format!(
            "put a `keep` for `{tag}` above the rule, or change the rule; a retag does not renew the day of a push, a new build (`epoch`) does"
        ),
        plan::Reason::TooManyTags { .. } => {
            "remove tags that nobody needs, or raise the image's `epoch` for a new image".to_owned()
        }
        plan::Reason::NotRead { .. } => {
            "nothing is decided from what was not read: mend the cause and plan again".to_owned()
        }
        plan::Reason::NeedBlocked { image: need } => format!("see {}", image::address(need)),
        _ => return None,
    };
    Some(help)
}

/// Says when what a tag holds was pushed. Who moved the tag, ECR does not tell.
fn since(pushed: Option<i64>) -> String {
    pushed.map_or_else(String::new, |seconds| {
        let day = Day::of_number(seconds.div_euclid(86_400));
        format!(" (pushed on {day}, by whom is not known)")
    })
}

fn in_tag(image: &ImagePlan) -> String {
    image.fingerprint().map_or(String::new(), |fingerprint| {
        format!("tag `{}` ", fingerprint.tag())
    })
}

fn inputs_changed(tag: &Tag, changes: &[InputChange]) -> String {
    if changes.is_empty() {
        format!(
            "what `{tag}` holds has another fingerprint, but its record names the same inputs: another version of windlass made it"
        )
    } else {
        format!("inputs changed since `{tag}`: {}", changed_words(changes))
    }
}

/// Returns what changed in a few words: `main.py`, Dockerfile, arg PORT.
fn changed_words(changes: &[InputChange]) -> String {
    let files = file_changes(changes);
    let mut words: Vec<String> = if files.len() <= NAMED {
        files
            .iter()
            .map(|file| format!("`{}`", file.path))
            .collect()
    } else {
        vec![format!("{} files", files.len())]
    };
    words.extend(dockerfile_diff(changes).map(|_| "Dockerfile".to_owned()));
    let values = value_changes(changes);
    if values.len() <= NAMED + 1 {
        words.extend(values.into_iter().map(|value| value.name));
    } else {
        words.push(format!("{} values", values.len()));
    }
    words.join(", ")
}

fn record_missing(tag: &Tag, why: Option<&str>) -> String {
    let why = match why {
        None => "it has no inputs record".to_owned(),
        Some(why) => format!("its inputs record was not read: {why}"),
    };
    format!("what `{tag}` holds was built from other inputs; which differ is not known, {why}")
}
