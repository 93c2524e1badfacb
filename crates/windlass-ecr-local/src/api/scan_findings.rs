//! `DescribeImageScanFindings`: what [`crate::Scans`] says of an image.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::get_image::find;
use crate::api::page::page;
use crate::api::{Call, ImageId, image_not_found};
use crate::errors::ApiError;
use crate::scans::{Scan, Vulnerability};

/// Request of `DescribeImageScanFindings`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    registry_id: Option<String>,
    repository_name: String,
    image_id: ImageId,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `DescribeImageScanFindings`. An image that was never scanned has no scan, which is another answer than a scan without findings.
pub(super) fn describe(call: &Call<'_>, request: &Describe) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let store = call.server.store.lock();
    let repository = call.repository(&store, &scope, name)?;
    let (digest, image) = find(repository, &request.image_id)
        .map_err(|_| image_not_found(&scope, name, &request.image_id))?;
    let tag = request.image_id.image_tag.as_deref();
    let Some(scan) = call.server.scans.get(digest) else {
        let shown = tag.map_or("null", |it| it);
        return Err(ApiError::new(
            "ScanNotFoundException",
            format!(
                "Image scan does not exist for the image with '{{imageDigest:'{digest}', imageTag:'{shown}'}}' in the repository \
                 with name '{name}' in the registry with id '{}'",
                scope.account
            ),
        ));
    };
    let size = request.max_results.unwrap_or(100);
    let all = scan.vulnerabilities.clone();
    let (found, next) = page(all, key, request.next_token.as_ref(), size)?;
    let mut answer = json!({
        "registryId": scope.account,
        "repositoryName": name,
        "imageId": { "imageDigest": digest },
        "imageScanStatus": { "status": scan.status, "description": "The scan was completed successfully." },
        "imageScanFindings": findings(&scan, &found),
    });
    if let Some(tag) = tag.filter(|tag| image.tags.contains(*tag)) {
        answer["imageId"]["imageTag"] = json!(tag);
    }
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn key(it: &Vulnerability) -> String {
    format!("{}/{}", it.name, it.package)
}

fn findings(scan: &Scan, found: &[Vulnerability]) -> Value {
    let mut counts = serde_json::Map::new();
    for it in &scan.vulnerabilities {
        let count = counts.get(&it.severity).and_then(Value::as_u64);
        counts.insert(it.severity.clone(), json!(count.unwrap_or(0) + 1));
    }
    let mut value =
        json!({ "imageScanCompletedAt": scan.completed, "findingSeverityCounts": counts });
    let (member, of_kind): (_, fn(&Vulnerability) -> Value) = if scan.enhanced {
        ("enhancedFindings", enhanced)
    } else {
        ("findings", basic)
    };
    value[member] = found.iter().map(of_kind).collect();
    value
}

fn basic(it: &Vulnerability) -> Value {
    json!({
        "name": it.name,
        "severity": it.severity,
        "attributes": [
            { "key": "package_name", "value": it.package },
            { "key": "package_version", "value": it.version },
        ],
    })
}

fn enhanced(it: &Vulnerability) -> Value {
    json!({
        "title": format!("{} - {}", it.name, it.package),
        "severity": it.severity,
        "status": "ACTIVE",
        "type": "PACKAGE_VULNERABILITY",
        "firstObservedAt": it.first_observed,
        "packageVulnerabilityDetails": {
            "vulnerabilityId": it.name,
            "vulnerablePackages": [{ "name": it.package, "version": it.version }],
        },
    })
}
