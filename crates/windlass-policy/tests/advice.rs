//! What findings say to do: the rewritten block where several steps have to become one, the parameter of the pattern where windlass
//! wrote the Dockerfile.

mod common;

use windlass_core::diag::Source;
use windlass_policy::evaluate::{Found, Subjects, evaluate};
use windlass_policy::subject::ImageSubject;

fn found(rule: &str, text: &str) -> Found {
    let subjects = Subjects {
        images: vec![ImageSubject::of_text(&Source::new("Dockerfile", text))],
        ..Subjects::default()
    };
    let mut found = evaluate(&subjects, &common::page::policies());
    found.retain(|it| it.finding.rule == rule);
    assert!(!found.is_empty(), "{rule} finds nothing in\n{text}");
    found.swap_remove(0)
}

fn help(rule: &str, text: &str) -> String {
    found(rule, text).finding.help.unwrap_or_default()
}

#[test]
fn what_is_installed_and_removed_in_two_steps_is_written_as_one() {
    let text = "FROM debian:12\nRUN apt-get update && apt-get install -y gcc make\nRUN make install\nRUN apt-get purge -y gcc && rm -rf /var/lib/apt/lists/*\n";
    insta::assert_snapshot!(help("install-remove-separate-layers", text), @r"
    install, use and remove in one step:
    RUN apt-get update \
        && apt-get install -y --no-install-recommends gcc make \
        && make install \
        && apt-get purge -y --auto-remove gcc \
        && rm -rf /var/lib/apt/lists/*
    ");
    let text = "FROM alpine:3.22\nRUN apk add --no-cache --virtual .build gcc musl-dev\nRUN pip install \\\n    uwsgi\nRUN apk del .build\n";
    insta::assert_snapshot!(help("install-remove-separate-layers", text), @r"
    install, use and remove in one step:
    RUN apk add --no-cache --virtual .build gcc musl-dev \
        && pip install uwsgi \
        && apk del .build
    ");
}

#[test]
fn what_names_the_dependencies_is_copied_before_the_rest() {
    let text = "FROM node:24-slim\nWORKDIR /app\nCOPY . .\nRUN npm ci\n";
    insta::assert_snapshot!(help("copy-before-deps", text), @r"
    copy what names the dependencies first:
    COPY package*.json ./
    RUN npm ci
    COPY . .
    ");
    let text = "FROM python:3.13-slim\nCOPY ./ /srv/\nRUN pip install --no-cache-dir -r requirements.txt\n";
    insta::assert_snapshot!(help("copy-before-deps", text), @r"
    copy what names the dependencies first:
    COPY requirements.txt ./
    RUN pip install --no-cache-dir -r requirements.txt
    COPY ./ /srv/
    ");
}

/// The advice makes the finding go away: the block is put in place of what it rewrites.
#[test]
fn the_rewritten_blocks_pass_themselves() {
    for (rule, text, before) in [
        (
            "install-remove-separate-layers",
            "FROM debian:12\nRUN apt-get update && apt-get install -y gcc\nRUN make\nRUN apt-get purge -y gcc\n",
            "FROM debian:12\n",
        ),
        (
            "copy-before-deps",
            "FROM node:24-slim\nWORKDIR /app\nCOPY . .\nRUN npm ci\n",
            "FROM node:24-slim\nWORKDIR /app\n",
        ),
    ] {
        let help = help(rule, text);
        let (_, block) = help.split_once(":\n").expect("a block");
        let rewritten = Source::new("Dockerfile", format!("{before}{block}\n"));
        let subjects = Subjects {
            images: vec![ImageSubject::of_text(&rewritten)],
            ..Subjects::default()
        };
        let found = evaluate(&subjects, &common::page::policies());
        assert!(found.iter().all(|it| it.finding.rule != rule), "{block}");
    }
}

/// Nobody edits what windlass writes: the fix is gone, and the help ends with the parameter.
#[test]
fn findings_in_rendered_files_name_the_parameter_to_change() {
    for (rule, pattern, text, advice) in [
        (
            "base-end-of-life",
            "python@1",
            "FROM python:3.8-slim",
            "`version` or `base`",
        ),
        (
            "base-end-of-life",
            "go-distroless@1",
            "FROM golang:1.20 AS builder\nFROM scratch\nCOPY --from=builder /app /app",
            "`version` or `base`",
        ),
        (
            "base-latest",
            "go-distroless@1",
            "FROM golang:1.27 AS builder\nFROM debian:latest",
            "`runtime`",
        ),
        (
            "base-untagged",
            "node@1",
            "FROM node",
            "`version` or `base`",
        ),
        (
            "build-tools-in-final",
            "python@1",
            "FROM debian:12\nRUN apt-get update && apt-get install -y gcc",
            "`build_packages`",
        ),
        (
            "init-missing",
            "node@1",
            "FROM node:24-slim\nCMD [\"node\", \"a.js\"]",
            "`init`",
        ),
        (
            "user-root-final",
            "node@1",
            "FROM node:24-slim\nUSER root",
            "`user` or `uid`",
        ),
        (
            "healthcheck-missing",
            "python@1",
            "FROM python:3.13-slim",
            "`healthcheck`",
        ),
        (
            "expose-22",
            "python@1",
            "FROM python:3.13-slim\nEXPOSE 22",
            "`port`",
        ),
        (
            "apt-unpinned",
            "python@1",
            "FROM python:3.13-slim\nRUN apt-get update && apt-get install -y curl",
            "`packages` or `build_packages`",
        ),
        (
            "secret-in-arg-env",
            "node@1",
            "FROM node:24-slim\nENV API_KEY=x",
            "`env`",
        ),
        (
            "scratch-no-tzdata",
            "go-distroless@1",
            "FROM golang:1.27 AS builder\nFROM scratch\nENV TZ=Europe/Berlin\nCOPY --from=builder /app /app\nENTRYPOINT [\"/app\"]",
            "`tzdata`",
        ),
    ] {
        let found = found(
            rule,
            &format!("# windlass {pattern} - edit windlass.kdl\n{text}\n"),
        );
        let help = found.finding.help.unwrap_or_default();
        let end = format!(
            "the Dockerfile is rendered by {pattern}: set {advice} under `with` of the image"
        );
        assert!(help.ends_with(&end), "{rule}: {help}");
        assert!(
            found.fix.is_none(),
            "{rule}: a fix would be lost at the next rendering"
        );
    }
}

#[test]
fn findings_in_files_of_own_patterns_point_at_their_parameters() {
    let text = "# windlass worker - edit windlass.kdl\nFROM python:3.13-slim\nADD app.py /app/\n";
    let found = found("add-not-copy", text);
    let help = found.finding.help.unwrap_or_default();
    let end = "the Dockerfile is rendered by worker: see its parameters (`with`)";
    assert!(help.ends_with(end) && found.fix.is_none(), "{help}");
}
