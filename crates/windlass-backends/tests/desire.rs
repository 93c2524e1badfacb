//! What of a build context counts, from manifest and files to fingerprint: base images that have a say, and notes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use windlass_backends::files::WorkspaceFiles;
use windlass_core::desired::{BuildSpec, DesiredInputs};
use windlass_core::diag::Source;
use windlass_core::lock::Lock;
use windlass_core::manifest::{ResolveInputs, load};
use windlass_core::name::{Digest, Platform};
use windlass_engine::desire::{Desire, DesireOptions, Update, desire};
use windlass_engine::ports::{BaseFacts, RegistryError, Upstream};

/// Base images with whether they have triggers; any other is not answered for.
struct Bases {
    known: BTreeMap<&'static str, Option<bool>>,
    asked: Mutex<Vec<String>>,
}

impl Upstream for Bases {
    async fn resolve(&self, reference: &str) -> Result<BaseFacts, RegistryError> {
        self.asked
            .lock()
            .expect("no panic")
            .push(reference.to_owned());
        let name = reference.split(['@', ':']).next().unwrap_or_default();
        let onbuild = self
            .known
            .get(name)
            .ok_or_else(|| RegistryError::Transient("no answer".to_owned()))?;
        Ok(BaseFacts {
            digest: Digest::of(name.as_bytes()),
            platforms: vec![Platform::default()],
            user: onbuild.map(|_| String::new()),
            entrypoint: Vec::new(),
            onbuild: *onbuild,
            resolved_from: "docker.io".to_owned(),
        })
    }
}

fn bases(known: &[(&'static str, Option<bool>)]) -> Bases {
    Bases {
        known: known.iter().copied().collect(),
        asked: Mutex::default(),
    }
}

const PLAIN: (&str, Option<bool>) = ("docker.io/library/plain", Some(false));

async fn settle(folder: &Path, images: &str, bases: &Bases, lock: &Lock) -> Desire {
    let manifest = format!(
        "workspace \"w\"\n\nregistry \"main\" {{\n    account \"000000000000\"\n    region \"us-east-1\"\n}}\n\ndefaults {{\n    image {{ target \"main\" }}\n}}\n\n{images}"
    );
    let source = Source::new("windlass.kdl", manifest);
    let (workspace, problems) = load(&source, &ResolveInputs::new(&|_| "registry".to_owned()));
    let workspace = workspace.unwrap_or_else(|| panic!("{problems:?}"));
    let options = DesireOptions {
        offline: false,
        locked: false,
        update: Update::Nothing,
        today: "2026-11-24".to_owned(),
        now: 1_795_478_400,
    };
    let files = WorkspaceFiles::new(folder.to_owned());
    desire(&workspace, lock, &files, bases, &options).await
}

fn specs(settled: Desire) -> BTreeMap<String, BuildSpec> {
    let problems = settled.problems;
    let desired = settled.desired.unwrap_or_else(|| panic!("{problems:?}"));
    let images = desired.images.into_iter().map(|image| {
        let DesiredInputs::Settled(spec) = image.inputs else {
            panic!("{:?}", image.inputs);
        };
        (image.name.to_string(), *spec)
    });
    images.collect()
}

fn notes(settled: &Desire) -> Vec<String> {
    let desired = settled.desired.as_ref();
    desired.map_or(Vec::new(), |desired| desired.notes.clone())
}

fn workspace(dockerfile: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "Dockerfile", dockerfile);
    write(folder.path(), "app/main.c", "one");
    write(folder.path(), "doc/page", "text");
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

fn paths(spec: &BuildSpec) -> Vec<&str> {
    let entries = spec.inputs.context.iter();
    entries.map(|entry| entry.path.as_str()).collect()
}

#[tokio::test]
async fn what_no_instruction_names_does_not_count() {
    let folder = workspace("FROM plain\nCOPY app /app\n");
    let bases = bases(&[PLAIN]);
    let run = async || {
        specs(settle(folder.path(), "image \"app\"\n", &bases, &Lock::default()).await)["app"]
            .clone()
    };
    let before = run().await;
    assert_eq!(paths(&before), ["app", "app/main.c"]);
    write(folder.path(), "doc/page", "other");
    assert_eq!(run().await.fingerprint, before.fingerprint);
    write(folder.path(), "app/main.c", "two");
    assert_ne!(run().await.fingerprint, before.fingerprint);
}

#[tokio::test]
async fn a_base_image_with_triggers_or_an_unknown_config_makes_everything_count() {
    for (onbuild, wanted) in [
        (Some(true), "its base image `odd` has ONBUILD triggers"),
        (
            None,
            "the config of its base image `odd` was not read, and it may have ONBUILD triggers; `windlass lock` reads it",
        ),
    ] {
        let folder = workspace("FROM odd\nCOPY app /app\n");
        let bases = bases(&[("docker.io/library/odd", onbuild)]);
        let settled = settle(folder.path(), "image \"app\"\n", &bases, &Lock::default()).await;
        assert_eq!(
            notes(&settled),
            [format!(
                "image.app: every file of its build context counts: {wanted}"
            )]
        );
        let spec = &specs(settled)["app"];
        assert!(paths(spec).contains(&"doc/page"));
    }
}

#[tokio::test]
async fn a_base_image_pinned_in_the_dockerfile_is_read_once_and_kept_in_the_lock() {
    let pinned = format!("plain@{}", Digest::of(b"docker.io/library/plain"));
    let folder = workspace(&format!("FROM {pinned}\nCOPY app /app\n"));
    let first = bases(&[PLAIN]);
    let settled = settle(folder.path(), "image \"app\"\n", &first, &Lock::default()).await;
    let lock = settled.lock.clone();
    assert_eq!(lock.bases.len(), 1);
    let spec = specs(settled)["app"].clone();
    assert_eq!(paths(&spec), ["app", "app/main.c"]);

    let nobody = bases(&[]);
    let locked = settle(folder.path(), "image \"app\"\n", &nobody, &lock).await;
    assert_eq!(specs(locked)["app"].fingerprint, spec.fingerprint);
    assert_eq!(
        *nobody.asked.lock().expect("no panic"),
        Vec::<String>::new()
    );

    // Its digest is known without an answer, so the image is planned all the same.
    let unread = settle(folder.path(), "image \"app\"\n", &nobody, &Lock::default()).await;
    assert!(unread.unresolved.is_empty());
    assert!(paths(&specs(unread)["app"]).contains(&"doc/page"));
}

#[tokio::test]
async fn triggers_of_a_workspace_image_make_everything_count_for_those_that_start_from_it() {
    let folder = workspace("FROM plain\nCOPY app /app\nONBUILD COPY . /all\n");
    write(folder.path(), "starts/Dockerfile", "FROM base\nCOPY x /\n");
    write(
        folder.path(),
        "copies/Dockerfile",
        "FROM plain\nCOPY --from=base /a /\nCOPY x /\n",
    );
    for image in ["starts", "copies"] {
        write(folder.path(), &format!("{image}/x"), "x");
        write(folder.path(), &format!("{image}/y"), "y");
    }
    let images = "image \"base\"\n\nimage \"starts\" {\n    context \"starts\"\n    needs \"base\"\n}\n\nimage \"copies\" {\n    context \"copies\"\n    needs \"base\"\n}\n";
    let settled = settle(folder.path(), images, &bases(&[PLAIN]), &Lock::default()).await;
    assert_eq!(
        notes(&settled),
        [
            "image.starts: every file of its build context counts: image.base, which it starts from, has ONBUILD triggers"
        ]
    );
    let specs = specs(settled);
    assert_eq!(paths(&specs["base"]), ["app", "app/main.c"]);
    assert_eq!(paths(&specs["starts"]), ["Dockerfile", "x", "y"]);
    assert_eq!(paths(&specs["copies"]), ["x"]);
}

#[tokio::test]
async fn what_is_fetched_by_its_address_alone_is_said() {
    let folder = workspace(
        "FROM plain\nADD https://user:secret@example.com/a.tgz /a\nADD --checksum=sha256:00 https://example.com/b /b\n",
    );
    let settled = settle(
        folder.path(),
        "image \"app\"\n",
        &bases(&[PLAIN]),
        &Lock::default(),
    )
    .await;
    assert_eq!(
        notes(&settled),
        [
            "image.app: ADD https://example.com/a.tgz (line 2 of its Dockerfile) counts by its address: other content behind it causes no build; `ADD --checksum=sha256:..`, or a commit of git, says what is fetched"
        ]
    );
    assert_eq!(paths(&specs(settled)["app"]), Vec::<&str>::new());
}
