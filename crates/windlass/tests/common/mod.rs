//! A workspace in a temporary folder, the binary run in it with a clean environment, and the judges of the test bed.

#![expect(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use windlass_ecr_local::{Config, LocalEcr};

/// What a command came to.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("output is UTF-8"),
        }
    }

    /// Fails with everything that was said where the exit code is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    /// Fails where neither stream says `text`.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let all = format!("{}\n{}", self.out, self.err)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            all.contains(text),
            "`{text}` is not in:\n{}\n{}",
            self.out,
            self.err
        );
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("standard output is JSON")
    }
}

/// Says whether the services of the test bed are to be used; a test of them ends early otherwise.
pub(crate) fn has_engine() -> bool {
    let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
    let asked = services.split(',').any(|name| name == "docker");
    if !asked {
        drop(std::io::Write::write_all(
            &mut std::io::stderr(),
            b"not run: WINDLASS_TEST_SERVICES does not name docker\n",
        ));
    }
    asked
}

/// Returns the binary under test: this build's, or the one that a proof names with `WINDLASS_PROVE_BINARY`.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("WINDLASS_PROVE_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_windlass").into(), PathBuf::from)
}

/// A workspace of its own, with its own home and cache.
pub(crate) struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    /// Makes a workspace of files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let workspace = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        std::fs::create_dir_all(workspace.path("")).expect("a folder");
        for (path, text) in files {
            workspace.write(path, text);
        }
        workspace
    }

    /// Copies `examples/shop` and commits it.
    pub(crate) fn shop() -> Self {
        Self::example("shop")
    }

    /// Copies an example and commits it.
    pub(crate) fn example(name: &str) -> Self {
        Self::folder(&format!("examples/{name}"))
    }

    /// Copies a folder of the repository and commits it.
    pub(crate) fn folder(path: &str) -> Self {
        let workspace = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(path);
        let copied = Command::new("cp")
            .arg("-r")
            .arg(source)
            .arg(workspace.path(""))
            .status()
            .expect("cp runs");
        assert!(copied.success());
        workspace.git(&["init", "-q"]);
        workspace.commit();
        workspace
    }

    /// Returns a path in the workspace.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("workspace").join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).expect("a text")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no `{from}`");
        self.write(path, &text.replace(from, to));
    }

    /// Commits everything.
    pub(crate) fn commit(&self) {
        self.git(&["add", "-A"]);
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        self.git(
            &[
                identity.as_slice(),
                &["commit", "-q", "--allow-empty", "-m", "all"],
            ]
            .concat(),
        );
    }

    /// Makes the workspace a checkout with one commit of everything.
    pub(crate) fn init_git(&self) {
        self.git(&["init", "-q"]);
        self.commit();
    }

    /// Returns every file below the test's folder with its bytes, what git and the local ECR keep left out.
    pub(crate) fn files(&self) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
        let mut found = std::collections::BTreeMap::new();
        let mut open = vec![self.folder.path().to_owned()];
        while let Some(path) = open.pop() {
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != ".git" && name != ".windlass" {
                let entries = std::fs::read_dir(&path).expect("a folder");
                open.extend(entries.map(|entry| entry.expect("an entry").path()));
            } else if path.is_file() {
                let bytes = std::fs::read(&path).expect("a file");
                found.insert(path, bytes);
            }
        }
        found
    }

    /// Runs git in the workspace.
    pub(crate) fn git(&self, arguments: &[&str]) {
        let status = Command::new("git")
            .arg("-C")
            .arg(self.path(""))
            .args(arguments)
            .status()
            .expect("git runs");
        assert!(status.success(), "git {arguments:?}");
    }

    /// Prepares the binary in the workspace with a clean environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.path(""))
            .env_clear()
            .stdin(Stdio::null());
        for name in ["PATH", "SSL_CERT_FILE", "DOCKER_HOST"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", self.folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("XDG_CACHE_HOME", self.folder.path().join("cache"));
        command.env(
            "WINDLASS_MIRROR",
            std::env::var("WINDLASS_TEST_MIRRORS").unwrap_or_default(),
        );
        command
    }

    /// Runs the binary in the workspace.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments).output().expect("the binary runs"))
    }

    /// Runs the binary with further variables.
    /// Runs a command with a text on its standard input.
    pub(crate) fn fed(&self, text: &str, arguments: &[&str]) -> Done {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(text.as_bytes()).expect("written");
        drop(input);
        Done::of(child.wait_with_output().expect("it ends"))
    }

    pub(crate) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Done::of(command.output().expect("the binary runs"))
    }

    /// Serves the workspace's local ECR from this process until the handle is dropped.
    pub(crate) fn serve(&self) -> LocalEcr {
        let config = Config {
            data: Some(self.path(".windlass/local")),
            ..Config::default()
        };
        LocalEcr::start_blocking(&config).expect("the local ECR starts")
    }

    /// Returns the folder for the test's own files.
    pub(crate) fn home(&self) -> &Path {
        self.folder.path()
    }
}

/// Runs a Python script of the test bed (boto3 is there); what it prints is JSON.
pub(crate) fn python(script: &str, arguments: &[&str]) -> Value {
    let python = std::env::var("WINDLASS_TEST_PYTHON")
        .expect("`cargo xtask test` names the Python of the test bed");
    let done = Done::of(
        Command::new(python)
            .arg("-c")
            .arg(script)
            .args(arguments)
            .output()
            .expect("python runs"),
    )
    .exits(0);
    done.json()
}

/// Makes a call of the ECR API as somebody else, `tag:` of the tagging API; returns the answer.
pub(crate) fn api(address: &str, account: &str, operation: &str, body: &Value) -> Value {
    let service = match operation.strip_prefix("tag:") {
        Some(operation) => format!("ResourceGroupsTaggingAPI_20170126.{operation}"),
        None => format!("AmazonEC2ContainerRegistry_V20150921.{operation}"),
    };
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).expect("the local ECR listens");
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: {service}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={account}/20261124/eu-west-1/ecr/aws4_request, SignedHeaders=host, Signature=0\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{operation}: {answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("head and body");
    serde_json::from_str(body).expect("the answer is JSON")
}

/// Runs Docker's command line.
pub(crate) fn docker(arguments: &[&str]) -> Done {
    let docker =
        std::env::var("WINDLASS_TEST_DOCKER").expect("`cargo xtask test` names the Docker command");
    Done::of(
        Command::new(docker)
            .args(arguments)
            .env("DOCKER_BUILDKIT", "1")
            .output()
            .expect("docker runs"),
    )
}

/// Runs a program that has to succeed; returns standard output.
pub(crate) fn program(name: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(name)
        .args(arguments)
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "{name} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
