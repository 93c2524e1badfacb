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

fn reason(reason: &plan::Reason, image: &ImagePlan) -> Reason {
    let words = Words {
        several: image.targets.len() > 1,
    };
    match reason {
        plan::Reason::UpToDate => say(
            ReasonKind::UpToDate,
            "every wanted tag holds the image with these inputs".to_owned(),
        ),
        plan::Reason::TagMissing { key, tag } => words.tag(
            ReasonKind::TagMissing,
            key,
            tag,
            format!("tag `{tag}` is missing, the image is there"),
        ),
        plan::Reason::TagElsewhere {
            key,
            tag,
            digest,
            pushed,
        } => words
            .tag(
                ReasonKind::TagElsewhere,
                key,
                tag,
                format!(
                    "tag `{tag}` holds another image{}, the wanted one is there",
                    since(*pushed)
                ),
            )
            .digest(digest),
        plan::Reason::InTagMissing { key } => words.at(
            ReasonKind::InTagMissing,
            key,
            format!("{}is missing, by which windlass finds the image again", in_tag(image)),
        ),
        plan::Reason::InBuilder { id } => say(
            ReasonKind::InBuilder,
            "the builder holds the image with these inputs".to_owned(),
        )
        .digest(id),
        plan::Reason::RepositoryMissing { key } => say(
            ReasonKind::RepositoryMissing,
            format!("the repository `{}@{}` is new", key.repository, key.registry),
        )
        .repository(key),
        plan::Reason::NeverBuilt { key } => words.at(
            ReasonKind::NeverBuilt,
            key,
            "no image with these inputs is there, and none under a wanted tag".to_owned(),
        ),
        plan::Reason::Gone { key } => words.at(
            ReasonKind::Gone,
            key,
            "this machine built these inputs before; the image is gone from the builder and from here: deleted, or taken by a lifecycle rule".to_owned(),
        ),
        plan::Reason::InputsChanged { key, tag, changes } => {
            inputs_changed(&words, image, key, tag, changes)
        }
        plan::Reason::RecordMissing { key, tag, why } => record_missing(&words, key, tag, why.as_deref()),
        plan::Reason::ForeignImage {
            key,
            tag,
            digest,
            pushed,
        } => words
            .tag(
                ReasonKind::ForeignImage,
                key,
                tag,
                format!(
                    "tag `{tag}` holds an image that windlass did not build{}",
                    since(*pushed)
                ),
            )
            .digest(digest),
        plan::Reason::Immutable { key, tag, digest } => words
            .tag(
                ReasonKind::Immutable,
                key,
                tag,
                format!("tag `{tag}` is immutable and holds another image"),
            )
            .digest(digest)
            .help(format!(
                "publish this under the next version; or, where `{tag}` is meant to move, say so in the repository: `tags \"immutable\" {{ except \"{tag}\" }}`"
            )),
        plan::Reason::InTagTaken { key, tag, digest } => words
            .tag(
                ReasonKind::InTagTaken,
                key,
                tag,
                format!("tag `{tag}` holds an image that does not carry this fingerprint"),
            )
            .digest(digest)
            .help(format!(
                "windlass keeps `in-*` tags for itself; somebody else wrote this one: remove the tag `{tag}` from the repository and plan again"
            )),
        plan::Reason::Archived { key, digest } => words
            .at(
                ReasonKind::Archived,
                key,
                "the image with these inputs lies in the archive".to_owned(),
            )
            .digest(digest),
        plan::Reason::Elsewhere { key, source, digest } => words
            .at(
                ReasonKind::Elsewhere,
                key,
                format!("{source} holds the image with these inputs, this repository does not"),
            )
            .digest(digest),
        plan::Reason::Replicated { key, source } => words.at(
            ReasonKind::Replicated,
            key,
            format!("ECR copies the image here from {source}, where it is pushed"),
        ),
        plan::Reason::NotReplicated { key, source } => words
            .at(
                ReasonKind::NotReplicated,
                key,
                format!("no replication rule of registry `{}` copies this repository here", source.registry),
            )
            .help(format!(
                "add a rule to the replication configuration of `{}`, or remove `distribute \"replicate\"`: then windlass pushes to every region",
                source.registry
            )),
        plan::Reason::Expires { key, tag, rule } => words
            .tag(
                ReasonKind::Expires,
                key,
                tag,
                format!("the lifecycle rule `{rule}` would take what `{tag}` holds at once"),
            )
            .help(format!(
                "put a `keep` for `{tag}` above the rule, or change the rule; a retag does not renew the day of a push, a new build (`epoch`) does"
            )),
        plan::Reason::TooManyTags { key, digest, count } => words
            .at(
                ReasonKind::TooManyTags,
                key,
                format!("the image has {count} tags, and ECR lets it have 1000"),
            )
            .digest(digest)
            .help("remove tags that nobody needs, or raise the image's `epoch` for a new image".to_owned()),
        plan::Reason::Repository { key, why } => {
            say(ReasonKind::Repository, format!("{key}: {why}")).repository(key)
        }
        plan::Reason::NotRead { why } => say(ReasonKind::NotRead, format!("not read: {why}"))
            .help("nothing is decided from what was not read: mend the cause and plan again".to_owned()),
        plan::Reason::Unusable { why } => say(ReasonKind::Unusable, why.clone()),
        plan::Reason::Builder { why } => say(ReasonKind::Builder, why.clone()),
        plan::Reason::NeedBlocked { image: need } => {
            let address = image::address(need);
            let mut reason = say(
                ReasonKind::NeedBlocked,
                format!("it is built from {address}, which cannot be had"),
            )
            .help(format!("see {address}"));
            reason.image = Some(address);
            reason
        }
    }
}

/// Says when what a tag holds was pushed. Who moved the tag, ECR does not tell.
fn since(pushed: Option<i64>) -> String {
    pushed.map_or_else(String::new, |seconds| {
        let day = Day::of_number(seconds.div_euclid(86_400));
        format!(" (pushed on {day}, by whom is not known)")
    })
}

/// How reasons are worded for one image.
struct Words {
    /// Whether the image has several targets, so that a reason must name its own.
    several: bool,
}

impl Words {
    fn at(&self, kind: ReasonKind, key: &RepositoryKey, message: String) -> Reason {
        let message = if self.several {
            format!("{}@{}: {message}", key.repository, key.registry)
        } else {
            message
        };
        say(kind, message).repository(key)
    }

    fn tag(&self, kind: ReasonKind, key: &RepositoryKey, tag: &Tag, message: String) -> Reason {
        let mut reason = self.at(kind, key, message);
        reason.tag = Some(tag.to_string());
        reason
    }
}

fn say(kind: ReasonKind, message: String) -> Reason {
    Reason {
        kind,
        message,
        help: None,
        repository: None,
        tag: None,
        digest: None,
        image: None,
        changes: None,
        folders: None,
    }
}

impl Reason {
    fn digest(mut self, digest: &Digest) -> Self {
        self.digest = Some(digest.to_string());
        self
    }

    fn repository(mut self, key: &RepositoryKey) -> Self {
        self.repository = Some(key.to_string());
        self
    }

    fn help(mut self, help: String) -> Self {
        self.help = Some(help);
        self
    }
}

fn in_tag(image: &ImagePlan) -> String {
    image.fingerprint().map_or(String::new(), |fingerprint| {
        format!("tag `{}` ", fingerprint.tag())
    })
}

fn inputs_changed(
    words: &Words,
    image: &ImagePlan,
    key: &RepositoryKey,
    tag: &Tag,
    changes: &[InputChange],
) -> Reason {
    let message = if changes.is_empty() {
        format!(
            "what `{tag}` holds has another fingerprint, but its record names the same inputs: another version of windlass made it"
        )
    } else {
        format!("inputs changed since `{tag}`: {}", changed_words(changes))
    };
    let context = image
        .spec
        .as_ref()
        .map_or(&[][..], |spec| &spec.inputs.context);
    Reason {
        changes: Some(changes.to_vec()),
        folders: Some(files::folders(changes, context)),
        ..words.tag(ReasonKind::InputsChanged, key, tag, message)
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

fn record_missing(words: &Words, key: &RepositoryKey, tag: &Tag, why: Option<&str>) -> Reason {
    let message = match why {
        None => format!(
            "what `{tag}` holds was built from other inputs; which differ is not known, it has no inputs record"
        ),
        Some(why) => format!(
            "what `{tag}` holds was built from other inputs; which differ is not known, its inputs record was not read: {why}"
        ),
    };
    words.tag(ReasonKind::RecordMissing, key, tag, message)
}
