//! What a policy sees of one image: Dockerfile, stages, shell commands, build context, where it is held.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use windlass_core::context::OutlineKind;
use windlass_core::dockerfile::graph::{Process, Setting, StageBase, State, Value as Expanded};
use windlass_core::dockerfile::{Form, Instruction};
use windlass_core::shell::{Join, Script, Simple};

use super::{Facts, loc, settings, tag};
use crate::subject::{self, ImageSubject, TargetFacts};

pub(super) fn value(subject: &ImageSubject, facts: Facts<'_>) -> Value {
    let texts = |all: &BTreeMap<String, subject::Setting>| -> Value {
        all.iter()
            .map(|(name, it)| (name.clone(), json!(it.value)))
            .collect()
    };
    let platforms = subject.platforms.iter();
    let targets = subject.targets.iter();
    json!({
        "address": subject.address,
        "name": subject.name,
        "file": subject.dockerfile.source.name,
        "pattern": subject.pattern,
        "stage": subject.stage,
        "platforms": platforms.map(windlass_core::name::Platform::as_str).collect::<Vec<_>>(),
        "args": texts(&subject.args),
        "stamp_args": texts(&subject.stamp_args),
        "labels": texts(&subject.labels),
        "needs": subject.needs.keys().collect::<Vec<_>>(),
        "action": subject.action.map(windlass_core::plan::ImageAction::as_str),
        "targets": targets.map(|it| target(it, facts)).collect::<Value>(),
        "syntax": subject.dockerfile.syntax.as_ref().map(|it| json!({ "text": it.text, "loc": loc(subject, &it.span) })),
        "bases": bases(subject),
        "stages": stages(subject),
        "instructions": instructions(subject),
        "final": end(subject),
        "context": context(subject),
    })
}

/// Where it is held, with the settings that the repository ends with.
fn target(target: &TargetFacts, facts: Facts<'_>) -> Value {
    let repository = facts.repositories.iter().find(|it| it.key == target.key);
    json!({
        "registry": target.key.registry.as_str(),
        "repository": target.key.repository.as_str(),
        "tags": target.tags.iter().map(tag).collect::<Vec<_>>(),
        "settings": repository.map(settings),
    })
}

fn bases(subject: &ImageSubject) -> Value {
    subject
        .bases()
        .iter()
        .map(|base| {
            let locked = subject.locked.get(&base.image.to_string());
            json!({
                "reference": base.reference,
                "image": base.image.to_string(),
                "host": base.image.host,
                "path": base.image.path,
                "tag": base.image.tag.as_ref().map(ToString::to_string),
                "digest": base.image.digest.as_ref().map(ToString::to_string),
                "locked": locked.map(|it| it.digest.to_string()),
                "loc": loc(subject, &base.span),
            })
        })
        .collect()
}

fn stages(subject: &ImageSubject) -> Value {
    let facts = subject.facts();
    let stages = subject.dockerfile.stages.iter().enumerate();
    stages
        .map(|(at, stage)| {
            let graph = &facts.graph.stages[at];
            let (kind, image) = match facts.graph.root(at) {
                StageBase::Scratch => ("scratch", None),
                StageBase::Image(reference) => ("image", Some(reference.as_str())),
                StageBase::Stage(_) | StageBase::Unknown(_) => ("unknown", None),
            };
            json!({
                "index": at,
                "name": stage.name.as_ref().map(|it| it.text.as_str()),
                "base": stage.base.text,
                "root": { "kind": kind, "image": image },
                "platform": stage.platform.as_ref().map(|it| it.text.as_str()),
                "user": user(&graph.end),
                "is_final": facts.is_final(at),
                "is_reached": graph.reached,
                "loc": loc(subject, &stage.base.span),
            })
        })
        .collect()
}

fn instructions(subject: &ImageSubject) -> Value {
    let dockerfile = &subject.dockerfile;
    let scripts = &subject.facts().scripts;
    let instructions = dockerfile.instructions.iter().enumerate();
    instructions
        .map(|(at, it)| {
            let flags = it.flags.iter().map(|flag| {
                json!({ "name": flag.name, "value": flag.value.text, "loc": loc(subject, &flag.value.span) })
            });
            let own = scripts.iter().filter(|script| script.instruction == at);
            let commands: Vec<Value> = own.flat_map(|it| commands(subject, &it.script)).collect();
            let heredocs = it.heredocs.iter().map(|heredoc| {
                json!({ "name": heredoc.name, "text": dockerfile.source.text[heredoc.span.clone()], "loc": loc(subject, &heredoc.span) })
            });
            json!({
                "keyword": it.keyword,
                "stage": dockerfile.stage_of(at),
                "arguments": it.arguments,
                "words": it.words().iter().map(|word| json!({ "text": word.text, "loc": loc(subject, &word.span) })).collect::<Value>(),
                "form": form(it),
                "flags": flags.collect::<Value>(),
                "heredocs": heredocs.collect::<Value>(),
                "commands": commands,
                "loc": loc(subject, &it.span),
            })
        })
        .collect()
}

fn form(instruction: &Instruction) -> Option<&'static str> {
    instruction.command().map(|command| match command.form {
        Form::Exec(_) => "exec",
        Form::Shell => "shell",
        Form::Broken => "broken",
    })
}

fn commands(subject: &ImageSubject, script: &Script) -> Vec<Value> {
    let commands = script.commands.iter();
    commands
        .filter_map(|simple| {
            let mut value = command(simple)?;
            value["interpreter"] = json!(script.interpreter.name);
            value["loc"] = loc(subject, &simple.span);
            Some(value)
        })
        .collect()
}

/// What a simple command calls; nothing for assignments and redirections alone.
pub(in crate::rego) fn command(simple: &Simple) -> Option<Value> {
    let call = simple.call()?;
    let environment: BTreeMap<&str, &str> = call.environment.iter().copied().collect();
    let redirects = simple.redirects.iter();
    Some(json!({
        "name": call.name,
        "arguments": call.arguments.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(),
        "wrappers": call.wrappers.iter().map(|it| it.name).collect::<Vec<_>>(),
        "environment": environment,
        "redirects": redirects.map(|it| json!({ "operator": it.operator, "target": it.target.text })).collect::<Value>(),
        "join": join(simple.join),
        "pipefail": simple.pipefail,
    }))
}

fn join(join: Join) -> &'static str {
    match join {
        Join::First => "first",
        Join::Sequence => ";",
        Join::And => "&&",
        Join::Or => "||",
        Join::Background => "&",
        Join::Pipe => "|",
    }
}

/// What the image that is built ends with.
fn end(subject: &ImageSubject) -> Value {
    let Some(state) = subject.facts().end() else {
        return Value::Null;
    };
    let texts = |all: &BTreeMap<String, Expanded>| -> Value {
        all.iter()
            .map(|(name, it)| (name.clone(), fixed(it)))
            .collect()
    };
    json!({
        "user": user(state),
        "workdir": text(&state.workdir, "/"),
        "entrypoint": process(&state.entrypoint),
        "cmd": process(&state.cmd),
        "healthcheck": match &state.healthcheck {
            Setting::Unset => Some(false),
            other => other.value().copied(),
        },
        "stop_signal": text(&state.stop_signal, ""),
        "environment": texts(&state.environment),
        "labels": texts(&state.labels),
    })
}

/// The user, empty for root by default, null where a base image that is not known decides.
fn user(state: &State) -> Value {
    text(&state.user, "")
}

fn text(setting: &Setting<Expanded>, unset: &str) -> Value {
    match setting {
        Setting::Unset => json!(unset),
        Setting::Unknown => Value::Null,
        Setting::Base(value) => fixed(value),
        Setting::Set(placed) => fixed(&placed.value),
    }
}

fn fixed(value: &Expanded) -> Value {
    if value.is_fixed() {
        json!(value.text)
    } else {
        Value::Null
    }
}

/// The words of the exec form, or the text of the shell form; an empty list where there is none, null where that is not known.
fn process(setting: &Setting<Process>) -> Value {
    match (setting, setting.value()) {
        (Setting::Unset, _) => json!([]),
        (_, Some(Process::Exec(words))) => json!(words),
        (_, Some(Process::Shell(text))) => json!(text),
        (_, None) => Value::Null,
    }
}

fn context(subject: &ImageSubject) -> Value {
    let Some(context) = &subject.context else {
        return Value::Null;
    };
    let entries = context.listing.entries.iter();
    let files: Vec<Value> = entries
        .filter_map(|entry| match &entry.kind {
            OutlineKind::File {
                executable, bytes, ..
            } => Some(json!({ "path": entry.path, "bytes": bytes, "executable": executable })),
            OutlineKind::Link { target } => Some(json!({ "path": entry.path, "link": target })),
            OutlineKind::Directory => None,
        })
        .collect();
    json!({ "folder": context.folder, "files": files })
}
