//! `windlass lint`: the built-in rules on Dockerfiles, without a manifest.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use windlass_backends::files::{LARGEST_TEXT, write_whole};
use windlass_core::diag::{Diagnostic, Source};
use windlass_core::dockerfile::parse;
use windlass_core::finding::Finding;
use windlass_core::name::Day;
use windlass_policy::evaluate::{Found, Subjects, evaluate};
use windlass_policy::fix::apply_fixes;
use windlass_policy::force::Policies;
use windlass_policy::output;
use windlass_policy::rule::Profile;
use windlass_policy::subject::ImageSubject;

use crate::cli::{FindingFormat, LintArgs, ProfileFlag};
use crate::clock;
use crate::commands::Context;
use crate::commands::reviews::of_diagnostics;
use crate::commands::version::VERSION;
use crate::failure::{Exit, Failure};
use crate::policies;

pub(crate) fn run(context: &Context<'_>, arguments: &LintArgs) -> Result<Exit, Failure> {
    if arguments.fix && arguments.files.iter().any(|it| is_stdin(it)) {
        return Err(Failure::error(
            "`--fix` edits files, and `-` is standard input",
        ));
    }
    let policies = policies::load(context.global, profile(arguments.profile), None)?;
    let mut found = Vec::new();
    // What reviewers are told of files that cannot be read whole.
    let mut unread = Vec::new();
    let mut unusable = false;
    for path in &arguments.files {
        let (linted, problems) = match read(path) {
            Ok(source) if arguments.fix => fix(context, path, &source, &policies)?,
            Ok(source) => lint(&source, &policies),
            Err(why) => {
                context.terminal.say(&format!("error: {why}\n"));
                unusable = true;
                continue;
            }
        };
        unusable |= !problems.is_empty();
        context.terminal.show(&problems);
        if arguments.format.is_for_reviews() {
            unread.extend(of_diagnostics(&problems));
        }
        found.extend(linted);
    }
    let exit = exit(&found);
    found.append(&mut unread);
    // Nothing was found in what could not be read: that is no good news for people. Programs get a document in any case.
    if !(unusable && found.is_empty() && arguments.format == FindingFormat::Text) {
        let text = render(context, &found, arguments.format);
        context.terminal.print(&text)?;
    }
    match exit {
        Exit::Done if unusable => Err(Failure::silent(Exit::Error)),
        Exit::Done => Ok(Exit::Done),
        other => Err(Failure::silent(other)),
    }
}

/// Returns the day on which waivers and effective days are judged.
pub(crate) fn today() -> Result<Day, Failure> {
    let now = clock::now();
    Day::parse(clock::day(&now))
        .map_err(|why| Failure::error(format!("the clock of this machine cannot be used: {why}")))
}

/// Returns what the flag stands for.
pub(crate) fn profile(flag: ProfileFlag) -> Profile {
    match flag {
        ProfileFlag::Baseline => Profile::Baseline,
        ProfileFlag::Hardened => Profile::Hardened,
        ProfileFlag::All => Profile::All,
    }
}

/// Says how a command ends that found this.
pub(crate) fn exit(found: &[Found]) -> Exit {
    let stops = |it: &Finding| it.stops();
    if found.iter().any(|it| stops(&it.finding)) {
        Exit::Denied
    } else {
        Exit::Done
    }
}

/// Writes findings in a format.
pub(crate) fn render(context: &Context<'_>, found: &[Found], format: FindingFormat) -> String {
    let terminal = context.terminal;
    match format {
        FindingFormat::Text => {
            output::text::render(found, terminal.colors_stdout(), terminal.width())
        }
        FindingFormat::Json => output::json::render(found),
        FindingFormat::Sarif => output::sarif::render(found, VERSION),
        FindingFormat::Github => output::github::render(found),
        FindingFormat::Gitlab => output::gitlab::render(found),
        FindingFormat::Junit => output::junit::render(found),
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn read(path: &Path) -> Result<Arc<Source>, String> {
    let name = if is_stdin(path) {
        "stdin".to_owned()
    } else {
        path.to_string_lossy().replace('\\', "/")
    };
    let name = name.strip_prefix("./").unwrap_or(&name);
    let bytes = read_bytes(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    if bytes.len() as u64 > LARGEST_TEXT {
        return Err(format!(
            "{name} has more than {LARGEST_TEXT} bytes, which is the limit"
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        format!("{name} is not UTF-8 (byte {offset}); was it saved as UTF-16?")
    })?;
    Ok(Source::new(name, text))
}

/// Reads a file, or standard input for `-`, up to one byte more than is linted.
fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if is_stdin(path) {
        let stdin = std::io::stdin().lock();
        stdin.take(LARGEST_TEXT + 1).read_to_end(&mut bytes)?;
    } else {
        let file = std::fs::File::open(path)?;
        file.take(LARGEST_TEXT + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Returns the findings of a file, and what the builder would refuse in it.
fn lint(source: &Arc<Source>, policies: &Policies) -> (Vec<Found>, Vec<Diagnostic>) {
    let (dockerfile, problems) = parse(source);
    let subjects = Subjects {
        images: vec![ImageSubject::of_dockerfile(dockerfile)],
        repositories: Vec::new(),
        plan: None,
    };
    (evaluate(&subjects, policies), problems)
}

/// Puts right what has a fix, until nothing has, and returns what is left.
fn fix(
    context: &Context<'_>,
    path: &Path,
    source: &Arc<Source>,
    policies: &Policies,
) -> Result<(Vec<Found>, Vec<Diagnostic>), Failure> {
    // Fixes that overlap are made one run after the other; an edit that never comes to an end would be a mistake of a rule.
    const RUNS: usize = 10;
    let mut now = Arc::clone(source);
    let mut total = 0;
    let mut result = lint(&now, policies);
    for _ in 0..RUNS {
        let fixes = result
            .0
            .iter()
            .filter(|it| it.finding.waived_by.is_none())
            .filter_map(|it| it.fix.as_ref());
        let (text, made) = apply_fixes(&now.text, fixes);
        if made == 0 || text == now.text {
            break;
        }
        total += made;
        now = Source::new(source.name.clone(), text);
        result = lint(&now, policies);
    }
    if now.text != source.text {
        write_whole(path, now.text.as_bytes())
            .map_err(|error| Failure::error(error.to_string()))?;
        context
            .terminal
            .say(&format!("{}: {total} fixed\n", source.name));
    }
    Ok(result)
}
