//! A plan of many unchanged images in as many repositories: calls, time, processor time and memory, with and without latency.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use windlass_core::name::{Digest, Fingerprint};
use windlass_core::oci::{Descriptor, IMAGE_CONFIG, IMAGE_MANIFEST, LAYER_GZIP, image_manifest};
use windlass_ecr_local::{FaultKind, Quirks};

use crate::common::{self, binary, python};
use crate::harbour::{Harbour, report, size};

/// Calls that windlass makes at a time.
const CONCURRENCY: u32 = 16;

/// Runs a command and prints what it took: seconds of the clock and the processor, largest memory in bytes.
const MEASURE: &str = r#"
import json, os, resource, subprocess, sys, time
begun = time.monotonic()
done = subprocess.run(sys.argv[2:], cwd=sys.argv[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
wall = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"code": done.returncode, "wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * 1024, "said": (done.stdout + done.stderr).decode()[-2000:]}))
"#;

/// Brings a blob whose base64 text is known.
fn blob(harbour: &Harbour, repository: &str, bytes: &[u8], base64: &str) {
    let begun = api(
        harbour,
        "InitiateLayerUpload",
        &json!({ "repositoryName": repository }),
    );
    let upload = &begun["uploadId"];
    let last = bytes.len() - 1;
    api(
        harbour,
        "UploadLayerPart",
        &json!({"repositoryName": repository, "uploadId": upload, "partFirstByte": 0, "partLastByte": last, "layerPartBlob": base64}),
    );
    api(
        harbour,
        "CompleteLayerUpload",
        &json!({"repositoryName": repository, "uploadId": upload, "layerDigests": [Digest::of(bytes).as_str()]}),
    );
}

fn api(harbour: &Harbour, operation: &str, body: &Value) -> Value {
    common::api(&harbour.address, "111122223333", operation, body)
}

/// Puts an image under the tags of a plan, as if it had been built and pushed.
fn populate(harbour: &Harbour, repository: &str, fingerprint: &str) {
    const CONFIG: &[u8] = b"{}";
    const LAYER: &[u8] = b"layer";
    api(
        harbour,
        "CreateRepository",
        &json!({ "repositoryName": repository }),
    );
    blob(harbour, repository, CONFIG, "e30=");
    blob(harbour, repository, LAYER, "bGF5ZXI=");
    let descriptor = |media_type: &str, bytes: &[u8]| Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
    };
    let fingerprint = Fingerprint::new(fingerprint).expect("a fingerprint");
    let manifest = image_manifest(
        &descriptor(IMAGE_CONFIG, CONFIG),
        &[descriptor(LAYER_GZIP, LAYER)],
        &BTreeMap::new(),
        &fingerprint,
    );
    for tag in ["v1", fingerprint.tag().as_str()] {
        api(
            harbour,
            "PutImage",
            &json!({"repositoryName": repository, "imageTag": tag, "imageManifestMediaType": IMAGE_MANIFEST, "imageManifest": String::from_utf8(manifest.clone()).expect("JSON")}),
        );
    }
}

struct Measured {
    calls: u64,
    wall: f64,
    cpu: f64,
    memory: f64,
}

fn measure(harbour: &Harbour) -> Measured {
    let before: u64 = harbour.ecr.calls().values().sum();
    let folder = harbour.workspace.path("");
    let binary = binary().display().to_string();
    let arguments = [
        &*folder.to_string_lossy(),
        "env",
        "AWS_ACCESS_KEY_ID=111122223333",
        "AWS_SECRET_ACCESS_KEY=local",
        "AWS_EC2_METADATA_DISABLED=true",
        &binary,
        "plan",
        "--detailed-exitcode",
    ];
    let cache = format!("XDG_CACHE_HOME={}", harbour.workspace.home().display());
    let mut all = arguments.to_vec();
    all.insert(2, &cache);
    let took = python(MEASURE, &all);
    assert_eq!(took["code"], 0, "{took}");
    let calls: u64 = harbour.ecr.calls().values().sum();
    let number = |name: &str| took[name].as_f64().expect("a number");
    Measured {
        calls: calls - before,
        wall: number("wall"),
        cpu: number("cpu"),
        memory: number("memory") / 1e6,
    }
}

#[test]
fn a_plan_of_many_unchanged_images_makes_one_call_each_and_a_few_more() {
    if std::env::var_os("WINDLASS_TEST_PYTHON").is_none() {
        return;
    }
    let count = size("WINDLASS_PROVE_IMAGES", 40);
    let in_full = std::env::var_os("WINDLASS_PROVE_REPORT").is_some();
    let harbour = Harbour::with(Quirks::all_but_timing());
    let mut text = harbour.head("scale");
    for number in 0..count {
        writeln!(
            text,
            "image \"s{number}\" {{ context \"s{number}\"; tag \"v1\"; target \"dev\" }}"
        )
        .expect("a text");
        let workspace = &harbour.workspace;
        workspace.write(
            &format!("s{number}/Dockerfile"),
            "FROM scratch\nCOPY f /f\n",
        );
        workspace.write(&format!("s{number}/f"), &format!("{number}\n"));
    }
    harbour.workspace.write("windlass.kdl", &text);
    for image in harbour.images() {
        let name = image["address"].as_str().expect("an address");
        let repository = name.trim_start_matches("image.");
        let fingerprint = image["fingerprint"].as_str().expect("a fingerprint");
        populate(&harbour, repository, fingerprint);
    }
    let mut figures = vec![("images and repositories", count.to_string())];
    let mut missed = Vec::new();
    for (name, latency) in [
        ("latency 0 ms", 0),
        ("latency 20 ms", 20),
        ("latency 80 ms", 80),
    ] {
        harbour.faults.clear();
        if latency > 0 {
            harbour
                .faults
                .always("*", FaultKind::Delay(Duration::from_millis(latency)));
        }
        let measured = measure(&harbour);
        // 1.1 x (N + ceil(N / 100)); of a few images the head start of three calls.
        let all = u64::try_from(count + count.div_ceil(100)).expect("a number");
        let most = (all * 11 / 10).max(all + 2);
        assert!(
            measured.calls <= most,
            "{} calls, at most {most}",
            measured.calls
        );
        let calls = u32::try_from(measured.calls).expect("not that many");
        let bound = (Duration::from_millis(latency) * calls / CONCURRENCY).as_secs_f64();
        figures.push((
            name,
            format!(
                "{} calls (at most {most}), {:.2} s (bound {bound:.2} s), processor {:.2} s, memory {:.0} MB",
                measured.calls, measured.wall, measured.cpu, measured.memory
            ),
        ));
        let wall = 1.5 * bound;
        if in_full && latency > 0 && measured.wall > wall {
            missed.push(format!(
                "{name}: {:.2} s, at most {wall:.2} s",
                measured.wall
            ));
        }
        if in_full && measured.cpu > 1.0 {
            missed.push(format!("{name}: processor {:.2} s", measured.cpu));
        }
        if measured.memory >= 200.0 {
            missed.push(format!("{name}: {:.0} MB", measured.memory));
        }
    }
    report(&figures);
    assert_eq!(missed, Vec::<String>::new(), "{figures:#?}");
}
