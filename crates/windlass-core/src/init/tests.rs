use crate::diag::{Source, has_errors, text::render_plain};
use crate::init::{Found, Place, Setting, Tree, detect, is_read, write_manifest};
use crate::manifest::{ResolveInputs, load, model::Recipe};
use crate::pattern;

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree::new(files.iter().map(|(path, text)| {
        let text = is_read(path).then(|| (*text).to_owned());
        ((*path).to_owned(), text)
    }))
}

fn found(files: &[(&str, &str)]) -> Found {
    detect(&tree(files), "shop")
}

/// Writes the manifest, and sees to it that it is one and that its patterns can be rendered.
fn manifest(files: &[(&str, &str)]) -> String {
    let place = Place {
        workspace: "shop".to_owned(),
        account: "111122223333".to_owned(),
        account_why: "not known: write yours".to_owned(),
        region: "eu-west-1".to_owned(),
        region_why: String::new(),
    };
    let text = write_manifest(&place, &found(files));
    let host = |_: &crate::manifest::model::Registry| "example".to_owned();
    let (workspace, mut diagnostics) = load(
        &Source::new("windlass.kdl", text.clone()),
        &ResolveInputs::new(&host),
    );
    for image in workspace.iter().flat_map(|it| &it.images) {
        if let Recipe::Pattern {
            pattern: reference,
            location,
            with,
        } = &image.recipe
        {
            let context = pattern::RenderContext {
                args: &image.args,
                stamp_args: &image.stamp.args,
                has_file: &|_| false,
            };
            diagnostics.extend(pattern::render_reference(reference, location, with, &context).1);
        }
    }
    assert!(
        !has_errors(&diagnostics),
        "{text}\n{}",
        render_plain(&diagnostics)
    );
    text
}

/// Returns the images of a manifest: what stands below the defaults.
fn images(files: &[(&str, &str)]) -> String {
    let text = manifest(files);
    let (_, images) = text
        .split_once("pushed-days=14 }\n    }\n}\n\n")
        .expect("images below the defaults");
    images.to_owned()
}

const LOCK: (&str, &str) = ("package-lock.json", "{}");

#[test]
fn three_small_applications_get_their_patterns() {
    let text = manifest(&[
        ("web/requirements.txt", "fastapi==0.115\nuvicorn\n"),
        (
            "web/shop/main.py",
            "from fastapi import FastAPI\napp = FastAPI()\n",
        ),
        ("web/.python-version", "3.12.4\n"),
        (
            "gateway/go.mod",
            "module example.com/gateway\n\ngo 1.23.1\n",
        ),
        (
            "gateway/main.go",
            "package main\n\nimport \"net/http\"\n\nfunc main() {\n\thttp.ListenAndServe(\":8080\", nil)\n}\n",
        ),
        (
            "site/package.json",
            r#"{"scripts": {"start": "node server.js"}, "engines": {"node": ">=18 <23"}, "dependencies": {"express": "4"}}"#,
        ),
        ("site/package-lock.json", "{}"),
        ("site/server.js", "app.listen(process.env.PORT || 3000)\n"),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn several_commands_of_a_module_are_several_images() {
    let main = "package main\n\nfunc main() {}\n";
    let found = found(&[
        ("go.mod", "module example.com/shop/v2\n\ngo 1.19\n"),
        ("cmd/api/main.go", main),
        ("cmd/worker/main.go", main),
        ("cmd/worker/main_test.go", "package main\n"),
        ("internal/store/store.go", "package store\n"),
        (
            "tools/gen.go",
            "//go:build ignore\n\npackage main\n\nfunc main() {}\n",
        ),
    ]);
    let names: Vec<&str> = found.images.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["api", "worker"]);
    let lines: Vec<&str> = found.images[1]
        .settings
        .iter()
        .map(|it| it.line.as_str())
        .collect();
    assert_eq!(
        lines,
        [
            "version \"1.26\"",
            "variant \"debian\"",
            "main \"./cmd/worker\""
        ]
    );
}

#[test]
fn a_lock_file_without_dependencies_for_production_is_told_to_the_pattern() {
    for (lock, wanted) in [
        (r#"{"packages": {"": {}}}"#, true),
        (
            r#"{"packages": {"": {}, "node_modules/x": {"dev": true}}}"#,
            true,
        ),
        (r#"{"packages": {"": {}, "node_modules/x": {}}}"#, false),
        (r#"{"lockfileVersion": 1}"#, false),
    ] {
        let found = found(&[
            ("package.json", r#"{"scripts": {"start": "node g.js"}}"#),
            ("package-lock.json", lock),
        ]);
        let image = &found.images[0];
        assert!(image.is_ready());
        let says = |it: &Setting| it.line == "dependencies #false";
        assert_eq!(image.settings.iter().any(says), wanted, "{lock}");
    }
}

#[test]
fn what_serves_a_python_application_is_read_from_its_source() {
    let served = |files: &[(&str, &str)]| {
        let all = [&[("requirements.txt", "gunicorn\nuvicorn\n")], files].concat();
        let found = found(&all);
        let image = found.images.first().expect("an image");
        let lines = image.settings.iter().skip(1).map(|it| it.line.clone());
        lines.collect::<Vec<_>>().join("; ")
    };
    for (files, wanted) in [
        (
            &[("api/main.py", "app = FastAPI()\n")][..],
            "app \"api.main:app\"; port 8000",
        ),
        (
            &[("src/shop/asgi.py", "application = Starlette()\n")],
            r#"command "python" "-m" "uvicorn" "--app-dir" "src" "shop.asgi:application" "--host" "0.0.0.0" "--port" "8000"; port 8000"#,
        ),
        (
            &[(
                "web.py",
                "from flask import Flask\ndef create_app(config=None):\n    app = Flask(__name__)\n    return app\n",
            )],
            r#"command "gunicorn" "--bind" "0.0.0.0:8000" "web:create_app()"; port 8000"#,
        ),
        (
            &[
                ("manage.py", ""),
                ("shop/wsgi.py", "application = get_wsgi_application()\n"),
            ],
            r#"command "gunicorn" "--bind" "0.0.0.0:8000" "shop.wsgi:application"; port 8000"#,
        ),
        (
            &[("main.py", "uvicorn.run(app, host='0.0.0.0', port=9000)\n")],
            r#"command "python" "main.py"; port 9000"#,
        ),
        (
            &[("worker.py", "print(1)\n")],
            r#"command "python" "worker.py""#,
        ),
        (
            &[
                ("Procfile", "web: hypercorn --bind 0.0.0.0:8100 api:app\n"),
                ("api.py", "app = FastAPI()\n"),
            ],
            r#"command "hypercorn" "--bind" "0.0.0.0:8100" "api:app"; port 8100"#,
        ),
        (
            &[
                ("Procfile", "web: uvicorn api:app --port $PORT\n"),
                ("api.py", "app = FastAPI()\n"),
            ],
            r#"app "api:app"; port 8000"#,
        ),
    ] {
        assert_eq!(served(files), wanted, "{files:?}");
    }
}

#[test]
fn versions_are_taken_from_what_the_tree_states() {
    let python = |file: &str, text: &str| {
        let found = found(&[("requirements.txt", ""), ("main.py", ""), (file, text)]);
        found.images[0].settings[0].line.clone()
    };
    for (range, wanted) in [
        (">=3.9", "version \"3.12\""),
        (">=3.13", "version \"3.13\""),
        (">=3.8,<3.12", "version \"3.11\""),
        ("==3.10.*", "version \"3.10\""),
    ] {
        let text = format!("[project]\nrequires-python = \"{range}\"\n");
        assert_eq!(python("pyproject.toml", &text), wanted, "{range}");
    }
    assert_eq!(python("runtime.txt", "python-3.11.5\n"), "version \"3.11\"");
    let node = |engines: &str| {
        let package = format!(
            r#"{{"scripts": {{"start": "node x.js"}}, "engines": {{"node": "{engines}"}}}}"#
        );
        let found = found(&[("package.json", &package), LOCK]);
        found.images[0].settings[0].line.clone()
    };
    for (engines, wanted) in [
        (">= 18", "version \"24\""),
        ("^22.1.0", "version \"22\""),
        ("18.x || 16.x", "version \"18\""),
        ("24", "version \"24\""),
        ("16 - 18", "version \"18\""),
        ("nonsense", "version \"24\""),
    ] {
        assert_eq!(node(engines), wanted, "{engines}");
    }
}

#[test]
fn a_dockerfile_of_the_folders_own_is_used_as_it_is() {
    let text = images(&[
        ("api/Dockerfile", "FROM scratch\n"),
        ("api/requirements.txt", ""),
        ("api/main.py", "print(1)\n"),
    ]);
    insta::assert_snapshot!(text, @r##"
    // api: its own Dockerfile, used as it is; pattern="python@1" would write one.
    image "api" {
        context "api"
    }
    "##);
    let other = found(&[("docker/worker.Dockerfile", "FROM scratch\n")]);
    assert_eq!(other.left_out[0].path, "docker/worker.Dockerfile");
}

#[test]
fn start_scripts_become_commands() {
    let command = |script: &str| {
        let package = serde_json::json!({ "scripts": { "start": script } }).to_string();
        let found = found(&[("package.json", &package), LOCK]);
        let image = &found.images[0];
        let line = image
            .settings
            .iter()
            .find(|it| it.line.starts_with("command"));
        (line.expect("a command").line.clone(), image.is_ready())
    };
    for (script, wanted, ready) in [
        (
            "node dist/main.js --quiet",
            r#"command "node" "dist/main.js" "--quiet""#,
            true,
        ),
        (
            "next start -p 3000",
            r#"command "node_modules/.bin/next" "start" "-p" "3000""#,
            true,
        ),
        (
            "NODE_ENV=production node x.js",
            r#"command "npm" "start""#,
            true,
        ),
        ("vite", r#"command "npm" "start""#, false),
    ] {
        assert_eq!(command(script), (wanted.to_owned(), ready), "{script}");
    }
}

#[test]
fn names_are_told_apart() {
    let found = found(&[
        ("shop/api/requirements.txt", ""),
        ("shop/api/main.py", ""),
        ("blog/api/requirements.txt", ""),
        ("blog/api/main.py", ""),
        ("requirements.txt", ""),
        ("main.py", ""),
        ("package.json", r#"{"main": "x.js", "private": true}"#),
        ("x.js", ""),
        LOCK,
    ]);
    let mut names: Vec<&str> = found.images.iter().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["blog-api", "shop-api", "shop-node", "shop-python"]);
}

#[test]
fn nothing_in_a_tree_can_write_into_the_manifest() {
    let text = manifest(&[
        ("a\n}\nimage \"evil\"/requirements.txt", ""),
        ("a\n}\nimage \"evil\"/main.py", ""),
        ("x{{ git.sha }}/Dockerfile", ""),
        ("b \"c/Dockerfile", "FROM scratch\n"),
        (
            "package.json",
            r#"{"scripts": {"start": "vite\n\nimage \"evil\" {\n}\n{{ x }}"}}"#,
        ),
        ("web/requirements.txt", "-e .\u{202e}\nflask\n"),
        ("web/Procfile", "web: run {{ git.sha }}\n"),
    ]);
    assert!(text.contains(r#"context "b \"c""#), "{text}");
    assert!(
        !text
            .lines()
            .any(|line| line.trim_start().starts_with("image \"evil\"")),
        "{text}"
    );
}

mod managers;
