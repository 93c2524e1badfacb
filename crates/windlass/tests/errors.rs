//! What goes wrong: each a clear error that says what to do next, the right exit code, nothing half done.

#[path = "common/mod.rs"]
mod common;

use common::{Workspace, has_engine};
use windlass_ecr_local::{Config, FaultKind, LocalEcr};

const SCRATCH: &str = "FROM scratch\nCOPY f /f\n";
const MANIFEST: &str = r#"workspace "hello"
registry "dev" { account "111122223333"; region "eu-west-1" }
image "api" { dockerfile "Dockerfile"; tag "v1"; target "dev" }
"#;

fn workspace(dockerfile: &str) -> Workspace {
    Workspace::new(&[
        ("windlass.kdl", MANIFEST),
        ("Dockerfile", dockerfile),
        ("f", "hello"),
    ])
}

/// An ECR in this process, and a workspace that reaches it by `endpoint`, as it would reach a real one.
struct Remote {
    ecr: LocalEcr,
    faults: windlass_ecr_local::Faults,
    workspace: Workspace,
}

impl Remote {
    fn new(account: &str) -> Self {
        let config = Config {
            account: account.to_owned(),
            region: "eu-west-1".to_owned(),
            ..Config::default()
        };
        let ecr = LocalEcr::start_blocking(&config).expect("the local ECR starts");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let address = runtime
            .block_on(ecr.address(account, "eu-west-1"))
            .expect("an address");
        let workspace = workspace(SCRATCH);
        let endpoint = format!(
            "region \"eu-west-1\"; endpoint ecr=\"http://{address}\" sts=\"http://{address}\" tagging=\"http://{address}\""
        );
        workspace.replace("windlass.kdl", "region \"eu-west-1\"", &endpoint);
        Self {
            ecr,
            faults: config.faults,
            workspace,
        }
    }

    fn run(&self, account: &str, arguments: &[&str]) -> common::Done {
        self.workspace.run_with(
            &[
                ("AWS_ACCESS_KEY_ID", account),
                ("AWS_SECRET_ACCESS_KEY", "local"),
            ],
            arguments,
        )
    }

    fn writes(&self) -> u64 {
        let writes = [
            "CreateRepository",
            "PutImage",
            "InitiateLayerUpload",
            "registry:StartUpload",
        ];
        self.ecr
            .calls()
            .iter()
            .filter(|(name, _)| writes.contains(&name.as_str()))
            .map(|(_, count)| count)
            .sum()
    }
}

#[test]
fn no_credentials() {
    workspace(SCRATCH)
        .run(&["plan"])
        .exits(1)
        .says("no AWS credentials")
        .says("aws sso login")
        .says("--local");
}

#[test]
fn no_engine_leaves_nothing_behind() {
    let workspace = workspace(SCRATCH);
    let ecr = workspace.serve();
    let done = workspace.run_with(
        &[("DOCKER_HOST", "unix:///nonexistent.sock")],
        &["--local", "apply", "--auto-approve"],
    );
    done.exits(1)
        .says("no Docker Engine")
        .says("DOCKER_HOST")
        .says("nothing was written");
    assert_eq!(ecr.calls().get("CreateRepository"), None);
    workspace
        .run_with(
            &[("DOCKER_HOST", "unix:///nonexistent.sock")],
            &["--local", "plan"],
        )
        .exits(0)
        .says("1 to build");
}

#[test]
fn a_denied_call_names_the_action_and_is_unknown_not_absent() {
    let remote = Remote::new("111122223333");
    remote
        .faults
        .always("DescribeRepositories", FaultKind::AccessDenied);
    remote
        .run("111122223333", &["plan"])
        .exits(1)
        .says("ecr:DescribeRepositories")
        .says("unknown");
    remote
        .run("111122223333", &["apply", "--auto-approve"])
        .exits(1);
    assert_eq!(remote.writes(), 0);
}

#[test]
fn an_expired_token_says_what_to_renew() {
    let remote = Remote::new("111122223333");
    remote.faults.always("*", FaultKind::ExpiredToken);
    remote
        .run("111122223333", &["plan"])
        .exits(1)
        .says("expired");
    assert_eq!(remote.writes(), 0);
}

#[test]
fn credentials_of_another_account_are_named() {
    let remote = Remote::new("111122223333");
    let note = "registry dev is account 111122223333, the credentials are of account 444455556666";
    remote.run("444455556666", &["plan"]).exits(0).says(note);
    let applied = remote
        .run("444455556666", &["apply", "--auto-approve"])
        .says(note);
    assert_ne!(applied.code, 0);
}

#[test]
fn an_unreachable_registry_is_one_error() {
    let workspace = workspace(SCRATCH);
    workspace.replace(
        "windlass.kdl",
        "region \"eu-west-1\"",
        "region \"eu-west-1\"; endpoint ecr=\"http://127.0.0.1:9\"",
    );
    let done = workspace.run_with(
        &[
            ("AWS_ACCESS_KEY_ID", "111122223333"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ],
        &["plan"],
    );
    assert_eq!(done.code, 75, "it may pass");
    done.says("127.0.0.1:9").says("unknown");
}

#[test]
fn a_missing_context_file_is_found_before_any_registry_is_asked() {
    let workspace = Workspace::new(&[(
        "windlass.kdl",
        &MANIFEST.replace(
            "\"api\" { dockerfile \"Dockerfile\";",
            "\"api\" pattern=\"python@1\" {",
        ),
    )]);
    workspace
        .run(&["plan"])
        .exits(1)
        .says("requirements.txt")
        .says("windlass.kdl:3:21");
}

#[test]
fn a_secret_in_a_build_arg_is_refused_and_never_shown() {
    let workspace = workspace(SCRATCH);
    workspace.replace(
        "windlass.kdl",
        "tag \"v1\"",
        "tag \"v1\"; arg NPM_TOKEN=\"canary-7f3a\"",
    );
    for arguments in [
        &["validate"][..],
        &["plan"],
        &["--local", "apply", "--auto-approve"],
        &["validate", "--json"],
        &["render"],
    ] {
        let done = workspace.run(arguments).exits(1);
        assert!(
            !format!("{}{}", done.out, done.err).contains("canary"),
            "{arguments:?}"
        );
    }
}

#[test]
fn mistakes_in_the_command_line_exit_1() {
    let workspace = workspace(SCRATCH);
    workspace
        .run(&["plan", "--formt", "json"])
        .exits(1)
        .says("--format");
    workspace
        .run(&["--var", "x", "plan"])
        .exits(1)
        .says("--var NAME=VALUE");
    workspace.run(&["--help"]).exits(0);
    workspace
        .run(&["--local", "plan", "--only", "image.nope"])
        .exits(1)
        .says("image.nope");
    workspace.run(&["show", "missing.windlass"]).exits(1);
    let empty = Workspace::new(&[("x", "")]);
    empty.run(&["plan"]).exits(1).says("no windlass.kdl");
}

#[test]
fn a_demanded_policy_that_cannot_be_evaluated_denies() {
    let workspace = workspace(SCRATCH);
    for value in ["org.kdl", ""] {
        workspace
            .run_with(&[("WINDLASS_POLICY", value)], &["--local", "plan"])
            .exits(3)
            .says("polic");
    }
}

#[test]
fn nobody_to_ask_is_an_error_with_the_two_ways_out() {
    let workspace = workspace(SCRATCH);
    workspace
        .run(&["--local", "apply"])
        .exits(1)
        .says("--auto-approve")
        .says("windlass plan --out");
}

#[test]
fn locked_refuses_a_base_that_is_not_locked() {
    let workspace = workspace("FROM debian:bookworm-slim\nCOPY f /f\nUSER 10001\n");
    workspace
        .run(&["--local", "--locked", "plan"])
        .exits(1)
        .says("lock/missing")
        .says("Dockerfile:1:6")
        .says("windlass lock");
    workspace
        .run(&["lock", "--check"])
        .exits(1)
        .says("windlass lock");
}

#[test]
fn engine_an_unknown_base_is_blocked_with_its_name() {
    if !has_engine() {
        return;
    }
    let workspace = workspace("FROM nosuch:1\nCOPY f /f\n");
    workspace
        .run(&["--local", "plan"])
        .exits(1)
        .says("nosuch:1")
        .says("check name and tag");
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(1);
}

#[test]
fn engine_an_image_that_is_larger_than_its_max_size_is_not_brought() {
    if !has_engine() {
        return;
    }
    let workspace = workspace(SCRATCH);
    let limit = |size: &str| {
        let node = format!("tag \"v1\"; max-size \"{size}\"");
        workspace.write("windlass.kdl", &MANIFEST.replace("tag \"v1\"", &node));
    };
    limit("100B");
    workspace.run(&["--local", "plan"]).exits(0);
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(5)
        .says("its `max-size` is 100 (0.0 MiB)");
    workspace
        .run(&["--local", "plan"])
        .exits(0)
        .says("1 to push");
    limit("1MiB");
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0);
    workspace.run(&["--local", "plan"]).exits(0);
}

#[test]
fn engine_a_lock_is_written_checked_and_kept() {
    if !has_engine() {
        return;
    }
    let workspace = workspace("FROM debian:bookworm-slim\nCOPY f /f\nUSER 10001\n");
    workspace
        .run(&["lock"])
        .exits(0)
        .says("docker.io/library/debian:bookworm-slim");
    let lock = workspace.read("windlass.lock");
    workspace.run(&["lock"]).exits(0).says("up to date");
    assert_eq!(workspace.read("windlass.lock"), lock);
    workspace.run(&["lock", "--check"]).exits(0);
    workspace.run(&["--local", "--locked", "plan"]).exits(0);
    workspace.write("Dockerfile", SCRATCH);
    workspace
        .run(&["lock", "--check"])
        .exits(1)
        .says("no image uses");
}

#[test]
fn engine_a_base_that_moved_says_which_images_it_rebuilds() {
    if !has_engine() {
        return;
    }
    let workspace = workspace("FROM debian:bookworm-slim\nCOPY f /f\nUSER 10001\n");
    workspace.run(&["lock"]).exits(0).says("1 base image.");
    let lock = workspace.read("windlass.lock");
    let digest = &lock[lock.find("sha256:").expect("a digest")..][..71];
    let older = format!("sha256:{}", "0".repeat(64));
    workspace.write("windlass.lock", &lock.replace(digest, &older));
    workspace
        .run(&["lock", "--check"])
        .exits(0)
        .says("is complete");
    workspace
        .run(&["lock", "--update"])
        .exits(0)
        .says(&format!("bookworm-slim {older} -> {digest}"))
        .says("rebuilds image.api");
    assert_eq!(workspace.read("windlass.lock"), lock);
    workspace
        .run(&["lock", "--update", "nosuch"])
        .exits(1)
        .says("there is no image `nosuch`")
        .says("name images whose base images shall move: ");
}

#[test]
fn engine_a_failing_run_shows_step_log_and_exit_code_and_moves_no_tag() {
    if !has_engine() {
        return;
    }
    let workspace =
        workspace("FROM debian:bookworm-slim\nRUN echo last words && exit 3\nUSER 10001\n");
    let done = workspace
        .run(&["--local", "apply", "--auto-approve"])
        .says("exit code 3")
        .says("last words")
        .says("RUN echo last words");
    assert_eq!(
        done.code, 5,
        "the repository was created, the image was not built"
    );
    let plan = workspace
        .run(&["--local", "plan", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(plan["images"][0]["action"], "build");
}

#[test]
fn engine_secrets_of_the_registry_appear_nowhere() {
    if !has_engine() {
        return;
    }
    let workspace = workspace(SCRATCH);
    let ecr = workspace.serve();
    let apply = workspace
        .run(&[
            "--local",
            "apply",
            "--auto-approve",
            "--progress",
            "json",
            "--report",
            "report.json",
        ])
        .exits(0);
    workspace.write("f", "other");
    let plan = workspace
        .run(&["--local", "plan", "--out", "p.windlass"])
        .exits(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = runtime
        .block_on(ecr.address("111122223333", "eu-west-1"))
        .expect("an address")
        .to_string();
    let token = common::python(
        "
import boto3, json, sys
ecr = boto3.client('ecr', endpoint_url='http://' + sys.argv[1], region_name='eu-west-1', aws_access_key_id='111122223333', aws_secret_access_key='local')
print(json.dumps(ecr.get_authorization_token()['authorizationData'][0]['authorizationToken']))",
        &[&address],
    );
    // Tokens share their form: what begins like one would be one.
    let head = &token.as_str().expect("a token")[..12];
    let texts = [
        apply.out,
        apply.err,
        plan.out,
        plan.err,
        workspace.read("report.json"),
        workspace.read("p.windlass"),
    ];
    for text in texts {
        assert!(
            !text.contains(head) && !text.contains("Authorization"),
            "{text}"
        );
    }
}
