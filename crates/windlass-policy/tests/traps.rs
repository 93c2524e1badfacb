//! What users of other linters complain about, and the case that holds each of it right.
//!
//! A linter is switched off after its third false positive, so each known trap is a case: of a rule's page (`docs/rules`), of the corpus
//! of Dockerfiles, or a test of its own where it is about more than one rule. The list fails where a proof is gone.

mod common;

use std::fmt::Write as _;
use std::path::Path;

use windlass_core::finding::Level;
use windlass_policy::rule::Profile;
use windlass_policy::rules::find;

use common::page::read_page;

/// What holds a trap.
enum Proof {
    /// A case of the rule that fails, with this text in it.
    Fails(&'static str, &'static str),
    /// A case of the rule that passes, with this text in it.
    Passes(&'static str, &'static str),
    /// A rule that is off unless somebody asks for it.
    Off(&'static str),
    /// A file of the corpus, with this text in it.
    Corpus(&'static str, &'static str),
    /// A test, by its name.
    Test(&'static str),
}

use Proof::{Corpus, Fails, Off, Passes, Test};

/// The complaints with their proofs; numbers without a name are issues of hadolint.
const TRAPS: &[(&str, &[Proof])] = &[
    (
        "a heredoc hides what stands behind it, or all of the file (#960, #1137, #1019, #1051)",
        &[
            Fails("sudo", "EOF\nRUN sudo true"),
            Passes("waiver-malformed", "RUN <<EOF"),
            Corpus("heredoc-directly-followed", "EOF\nRUN"),
            Corpus("heredoc-instructions-inside", "EOF"),
        ],
    ),
    (
        "one bad line hides the rest of the file and all other files",
        &[Test("lint_fixes_what_it_can_and_goes_on_after_a_bad_file")],
    ),
    (
        "the final user is the wrong one (#405, #328, #359, #648, #1014, #1025, #1068)",
        &[
            Passes("user-root-final", "USER 10001\nFROM base"),
            Passes(
                "user-root-final",
                "USER root\nFROM gcr.io/distroless/static-debian12:nonroot",
            ),
            Fails("user-root-final", "ARG UID=0\nUSER ${UID}:1000"),
            Fails("user-root-final", "USER app\nRUN true\nUSER root"),
            Passes("user-root-final", "FROM registry.example/base:1"),
            Fails("user-root-final", "FROM registry.example/base:1"),
            Passes("user-root-final", "ENTRYPOINT [\"/entrypoint.sh\"]"),
        ],
    ),
    (
        "SHELL, USER and WORKDIR of a stage before are forgotten (#406)",
        &[
            Passes(
                "pipefail",
                "SHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]\nFROM base",
            ),
            Passes("copy-relative-no-workdir", "WORKDIR /app\nFROM base"),
            Passes("workdir-relative", "FROM base\nWORKDIR test"),
            Fails("copy-after-user-no-chown", "FROM base\nCOPY"),
        ],
    ),
    (
        "pins of apt and apk break builds; variables count as no version (#928)",
        &[
            Off("apt-unpinned"),
            Off("apk-unpinned"),
            Off("yum-unpinned"),
            Passes("apt-unpinned", "curl=${CURL_VERSION}"),
            Passes("apk-unpinned", "$PACKAGES"),
        ],
    ),
    (
        "several RUN are noise, and heredocs count as several (#805)",
        &[Off("consecutive-run"), Passes("consecutive-run", "RUN <<E")],
    ),
    (
        "names that only sound like secrets (buildkit #5775, buildx #3059)",
        &[
            Passes("secret-in-arg-env", "SSH_KEY_DIR KEY_NAME=deploy"),
            Passes(
                "secret-in-arg-env",
                "AUTH_MODE=oidc PUBLIC_KEY=abc TOKENIZERS_PARALLELISM",
            ),
            Passes("secret-in-arg-env", "DB_PASSWORD_FILE"),
            Passes("build-arg-secret", "TOKENIZER=\"x\" SECRET_NAME"),
            Passes("secret-used-without-mount", "$TOKENIZER ${TOKEN_FILE}"),
        ],
    ),
    (
        "certificates that an image is to trust count as keys",
        &[
            Passes(
                "secret-file-copied",
                "corporate.pem /usr/local/share/ca-certificates/corporate.crt",
            ),
            Fails(
                "secret-file-copied",
                "corporate.key /usr/local/share/ca-certificates/",
            ),
        ],
    ),
    (
        "what is skipped for a file hides what comes later (buildx #3059)",
        &[
            Fails("add-not-copy", "ADD app.py /app/\nADD main.py /app/"),
            Fails("waiver-unused", "RUN true"),
        ],
    ),
    (
        "a word too many in a comment switches it off without a sound (#997, #1028, #370)",
        &[
            Fails("waiver-malformed", "until 3.13 is out"),
            Fails("waiver-malformed", "base-lates "),
            Passes("pragma-foreign", "# hadolint is nice"),
        ],
    ),
    (
        "a skip of one id skips others that begin alike (checkov #3952)",
        &[Fails("workdir-relative", "checkov:skip=CKV_DOCKER_1:")],
    ),
    (
        "only the first of several findings is shown (checkov #6890)",
        &[
            Fails("secret-in-arg-env", "DB_PASSWORD=hunter2 API_KEY"),
            Fails("stage-name-duplicate", "as BUILD"),
        ],
    ),
    (
        "what is missing cannot be waived (trivy #9463)",
        &[
            Passes(
                "healthcheck-missing",
                "# windlass: allow healthcheck-missing",
            ),
            Passes("user-root-final", "# windlass: allow user-root-final"),
        ],
    ),
    (
        "no columns, no spans (conftest #447)",
        &[
            Test("findings_stand_where_loc_says"),
            Test("every_case_finds_what_it_says"),
        ],
    ),
    (
        "no reason for an exception (conftest #432)",
        &[
            Fails("waiver-malformed", "owner=\"web\"\nFROM"),
            Test("json"),
        ],
    ),
    (
        "names of stages count as images without a tag (checkov #1450, #5161)",
        &[
            Passes("base-untagged", "FROM base AS Build"),
            Passes("base-untagged", "FROM --platform=linux/amd64 build"),
            Passes("base-latest", "FROM latest"),
            Passes("base-registry-allowed", "COPY --from=build"),
        ],
    ),
    (
        "`# check=` before an instruction crashes a parser (BuildKit)",
        &[Corpus("directive-check", "# check=")],
    ),
    (
        "no fixes, or fixes that change something else",
        &[Test("fixes_put_their_findings_right")],
    ),
    (
        "`latest` behind an argument, a user behind an argument",
        &[
            Fails("base-latest", "ARG TAG=latest"),
            Fails("user-root-final", "ARG UID=0"),
        ],
    ),
    (
        "patterns of .dockerignore that hold at the root only",
        &[
            Fails("ignore-root-only-pattern", "COPY . "),
            Passes("ignore-root-only-pattern", "COPY . "),
        ],
    ),
    (
        "the directive `escape` behind a comment is a comment",
        &[Corpus("directive-escape-late", "escape=`")],
    ),
    (
        "a comment behind USER is part of the user",
        &[Corpus("user-trailing-comment", "#")],
    ),
    (
        "`<<` with a blank behind it is a heredoc for BuildKit",
        &[
            Corpus("heredoc-blank-behind-operator", "<< "),
            Fails("heredoc-shift-operator", "1 << 3"),
            Passes("heredoc-shift-operator", "1<<3"),
        ],
    ),
    (
        "stage names have no case",
        &[
            Fails("stage-name-duplicate", "AS Build"),
            Passes("stage-unreachable", "COPY --from=Build"),
        ],
    ),
    (
        "`ENV A=1 B=$A` uses the old A",
        &[
            Corpus("env-same-instruction", "ENV"),
            Passes("env-self-ref", "ENV APP=/b BIN=$APP/bin"),
        ],
    ),
    (
        "a list in single quotes is a shell command",
        &[
            Fails("json-invalid-exec", "['"),
            Passes("json-invalid-exec", "[ -d /app ]"),
        ],
    ),
    (
        "comments inside continuations and lists vanish",
        &[
            Corpus("comment-in-continuation", "#"),
            Corpus("comment-in-json", "#"),
            Passes("empty-continuation", "# a comment\n"),
            Passes("json-invalid-exec", "# the program"),
        ],
    ),
    (
        "cache mounts and settings of pip, apt and apk that keep the cache out",
        &[
            Passes("pip-no-cache", "ENV PIP_NO_CACHE_DIR=1"),
            Passes("pip-no-cache", "--mount=type=cache"),
            Passes("apt-lists-left", "--mount=type=cache"),
            Passes("apk-no-cache", "--mount=type=cache"),
        ],
    ),
    (
        "an init that is there, in whatever way",
        &[
            Passes("init-missing", "\"/usr/bin/tini\", \"--\""),
            Passes("init-missing", "\"exec /app\""),
        ],
    ),
    (
        "immutable tags with exceptions",
        &[Passes("ecr-immutable", "except \"latest\"")],
    ),
];

#[test]
fn every_trap_is_a_case() {
    let mut wrong = String::new();
    let tests = tests_of(&common::root().join("crates"));
    for (what, proofs) in TRAPS {
        assert!(!proofs.is_empty(), "{what}: no proof");
        for proof in *proofs {
            if let Some(why) = missing(proof, &tests) {
                let _ = writeln!(wrong, "{what}: {why}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn missing(proof: &Proof, tests: &str) -> Option<String> {
    match proof {
        Fails(rule, text) => missing_case(rule, text, true),
        Passes(rule, text) => missing_case(rule, text, false),
        Off(rule) => {
            let rule = find(rule).expect("a rule");
            let levels = [Profile::Baseline, Profile::Hardened].map(|it| rule.level_in(it));
            (levels != [Level::Off; 2]).then(|| format!("`{}` is not off", rule.id))
        }
        Corpus(name, text) => {
            let path = format!("tests/corpus/dockerfiles/{name}.Dockerfile");
            let found = std::fs::read_to_string(common::root().join(&path));
            let held = found.is_ok_and(|it| it.contains(text));
            (!held).then(|| format!("`{path}` does not hold `{text}`"))
        }
        Test(name) => {
            let head = format!("fn {name}()");
            (!tests.contains(&head)).then(|| format!("there is no test `{name}`"))
        }
    }
}

fn missing_case(rule: &str, text: &str, fails: bool) -> Option<String> {
    let rule = find(rule).unwrap_or_else(|| panic!("no rule {rule}"));
    let cases = read_page(rule).cases;
    let held = cases
        .iter()
        .any(|it| it.expected.is_empty() != fails && it.text.contains(text));
    let word = if fails { "fails" } else { "passes" };
    (!held).then(|| format!("no case of `{}` that {word} holds `{text}`", rule.id))
}

/// Returns the texts of all tests.
fn tests_of(folder: &Path) -> String {
    let mut texts = String::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                texts.push_str(&std::fs::read_to_string(path).expect("a text"));
            }
        }
    }
    texts
}
