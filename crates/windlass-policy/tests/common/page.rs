//! Reading the page of a rule.

use std::collections::BTreeMap;

use windlass_core::context::{
    ContextOutline, Ignore, IgnoreLine, IgnoredEntry, OutlineEntry, OutlineKind,
};
use windlass_core::diag::Source;
use windlass_core::diag::text::render_plain;
use windlass_core::lock::LockedBase;
use windlass_core::name::{Day, Digest, Platform};
use windlass_core::plan::TagAction;
use windlass_policy::evaluate::{Found, Subjects, evaluate};
use windlass_policy::fix::apply_fixes;
use windlass_policy::force::{LoadedPack, Policies};
use windlass_policy::pack::read_pack;
use windlass_policy::rule::{Profile, Rule};
use windlass_policy::subject::{ContextFacts, ImageSubject, RepositorySubject};

/// The day on which all cases are asked.
pub(crate) const TODAY: &str = "2026-11-24";

/// The cases of a page.
pub(crate) struct Page {
    pub(crate) cases: Vec<Case>,
}

/// One case.
#[derive(Clone)]
pub(crate) struct Case {
    /// Line of its fence.
    pub(crate) line: usize,
    pub(crate) text: String,
    ignore: String,
    files: Option<String>,
    /// What the lock holds: reference, platforms, and the user where it is known.
    locked: String,
    /// The platforms that are wanted, `linux/amd64` where there is none.
    platforms: String,
    policies: Policies,
    /// What a plan would do with every tag.
    action: Option<String>,
    /// What ECR says.
    observed: String,
    /// `LINE:COLUMN` of each finding, sorted.
    pub(crate) expected: Vec<String>,
    /// Whether its page calls it a near miss: a case that passes and looks like one that fails.
    pub(crate) is_near_miss: bool,
}

/// Reads the cases of a rule's page.
pub(crate) fn read_page(rule: &Rule) -> Page {
    let mut cases = Vec::new();
    let mut ignore = String::new();
    let mut files = None;
    let mut locked = String::new();
    let mut platforms = String::new();
    let mut observed = String::new();
    let mut policies = policies();
    let mut action;
    for (line, words, text) in blocks(&page_of(rule)) {
        let mut words: Vec<&str> = words.split_whitespace().collect();
        let is_near_miss = words.get(1) == Some(&"passes") && words.last() == Some(&"near-miss");
        words.truncate(words.len() - usize::from(is_near_miss));
        let mut case = |text, places: &[&str]| {
            cases.push(Case {
                line,
                text,
                ignore: std::mem::take(&mut ignore),
                files: files.take(),
                locked: std::mem::take(&mut locked),
                platforms: std::mem::take(&mut platforms),
                policies: policies.clone(),
                action: None,
                observed: std::mem::take(&mut observed),
                expected: places.iter().map(|it| (*it).to_owned()).collect(),
                is_near_miss: false,
            });
        };
        match words.as_slice() {
            ["dockerfile", "fails", places @ ..] => {
                assert!(!places.is_empty(), "{}:{line}: name the places", rule.id);
                case(text, places);
            }
            ["dockerfile", "passes"] => case(text, &[]),
            ["manifest", marks @ ..] => {
                assert!(
                    matches!(marks, ["passes", ..] | ["fails", _, ..]),
                    "{}:{line}",
                    rule.id
                );
                let is_action = |it: &&&str| matches!(**it, "moves" | "unknown");
                action = marks.iter().find(is_action).map(|it| (*it).to_owned());
                let places: Vec<&str> = marks[1..]
                    .iter()
                    .copied()
                    .filter(|it| !is_action(&it))
                    .collect();
                case(manifest(&text), &places);
                cases.last_mut().expect("a case").action = action.take();
            }
            ["dockerignore"] => ignore = text,
            ["files"] => files = Some(text),
            ["locked"] => locked = text,
            ["observed"] => observed = text,
            ["platforms"] => platforms = text,
            ["pack", marks @ ..] => policies.packs = vec![pack(&text, marks == ["mandatory"])],
            // What shows a better Dockerfile.
            ["dockerfile" | "text" | "sh" | "kdl", ..] => {}
            other => panic!("{}:{line}: `{}` has no meaning", rule.id, other.join(" ")),
        }
        if is_near_miss {
            cases.last_mut().expect("a case").is_near_miss = true;
        }
    }
    Page { cases }
}

/// Returns every rule in force, and no pack.
pub(crate) fn policies() -> Policies {
    let mut policies = Policies::new(Profile::All, Day::parse(TODAY).expect("a day"));
    policies.is_whole = true;
    policies
}

fn pack(text: &str, is_mandatory: bool) -> LoadedPack {
    let whole = format!("pack \"org\" version=1\n{text}");
    let (pack, diagnostics) = read_pack(&Source::new("org.kdl", whole.clone()));
    LoadedPack {
        pack: pack.unwrap_or_else(|| panic!("{}", render_plain(&diagnostics))),
        is_mandatory,
        reference: "org.kdl".to_owned(),
        digest: Digest::of(whole.as_bytes()),
        rego: None,
    }
}

impl Case {
    /// Returns the same case with another text.
    pub(crate) fn with(&self, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..self.clone()
        }
    }

    fn found(&self, rule: &Rule) -> Vec<Found> {
        let mut found = self.everything();
        found.retain(|it| it.finding.rule == rule.id && it.finding.waived_by.is_none());
        found
    }

    /// Returns what all rules find.
    pub(crate) fn everything(&self) -> Vec<Found> {
        if self.text.starts_with(WORKSPACE) {
            return evaluate(&self.of_manifest(), &self.policies);
        }
        let source = Source::new("Dockerfile", self.text.clone());
        let mut subject = ImageSubject::of_text(&source);
        subject.context = self
            .files
            .as_ref()
            .map(|files| context(files, &self.ignore));
        subject.locked = self.locked.lines().map(read_locked).collect();
        if !self.platforms.is_empty() {
            let platforms = self.platforms.lines().map(read_platform);
            subject.platforms = platforms.collect();
        }
        let subjects = Subjects {
            images: vec![subject],
            repositories: Vec::new(),
            plan: None,
        };
        evaluate(&subjects, &self.policies)
    }

    fn of_manifest(&self) -> Subjects {
        let host = |_: &windlass_core::manifest::model::Registry| "registry.example".to_owned();
        let source = Source::new("windlass.kdl", self.text.clone());
        let (workspace, diagnostics) = windlass_core::manifest::load(
            &source,
            &windlass_core::manifest::ResolveInputs::new(&host),
        );
        let workspace = workspace
            .unwrap_or_else(|| panic!("line {}: {}", self.line, render_plain(&diagnostics)));
        let dockerfile = Source::new("Dockerfile", "FROM debian:12\n");
        let lock = windlass_core::lock::Lock::default();
        let images = workspace.images.iter();
        let mut repositories = RepositorySubject::of_workspace(&workspace);
        for (_, tag) in repositories.iter_mut().flat_map(|it| &mut it.wanted_tags) {
            tag.action = self.action.as_deref().map(|it| match it {
                "moves" => TagAction::Move,
                _ => TagAction::Unknown,
            });
        }
        for repository in &mut repositories {
            super::observed::observe(repository, &self.observed);
        }
        Subjects {
            images: images
                .map(|image| ImageSubject::of_image(image, &dockerfile, &lock))
                .collect(),
            repositories,
            plan: None,
        }
    }

    /// Returns the places of what the rule finds.
    pub(crate) fn places(&self, rule: &Rule) -> Vec<String> {
        self.found(rule)
            .iter()
            .map(|it| {
                let number = |it: Option<usize>| it.map_or("?".to_owned(), |it| it.to_string());
                let finding = &it.finding;
                format!("{}:{}", number(finding.line), number(finding.column))
            })
            .collect()
    }

    /// Returns the text with all fixes made and their number, `None` where the rule offers none.
    pub(crate) fn fixed(&self, rule: &Rule) -> Option<(String, usize)> {
        let found = self.found(rule);
        let fixes: Vec<_> = found.iter().filter_map(|it| it.fix.as_ref()).collect();
        (!fixes.is_empty()).then(|| apply_fixes(&self.text, fixes))
    }
}

/// Reads `REFERENCE PLATFORM,PLATFORM user=NAME DAY`.
fn read_locked(line: &str) -> (String, LockedBase) {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let reference = word().to_owned();
    let platforms = word().split(',').map(read_platform).collect();
    let user = word().strip_prefix("user=").map(str::to_owned);
    let resolved = word();
    let base = LockedBase {
        digest: Digest::of(reference.as_bytes()),
        platforms,
        user,
        entrypoint: Vec::new(),
        onbuild: None,
        resolved_from: "registry.example".to_owned(),
        resolved: if resolved.is_empty() { TODAY } else { resolved }.to_owned(),
    };
    (reference, base)
}

fn read_platform(text: &str) -> Platform {
    Platform::new(text).expect("a platform")
}

/// The lines that a manifest of a page leaves out; one line, so that places are those of the page and one.
const WORKSPACE: &str =
    "workspace \"shop\"; registry \"prod\" { account \"111122223333\"; region \"eu-west-1\" }\n";

fn manifest(text: &str) -> String {
    format!("{WORKSPACE}{text}")
}

/// Makes a listing of paths: what the ignore lines leave, with the folders above.
fn context(files: &str, ignore: &str) -> ContextFacts {
    let lines = IgnoreLine::split(".dockerignore", ignore);
    let (rules, _) = Ignore::new(lines.clone(), Vec::new());
    let mut entries: BTreeMap<String, OutlineKind> = BTreeMap::new();
    let mut ignored = Vec::new();
    for line in files.lines().filter(|line| !line.trim().is_empty()) {
        let (path, rest) = line.split_once(' ').unwrap_or((line, "10"));
        let path = path.to_owned();
        let decision = rules.decide(&path);
        if decision.ignored {
            let line = decision.line;
            ignored.push(IgnoredEntry { path, line });
            continue;
        }
        for (at, _) in path.match_indices('/') {
            entries.insert(path[..at].to_owned(), OutlineKind::Directory);
        }
        let kind = match rest.strip_prefix("-> ") {
            Some(target) => OutlineKind::Link {
                target: target.to_owned(),
            },
            None => OutlineKind::File {
                executable: false,
                bytes: rest.parse().expect("a number of bytes"),
            },
        };
        entries.insert(path, kind);
    }
    ignored.sort_by(|a, b| a.path.cmp(&b.path));
    let entries = entries.into_iter();
    ContextFacts {
        folder: ".".to_owned(),
        listing: ContextOutline {
            entries: entries
                .map(|(path, kind)| OutlineEntry { path, kind })
                .collect(),
            ignored,
            unread: Vec::new(),
        },
        ignore: lines,
    }
}

/// Reads the page as it is now: a case can be mended without a build.
fn page_of(rule: &Rule) -> String {
    let path = super::root().join(format!("docs/rules/{}.md", rule.id));
    std::fs::read_to_string(path).expect("a page")
}

/// Returns the fenced blocks of a page: line of the fence, words behind it, text.
fn blocks(page: &str) -> Vec<(usize, String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(words)) => open = Some((number, words.to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}
