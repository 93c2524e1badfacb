//! The images that must be built, as the matrix of a pipeline: in stages, each holding what needs nothing of a later one.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::plan::ImageAction;
use crate::report::wire::{Image, Report};

/// Version of the document.
const FORMAT_VERSION: &str = "1.0";

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Job<'a> {
    /// Name of the image.
    image: &'a str,
    /// Its address: what `--only` takes.
    address: &'a str,
    /// Its platforms, with commas.
    platforms: String,
    /// Why it is built.
    reason: &'a str,
    /// Addresses of the images of earlier stages that it is built from.
    #[serde(skip)]
    needs: Vec<&'a str>,
}

/// Writes the matrix for GitHub Actions: `stages[N]` is the value of a job's `strategy.matrix`.
pub fn render_github(report: &Report) -> String {
    let stages: Vec<Value> = stages(report)
        .iter()
        .map(|jobs| json!({ "include": jobs }))
        .collect();
    let count: usize = report
        .summary
        .images
        .get(&ImageAction::Build)
        .copied()
        .unwrap_or(0);
    let document = json!({ "format_version": FORMAT_VERSION, "count": count, "stages": stages });
    format!("{document}\n")
}

/// Writes a child pipeline for GitLab: one job an image, with `needs` between them. It is JSON, and so YAML.
pub fn render_gitlab(report: &Report) -> String {
    let stages = stages(report);
    let mut pipeline = Map::new();
    let names: Vec<String> = (1..=stages.len().max(1))
        .map(|it| format!("build-{it}"))
        .collect();
    pipeline.insert("stages".to_owned(), json!(names));
    for (name, jobs) in names.iter().zip(&stages) {
        for job in jobs {
            pipeline.insert(
                job.address.to_owned(),
                json!({
                    "stage": name,
                    "needs": job.needs,
                    "variables": { "WINDLASS_IMAGE": job.address },
                    "script": ["windlass apply --auto-approve --only \"$WINDLASS_IMAGE\""],
                }),
            );
        }
    }
    if stages.is_empty() {
        // GitLab refuses a pipeline without jobs.
        pipeline.insert(
            "nothing to build".to_owned(),
            json!({
                "stage": names[0],
                "script": ["true"],
            }),
        );
    }
    let text = serde_json::to_string_pretty(&Value::Object(pipeline));
    text.expect("a document of texts is JSON") + "\n"
}

/// Returns the images to build by stage, those of a stage sorted.
fn stages(report: &Report) -> Vec<Vec<Job<'_>>> {
    let builds: BTreeMap<&str, &Image> = report
        .images
        .iter()
        .filter(|image| image.action == ImageAction::Build)
        .map(|image| (image.address.as_str(), image))
        .collect();
    let mut stage: BTreeMap<&str, usize> = BTreeMap::new();
    // Needs have no circle, so every round settles at least one image.
    for _ in 0..builds.len() {
        for (address, image) in &builds {
            let needs = needs(image, &builds);
            let known: Option<Vec<usize>> = needs.iter().map(|it| stage.get(it).copied()).collect();
            if let Some(known) = known {
                stage.insert(address, known.iter().max().map_or(0, |it| it + 1));
            }
        }
    }
    let mut stages: Vec<Vec<Job<'_>>> = Vec::new();
    for (address, image) in &builds {
        let at = stage.get(address).copied().unwrap_or(0);
        if stages.len() <= at {
            stages.resize(at + 1, Vec::new());
        }
        stages[at].push(Job {
            image: address.trim_start_matches("image."),
            address,
            platforms: image.platforms.join(","),
            reason: image.reasons.first().map_or("", |it| it.message.as_str()),
            needs: needs(image, &builds),
        });
    }
    stages
}

fn needs<'a>(image: &'a Image, builds: &BTreeMap<&str, &Image>) -> Vec<&'a str> {
    image
        .needs
        .iter()
        .map(String::as_str)
        .filter(|need| builds.contains_key(need))
        .collect()
}
