//! The pipelines of `examples/ci`: their shell steps, run as they stand on a copy of `examples/shop`, against the local ECR.
//!
//! Actions of others, credentials and artifacts are the services' part and are not played; `gh` is, by a script that records what it is asked.

#[path = "common/mod.rs"]
mod common;

use std::path::Path;
use std::process::Command;

use common::{Workspace, has_engine, python};
use serde_json::Value;

/// Reads the YAML files of the pipelines by a parser of others.
const READ: &str = "import json, sys, yaml
class Loader(yaml.SafeLoader): pass
# `on` is a key and no flag, as the services read it.
Loader.yaml_implicit_resolvers = {k: [r for r in v if r[0] != 'tag:yaml.org,2002:bool'] for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
print(json.dumps(yaml.load(open(sys.argv[1]), Loader)))";

fn pipeline(path: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/ci")
        .join(path);
    python(READ, &[file.to_str().expect("UTF-8")])
}

/// A workspace with a lock that fits, in a clone of a branch `main`, and what a job's steps are run with.
struct Job {
    workspace: Workspace,
    variables: Vec<(String, String)>,
}

impl Job {
    fn new() -> Self {
        let workspace = Workspace::shop();
        workspace.run(&["--local", "lock"]).exits(0);
        workspace.commit();
        let temporary = workspace.home().join("runner");
        std::fs::create_dir_all(&temporary).expect("a folder");
        let temporary = temporary.display().to_string();
        let checkout = workspace.path("").display().to_string();
        let summary = workspace.home().join("summary.md").display().to_string();
        let variables = [
            ("WINDLASS_LOCAL", "1"),
            ("GITHUB_STEP_SUMMARY", summary.as_str()),
            ("RUNNER_TEMP", temporary.as_str()),
            ("GITHUB_WORKSPACE", checkout.as_str()),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_SHA", "0000000"),
            ("PULL_REQUEST", "7"),
            ("GH_TOKEN", "none"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let job = Self {
            workspace,
            variables: variables.to_vec(),
        };
        job.play_gh();
        job
    }

    /// Puts a `gh` in front that keeps the comment of a pull request and the artifact of its job in files, as GitHub would.
    fn play_gh(&self) {
        let folder = self.workspace.home().join("bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let script = "#!/bin/bash
echo \"$*\" >> \"$HOME/gh.log\"
case \"$*\" in
*/pulls*) [ -e \"$HOME/artifact.json\" ] && echo head ;;
'run list'*) echo 1 ;;
'run download'*) mkdir -p \"$RUNNER_TEMP/reviewed\" && cp \"$HOME/artifact.json\" \"$RUNNER_TEMP/reviewed/plan.json\" ;;
*--jq*) [ -e \"$HOME/comment.md\" ] && echo 1 ;;
*PATCH*|*POST*) cp comment.md \"$HOME/comment.md\" ;;
esac
exit 0
";
        let path = folder.join("gh");
        std::fs::write(&path, script).expect("written");
        let made = Command::new("chmod").arg("+x").arg(&path).status();
        assert!(made.expect("chmod runs").success());
    }

    /// Runs the shell steps of a job, one after the other, as the services do: each line must succeed.
    fn run(&self, steps: &[String], more: &[(&str, &str)]) -> String {
        let (fine, said) = self.play(steps, more);
        assert!(fine, "{said}");
        said
    }

    /// The same for a job that must end before its last step.
    fn fails(&self, steps: &[String], more: &[(&str, &str)]) -> String {
        let (fine, said) = self.play(steps, more);
        assert!(!fine, "{said}");
        said
    }

    fn play(&self, steps: &[String], more: &[(&str, &str)]) -> (bool, String) {
        let base = self.workspace.command(&[]);
        let binary = Path::new(base.get_program()).parent().expect("a folder");
        let own = self.workspace.home().join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{}:{path}", own.display(), binary.display());
        let mut said = String::new();
        for step in steps {
            let output = Command::new("bash")
                .args(["-e", "-o", "pipefail", "-c", step])
                .env_clear()
                .envs(
                    base.get_envs()
                        .filter_map(|(name, value)| Some((name, value?))),
                )
                .envs(self.variables.iter().map(|(name, value)| (name, value)))
                .envs(more.iter().copied())
                .env("PATH", &path)
                .current_dir(self.workspace.path(""))
                .output()
                .expect("bash runs");
            let texts = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
            said.extend(["$ ", step, "\n", &texts[0], &texts[1]]);
            if !output.status.success() {
                return (false, said);
            }
        }
        (true, said)
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|it| it.as_str().expect("a text").to_owned())
        .collect()
}

/// Returns the shell steps of a job of GitHub Actions.
fn github_steps(workflow: &Value, job: &str) -> Vec<String> {
    runs(&workflow["jobs"][job]["steps"])
}

fn runs(steps: &Value) -> Vec<String> {
    let steps = steps.as_array().expect("steps");
    steps
        .iter()
        .filter_map(|step| step["run"].as_str())
        .map(str::to_owned)
        .collect()
}

#[test]
fn engine_pipelines_are_as_their_published_schemas_say() {
    if !has_engine() {
        return;
    }
    let program = std::env::var("WINDLASS_TEST_SCHEMAS").expect("`cargo xtask test` sets it");
    for (schema, path) in [
        ("vendor.github-workflows", "github/windlass.yml"),
        ("vendor.gitlab-ci", "gitlab/.gitlab-ci.yml"),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples/ci")
            .join(path);
        let output = Command::new(&program)
            .args(["--builtin-schema", schema, "--data-transform", "gitlab-ci"])
            .arg(&file)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{path}: {said}");
    }
}

/// What the reference of buildspec 0.2 allows: no package ships a schema of it. A key ends in `.` where more stands below it.
const BUILDSPEC: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "version",
            "run-as",
            "env.",
            "proxy",
            "batch",
            "phases.",
            "reports.",
            "artifacts.",
            "cache",
        ],
    ),
    (
        "env.",
        &[
            "shell",
            "variables",
            "parameter-store",
            "exported-variables",
            "secrets-manager",
            "git-credential-helper",
        ],
    ),
    (
        "phases.",
        &["install.", "pre_build.", "build.", "post_build."],
    ),
    (
        "phase.",
        &[
            "run-as",
            "on-failure",
            "runtime-versions",
            "commands",
            "finally",
            "steps",
        ],
    ),
    (
        "report.",
        &["files", "base-directory", "discard-paths", "file-format"],
    ),
    (
        "artifacts.",
        &[
            "files",
            "name",
            "discard-paths",
            "base-directory",
            "exclude-paths",
            "enable-symlinks",
            "s3-prefix",
            "secondary-artifacts",
        ],
    ),
];

#[test]
fn engine_the_buildspec_has_only_what_its_reference_names() {
    if !has_engine() {
        return;
    }
    let spec = pipeline("codebuild/buildspec.yml");
    assert_eq!(spec["version"], 0.2);
    let known = |group: &str, value: &Value| {
        let (_, allowed) = BUILDSPEC
            .iter()
            .find(|(name, _)| *name == group)
            .expect("a group");
        for key in value.as_object().expect("a mapping").keys() {
            let fits = |it: &&str| it.trim_end_matches('.') == key;
            assert!(allowed.iter().any(fits), "{group}{key}");
        }
    };
    known("", &spec);
    known("env.", &spec["env"]);
    known("phases.", &spec["phases"]);
    for phase in spec["phases"].as_object().expect("phases").values() {
        known("phase.", phase);
        assert!(!texts(&phase["commands"]).is_empty());
    }
    for report in spec["reports"].as_object().expect("reports").values() {
        known("report.", report);
        assert_eq!(report["file-format"], "JUNITXML");
    }
    known("artifacts.", &spec["artifacts"]);
}

#[test]
fn engine_the_github_job_shows_one_rebuild_and_applies_it_after_the_merge() {
    if !has_engine() {
        return;
    }
    let workflow = pipeline("github/windlass.yml");
    let locked = (
        "WINDLASS_LOCKED",
        workflow["env"]["WINDLASS_LOCKED"].as_str().expect("a text"),
    );
    let job = Job::new();
    let steps = |name: &str| github_steps(&workflow, name);
    // main as it is
    job.run(&steps("check"), &[locked]);
    assert!(job.run(&steps("apply"), &[locked]).contains("3 built"));
    // a branch with one changed source
    job.workspace
        .replace("services/web/main.py", "healthy", "well");
    job.workspace.commit();
    job.run(&steps("check"), &[locked]);
    job.run(&steps("plan"), &[locked]);
    let artifact = job.workspace.home().join("runner/plan.json");
    std::fs::copy(artifact, job.workspace.home().join("artifact.json")).expect("the plan as JSON");
    let comment =
        std::fs::read_to_string(job.workspace.home().join("comment.md")).expect("a comment");
    assert!(
        comment.starts_with("<!-- windlass plan shop -->\n"),
        "{comment}"
    );
    assert!(
        comment.contains("**Plan: 1 to build, 0 to push, 0 to retag. 2 unchanged.**"),
        "{comment}"
    );
    assert!(comment.contains("main.py"), "{comment}");
    let findings = std::fs::read_to_string(job.workspace.home().join("runner/plan.sarif"));
    assert!(findings.expect("SARIF").contains("\"2.1.0\""));
    // a further push replaces the comment
    job.run(&steps("plan"), &[locked]);
    let asked = std::fs::read_to_string(job.workspace.home().join("gh.log")).expect("a log");
    assert_eq!(asked.matches("--method POST").count(), 1, "{asked}");
    assert_eq!(asked.matches("--method PATCH").count(), 1, "{asked}");
    // A plan that is blocked fails the job, and the reviewer sees why.
    job.workspace.replace(
        "windlass.kdl",
        "context \"services/web\"",
        "context \"services/web\"; platform \"linux/amd64\" \"linux/arm64\"",
    );
    job.fails(&steps("plan"), &[locked]);
    let blocked = std::fs::read_to_string(job.workspace.home().join("comment.md"));
    let blocked = blocked.expect("a comment");
    assert!(blocked.contains("blocked"), "{blocked}");
    job.workspace.replace(
        "windlass.kdl",
        "; platform \"linux/amd64\" \"linux/arm64\"",
        "",
    );
    // Something else came in between: the plan of main is another one, and nothing is applied.
    let server = "services/storefront/server.js";
    job.workspace.replace(server, "healthy", "well");
    let said = job.fails(&steps("apply"), &[locked]);
    assert!(
        said.contains("reviewed") && !said.contains("Applied."),
        "{said}"
    );
    job.workspace.replace(server, "well", "healthy");
    // merged
    assert!(job.run(&steps("apply"), &[locked]).contains("1 built"));
    std::fs::remove_file(job.workspace.home().join("artifact.json")).expect("removed");
    std::fs::remove_dir_all(job.workspace.home().join("runner/reviewed")).expect("removed");
    let said = job.run(&steps("apply"), &[locked]);
    assert!(
        said.contains("Already applied"),
        "a second run applies nothing: {said}"
    );
}

#[test]
fn engine_the_steps_of_the_other_services_run() {
    if !has_engine() {
        return;
    }
    let job = Job::new();
    let gitlab = pipeline("gitlab/.gitlab-ci.yml");
    for name in ["check", "plan", "apply"] {
        let locked = (
            "WINDLASS_LOCKED",
            gitlab["variables"]["WINDLASS_LOCKED"]
                .as_str()
                .expect("a text"),
        );
        // The lines of a job are one script: a variable of one is known in the next.
        job.run(&[texts(&gitlab[name]["script"]).join("\n")], &[locked]);
    }
    assert!(job.workspace.read("images.env").contains("WEB_IMAGE="));
    let codebuild = pipeline("codebuild/buildspec.yml");
    for name in ["plan", "apply"] {
        for phase in ["pre_build", "build"] {
            job.run(
                &texts(&codebuild["phases"][phase]["commands"]),
                &[("WINDLASS_JOB", name)],
            );
        }
    }
    assert!(job.workspace.path("images.json").exists());
    let jenkins = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ci/jenkins/Jenkinsfile"),
    )
    .expect("a file");
    let steps: Vec<String> = jenkins
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sh '")?.strip_suffix('\''))
        .map(str::to_owned)
        .collect();
    assert_eq!(steps.len(), 8);
    job.run(&steps, &[("WINDLASS_LOCKED", "true")]);
}

/// Returns the blocks of YAML of a page.
fn snippets(page: &str) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join(page)).expect("a page");
    let folder = tempfile::tempdir().expect("a folder");
    let blocks = text.split("```yaml\n").skip(1);
    blocks
        .map(|block| {
            let (yaml, _) = block.split_once("\n```").expect("its end");
            let file = folder.path().join("snippet.yml");
            std::fs::write(&file, yaml).expect("written");
            python(READ, &[file.to_str().expect("UTF-8")])
        })
        .collect()
}

#[test]
fn engine_the_snippets_of_the_pages_run() {
    if !has_engine() {
        return;
    }
    let job = Job::new();
    let pages = snippets("docs/ci.md");
    let [github, gitlab, matrix] = pages.as_slice() else {
        panic!("{} snippets", pages.len());
    };
    // One job an image: what the first job puts out is what the second is made of.
    let output = job.workspace.home().join("output");
    let output_text = output.display().to_string();
    let variables = [("GITHUB_OUTPUT", output_text.as_str())];
    job.run(&github_steps(matrix, "plan"), &variables);
    let put_out = std::fs::read_to_string(&output).expect("outputs");
    let stages = put_out.trim().strip_prefix("matrix=").expect("the matrix");
    let stages: Value = serde_json::from_str(stages).expect("JSON");
    let images = stages["stages"][0]["include"].as_array().expect("images");
    assert_eq!(images.len(), 3);
    for image in images {
        let address = image["address"].as_str().expect("an address");
        let steps = github_steps(matrix, "first");
        let named = steps
            .iter()
            .map(|it| it.replace("${{ matrix.address }}", address));
        assert!(job.run(&named.collect::<Vec<_>>(), &[]).contains("1 built"));
    }
    // The pages of both services, after a change.
    job.workspace
        .replace("services/web/main.py", "healthy", "well");
    job.workspace.commit();
    job.run(&github_steps(github, "plan"), &[]);
    assert!(
        job.run(&github_steps(github, "apply"), &[])
            .contains("1 built")
    );
    for name in ["plan", "apply"] {
        job.run(&[texts(&gitlab[name]["script"]).join("\n")], &[]);
    }
    for steps in snippets("README.md") {
        job.run(&runs(&steps), &[]);
    }
}
