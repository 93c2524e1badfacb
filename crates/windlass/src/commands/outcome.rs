//! What an apply came to, for people.

use std::fmt::Write as _;

use windlass_engine::outcome::{ImageOutcome, Outcome, Status, TagResult};

/// Writes the outcome: digests of what is held, what failed, what to do next.
pub(crate) fn text(outcome: &Outcome, color: bool) -> String {
    let paint = Paint(color);
    let mut text = String::new();
    for image in &outcome.images {
        write_image(&mut text, image, paint);
    }
    for repository in outcome.repositories.iter().filter(|it| it.deleted) {
        let _ = writeln!(text, "{}  deleted", paint.bold(&repository.key.to_string()));
    }
    for note in &outcome.notes {
        let _ = writeln!(text, "note: {note}");
    }
    for failure in &outcome.failures {
        let _ = writeln!(text, "{} {failure}", paint.red("failed:"));
    }
    write_unmoved(&mut text, outcome);
    let _ = writeln!(text, "{}", ending(outcome, paint));
    text
}

fn write_image(text: &mut String, image: &ImageOutcome, paint: Paint) {
    for target in &image.targets {
        let (Some(uri), Some(digest)) = (&target.uri, &target.digest) else {
            continue;
        };
        let tags: Vec<&str> = target
            .tags
            .iter()
            .filter(|tag| tag.result != TagResult::Unmoved)
            .map(|tag| tag.tag.as_str())
            .collect();
        let tags = if tags.is_empty() {
            String::new()
        } else {
            format!("  {}", tags.join(" "))
        };
        let _ = writeln!(
            text,
            "{}  {uri}@{digest}{tags}",
            paint.bold(&format!("image.{}", image.name))
        );
    }
}

/// Lists what was not moved, and how to take back what was.
fn write_unmoved(text: &mut String, outcome: &Outcome) {
    if !matches!(outcome.status, Status::Partial | Status::Stale) {
        return;
    }
    for (_, target, tag) in outcome.tags_with(TagResult::Unmoved) {
        let to = tag.to.as_ref().map_or(
            "an image that was not built".to_owned(),
            ToString::to_string,
        );
        let _ = writeln!(
            text,
            "not moved: {}:{} to {to}",
            target
                .uri
                .as_deref()
                .unwrap_or(target.key.repository.as_str()),
            tag.tag
        );
    }
    for (_, target, tag) in outcome.tags_with(TagResult::Moved) {
        if let Some(undo) = &tag.undo {
            let _ = writeln!(
                text,
                "moved: {}:{}; back with: {undo}",
                target
                    .uri
                    .as_deref()
                    .unwrap_or(target.key.repository.as_str()),
                tag.tag
            );
        }
    }
}

fn ending(outcome: &Outcome, paint: Paint) -> String {
    let built = outcome.images.iter().filter(|image| image.built).count();
    let moved = outcome.tags_with(TagResult::Moved).count();
    let created = outcome
        .repositories
        .iter()
        .filter(|repository| repository.created)
        .count();
    let changed = outcome
        .repositories
        .iter()
        .filter(|repository| !repository.changed.is_empty())
        .count();
    match outcome.status {
        _ if outcome.interrupted => paint.red("Interrupted. Run `windlass apply` again to finish."),
        Status::Applied => {
            let tags = if moved == 1 { "tag" } else { "tags" };
            let repositories = if created == 1 { "repository" } else { "repositories" };
            format!("{} {built} built, {moved} {tags} written, {created} {repositories} created, {changed} changed.", paint.green("Applied."))
        }
        Status::AlreadyApplied => paint.green("Already applied: every step was done before."),
        Status::Partial if outcome.is_transient() => {
            paint.red("Applied in part. Run `windlass apply` again to finish.")
        }
        Status::Partial => paint.red(
            "Applied in part. Mend what failed, then run `windlass apply` again: it does what is left.",
        ),
        Status::Failed if outcome.is_transient() => {
            paint.red("Failed, and may pass: run `windlass apply` again. No tag was moved.")
        }
        Status::Failed => paint.red("Failed. No tag was moved."),
        Status::Stale => paint.red("Stale: wanted tags were moved by somebody else. The images are held, no tag was moved. Make a new plan."),
    }
}

/// Colours, where they are wanted.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn green(self, text: &str) -> String {
        self.with("32", text)
    }
}
