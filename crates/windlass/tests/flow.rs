//! The whole flow on real parts: `examples/shop`, the Docker Engine, the local ECR.

#[path = "common/mod.rs"]
mod common;

use common::{Workspace, docker, has_engine, python};
use serde_json::Value;
use windlass_ecr_local::LocalEcr;

const SHOP: [&str; 3] = ["image.gateway", "image.storefront", "image.web"];
const ECR: &str = "
import boto3, json, sys
ecr = boto3.client('ecr', endpoint_url='http://' + sys.argv[1], region_name='eu-central-1', aws_access_key_id='111122223333', aws_secret_access_key='local')
";

/// Where the registry of the shop is served.
fn address(ecr: &LocalEcr) -> String {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime
        .block_on(ecr.address("111122223333", "eu-central-1"))
        .expect("an address")
        .to_string()
}

fn plan(shop: &Workspace, arguments: &[&str], code: i32) -> Value {
    let mut all = vec!["--local", "plan", "--detailed-exitcode", "--format", "json"];
    all.extend(arguments);
    shop.run(&all).exits(code).json()
}

fn actions(plan: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    plan["images"]
        .as_array()
        .expect("images")
        .iter()
        .map(|image| (text(&image["address"]), text(&image["action"])))
        .collect()
}

fn all_are(action: &str) -> Vec<(String, String)> {
    SHOP.map(|address| (address.to_owned(), action.to_owned()))
        .to_vec()
}

fn report(shop: &Workspace, arguments: &[&str]) -> Value {
    let path = shop.home().join("report.json");
    let path = path.to_str().expect("UTF-8");
    let mut all = vec!["--local", "apply", "--auto-approve", "--report", path];
    all.extend(arguments);
    shop.run(&all).exits(0);
    serde_json::from_str(&std::fs::read_to_string(path).expect("a report")).expect("JSON")
}

fn digests(report: &Value) -> Vec<String> {
    let images = report["images"].as_array().expect("images");
    images
        .iter()
        .map(|image| {
            image["targets"][0]["digest"]
                .as_str()
                .expect("a digest")
                .to_owned()
        })
        .collect()
}

fn uploads(ecr: &LocalEcr) -> u64 {
    let calls = ecr.calls();
    calls
        .iter()
        .filter(|(name, _)| name.contains("Upload") || name.contains("upload"))
        .map(|(_, count)| count)
        .sum()
}

#[test]
fn the_flow_builds_what_changed_and_nothing_else() {
    if !has_engine() {
        return;
    }
    let shop = Workspace::shop();
    let ecr = shop.serve();
    assert_eq!(actions(&plan(&shop, &[], 2)), all_are("build"));
    let first = report(&shop, &[]);
    assert_eq!(
        actions(&plan(&shop, &[], 0)),
        all_are("none"),
        "the second plan has nothing to do"
    );

    touch_everything(&shop);
    assert_eq!(
        actions(&plan(&shop, &[], 0)),
        all_are("none"),
        "a touch changes nothing"
    );

    let release = ["--var", "version=v1.0.0"];
    assert_eq!(
        actions(&plan(&shop, &release, 2)),
        all_are("retag"),
        "a version is a retag"
    );
    let before = uploads(&ecr);
    let retagged = report(&shop, &release);
    assert_eq!(
        digests(&retagged),
        digests(&first),
        "the same digests under the new tag"
    );
    assert_eq!(uploads(&ecr), before, "a retag uploads nothing");
    assert!(
        retagged["images"]
            .as_array()
            .expect("images")
            .iter()
            .all(|image| image["built"] == false)
    );

    assert_eq!(actions(&plan(&shop, &[], 0)), all_are("none"));
    remove_local_images();
    assert_eq!(
        actions(&plan(&shop, &[], 0)),
        all_are("none"),
        "images of the Engine are not needed"
    );

    let script = format!(
        "{ECR}ecr.batch_delete_image(repositoryName='web', imageIds=[{{'imageTag': 'dev'}}]); print(json.dumps(1))"
    );
    python(&script, &[&address(&ecr)]);
    let wanted = [
        ("image.gateway", "none"),
        ("image.storefront", "none"),
        ("image.web", "retag"),
    ];
    let wanted = wanted
        .map(|(address, action)| (address.to_owned(), action.to_owned()))
        .to_vec();
    assert_eq!(
        actions(&plan(&shop, &[], 2)),
        wanted,
        "a deleted tag is written again"
    );
    report(&shop, &[]);

    edited_source(&shop);
    immutable_tag(&shop);
    edited_parameter(&shop);
    saved_plans(&shop);
}

fn touch_everything(shop: &Workspace) {
    common::program(
        "find",
        &[
            shop.path("services").to_str().expect("UTF-8"),
            "-type",
            "f",
            "-exec",
            "touch",
            "{}",
            "+",
        ],
    );
}

fn remove_local_images() {
    let ids = docker(&[
        "images",
        "--filter",
        "reference=windlass/shop/*",
        "--format",
        "{{.Repository}}:{{.Tag}}",
    ])
    .exits(0)
    .out;
    let mut arguments = vec!["rmi", "-f"];
    arguments.extend(ids.split_whitespace());
    assert!(arguments.len() > 2, "built images have names in the Engine");
    docker(&arguments).exits(0);
}

fn edited_source(shop: &Workspace) {
    shop.replace("services/web/main.py", "healthy", "very healthy");
    let edited = plan(shop, &[], 2);
    let image = &edited["images"][2];
    assert_eq!(
        (&image["address"], &image["action"]),
        (&"image.web".into(), &"build".into())
    );
    assert_eq!(edited["summary"]["images"]["none"], 2);
    assert!(
        image["reasons"].to_string().contains("main.py"),
        "the reason names the file: {}",
        image["reasons"]
    );
}

fn immutable_tag(shop: &Workspace) {
    let arguments = ["--local", "--var", "version=v1.0.0", "plan"];
    shop.run(&arguments)
        .exits(1)
        .says("image.web blocked")
        .says("v1.0.0")
        .says("immutable");
    shop.run(&[
        "--local",
        "--var",
        "version=v1.0.0",
        "apply",
        "--auto-approve",
    ])
    .exits(1)
    .says("cannot be applied");
}

fn edited_parameter(shop: &Workspace) {
    shop.replace("services/web/main.py", "very healthy", "healthy");
    assert_eq!(
        actions(&plan(shop, &[], 0)),
        all_are("none"),
        "an edit taken back is no change"
    );
    shop.replace("windlass.kdl", "port 8000", "port 8001");
    let edited = plan(shop, &[], 2);
    let reasons = edited["images"][2]["reasons"].to_string();
    assert!(
        reasons.contains("-EXPOSE 8000") && reasons.contains("+EXPOSE 8001"),
        "the reason shows the Dockerfile: {reasons}"
    );
}

fn saved_plans(shop: &Workspace) {
    shop.run(&["--local", "plan", "--out", "one.windlass"])
        .exits(0);
    shop.run(&["--local", "plan", "--out", "two.windlass"])
        .exits(0);
    shop.run(&["show", "one.windlass"])
        .exits(0)
        .says("image.web build");
    shop.run(&["--local", "apply", "one.windlass"])
        .exits(0)
        .says("Applied.");
    shop.run(&["--local", "apply", "two.windlass"])
        .exits(0)
        .says("Already applied");
    shop.replace("services/web/main.py", "healthy", "quite healthy");
    shop.run(&["--local", "plan", "--out", "stale.windlass"])
        .exits(0);
    shop.replace("services/web/main.py", "quite healthy", "rather healthy");
    shop.run(&["--local", "apply", "--auto-approve"]).exits(0);
    shop.run(&["--local", "apply", "stale.windlass"])
        .exits(4)
        .says("stale")
        .says("dev");
    shop.run(&["--local", "plan", "--out", "commit.windlass"])
        .exits(0);
    shop.commit();
    shop.run(&["--local", "apply", "commit.windlass"])
        .exits(4)
        .says("HEAD is at");
    let mut damaged = std::fs::read(shop.path("two.windlass")).expect("a plan");
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    std::fs::write(shop.path("two.windlass"), damaged).expect("written");
    shop.run(&["--local", "apply", "two.windlass"])
        .exits(1)
        .says("damaged");
}

#[test]
fn the_flow_gives_images_that_run_and_that_other_tools_see() {
    if !has_engine() {
        return;
    }
    let shop = Workspace::shop();
    let ecr = shop.serve();
    // Names in the Engine begin with the workspace's, and the other test removes those of `shop`.
    shop.replace(
        "windlass.kdl",
        "workspace \"shop\"",
        "workspace \"shop-images\"",
    );
    let report = report(&shop, &["--var", "version=v2.0.0"]);
    let address = address(&ecr);
    let seen = python(
        &format!(
            "{ECR}
out = {{}}
for repository in ecr.describe_repositories()['repositories']:
    name = repository['repositoryName']
    tags = ecr.list_tags_for_resource(resourceArn=repository['repositoryArn'])['tags']
    out[name] = {{'scan': repository['imageScanningConfiguration']['scanOnPush'], 'encryption': repository['encryptionConfiguration']['encryptionType'],
                 'mutability': repository['imageTagMutability'], 'tags': {{tag['Key']: tag['Value'] for tag in tags}},
                 'lifecycle': json.loads(ecr.get_lifecycle_policy(repositoryName=name)['lifecyclePolicyText'])['rules'][0]['selection']['countType'],
                 'images': sorted(i['imageTag'] for i in ecr.list_images(repositoryName=name)['imageIds'] if 'imageTag' in i)}}
token = ecr.get_authorization_token()['authorizationData'][0]['authorizationToken']
print(json.dumps({{'repositories': out, 'token': token}}))"
        ),
        &[&address],
    );
    for name in ["gateway", "storefront", "web"] {
        let repository = &seen["repositories"][name];
        assert_eq!(repository["scan"], true, "{name}");
        assert_eq!(repository["encryption"], "AES256", "{name}");
        assert_eq!(
            repository["mutability"], "IMMUTABLE_WITH_EXCLUSION",
            "{name}"
        );
        assert_eq!(repository["lifecycle"], "sinceImagePushed", "{name}");
        assert_eq!(
            repository["tags"]["windlass:workspace"], "shop-images",
            "{name}"
        );
        assert_eq!(
            repository["images"][1], "v2.0.0",
            "{name}: the in- tag and the wanted one"
        );
    }
    digests_are_what_skopeo_reads(&report);
    let pulled = Pulled::new(&shop, &address, seen["token"].as_str().expect("a token"));
    pulled.web();
    pulled.gateway();
    pulled.storefront();
}

fn digests_are_what_skopeo_reads(report: &Value) {
    for image in report["images"].as_array().expect("images") {
        let target = &image["targets"][0];
        let uri = target["repository_uri"].as_str().expect("a URI");
        let digest = target["digest"].as_str().expect("a digest");
        // Read by tag, so that the tag is proven too.
        let raw = common::program(
            "skopeo",
            &[
                "inspect",
                "--raw",
                "--tls-verify=false",
                "--creds",
                &credentials(uri),
                &format!("docker://{uri}:v2.0.0"),
            ],
        );
        assert_eq!(windlass_core::name::Digest::of(&raw).as_str(), digest);
    }
}

fn credentials(uri: &str) -> String {
    let script = format!(
        "{ECR}import base64\nprint(json.dumps(base64.b64decode(ecr.get_authorization_token()['authorizationData'][0]['authorizationToken']).decode()))"
    );
    python(&script, &[uri.split('/').next().unwrap_or(uri)])
        .as_str()
        .expect("a token")
        .to_owned()
}

/// The images, pulled by Docker from the local ECR.
struct Pulled<'a> {
    address: &'a str,
    config: String,
}

impl<'a> Pulled<'a> {
    fn new(shop: &Workspace, address: &'a str, token: &str) -> Self {
        let folder = shop.home().join("docker");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(
            folder.join("config.json"),
            format!(r#"{{"auths":{{"{address}":{{"auth":"{token}"}}}}}}"#),
        )
        .expect("written");
        Self {
            address,
            config: folder.to_str().expect("UTF-8").to_owned(),
        }
    }

    fn start(&self, name: &str, port: u16) -> Container {
        let image = format!("{}/{name}:v2.0.0", self.address);
        docker(&["--config", &self.config, "pull", "-q", &image]).exits(0);
        let publish = format!("127.0.0.1::{port}");
        let id = docker(&[
            "run",
            "-d",
            "--label",
            "dev.windlass.test=flow",
            "-p",
            &publish,
            &image,
        ])
        .exits(0)
        .out
        .trim()
        .to_owned();
        Container { id, image, port }
    }

    fn web(&self) {
        let container = self.start("web", 8000);
        container.is_healthy();
        assert_ne!(container.inside(&["id", "-u"]).trim(), "0");
        let caches = container.inside(&[
            "sh",
            "-c",
            "ls -d /root/.cache /app/.cache 2>/dev/null || true",
        ]);
        assert_eq!(caches, "", "no pip cache");
        assert_eq!(
            container.inside(&[
                "sh",
                "-c",
                "find / -name '*.pyc' -path '*fastapi*' 2>/dev/null | head -1"
            ]),
            ""
        );
    }

    fn gateway(&self) {
        let container = self.start("gateway", 8080);
        container.is_healthy();
        let user = docker(&["inspect", "-f", "{{.Config.User}}", &container.image])
            .exits(0)
            .out;
        assert!(!matches!(user.trim(), "" | "0" | "root"), "{user}");
        let files = container.files();
        assert!(files.iter().any(|path| path == "app"), "one binary");
        assert!(
            files
                .iter()
                .any(|path| path == "etc/ssl/certs/ca-certificates.crt"),
            "CA certificates"
        );
        assert!(
            !files.iter().any(|path| path.ends_with("/sh")
                || path.ends_with("/bash")
                || path.ends_with("/busybox")),
            "no shell"
        );
    }

    fn storefront(&self) {
        let container = self.start("storefront", 3000);
        container.is_healthy();
        assert_ne!(container.inside(&["id", "-u"]).trim(), "0");
        assert!(
            container
                .inside(&["cat", "/proc/1/cmdline"])
                .starts_with("dumb-init"),
            "PID 1 is an init"
        );
        let begun = std::time::Instant::now();
        docker(&["stop", "-t", "10", &container.id]).exits(0);
        // A process that does not listen to SIGTERM is killed after the ten seconds of grace.
        assert!(begun.elapsed().as_secs() < 8, "it stops at SIGTERM");
    }
}

struct Container {
    id: String,
    image: String,
    port: u16,
}

impl Container {
    fn is_healthy(&self) {
        let port = docker(&["port", &self.id, &self.port.to_string()])
            .exits(0)
            .out;
        let url = format!("http://{}/health", port.trim());
        let answer = common::program(
            "curl",
            &[
                "-sS",
                "--noproxy",
                "*",
                "--retry",
                "50",
                "--retry-delay",
                "0",
                "--retry-max-time",
                "60",
                "--retry-all-errors",
                "-f",
                &url,
            ],
        );
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer, serde_json::json!({ "status": "healthy" }));
    }

    fn inside(&self, command: &[&str]) -> String {
        let mut arguments = vec!["exec", self.id.as_str()];
        arguments.extend(command);
        docker(&arguments).exits(0).out
    }

    fn files(&self) -> Vec<String> {
        let docker = std::env::var("WINDLASS_TEST_DOCKER").expect("the Docker command");
        let list = common::program(
            "sh",
            &["-c", &format!("{docker} export {} | tar t", self.id)],
        );
        String::from_utf8(list)
            .expect("UTF-8")
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(docker(&["rm", "-f", &self.id]));
        drop(docker(&["rmi", "-f", &self.image]));
    }
}
