//! What only policies ask for: scans, sizes, the scanning configuration of a registry.

use std::collections::BTreeSet;

use windlass_core::name::Digest;
use windlass_core::observed::{ScanReport, Severity};
use windlass_ecr_local::{FaultKind, Scan, Vulnerability};
use windlass_engine::ports::{Registry as _, RegistryError};

use crate::world::{World, key, prod, world};

fn vulnerability(number: usize, severity: &str) -> Vulnerability {
    Vulnerability {
        name: format!("CVE-2026-{number:05}"),
        severity: severity.to_owned(),
        package: "openssl".to_owned(),
        version: "3.0.1".to_owned(),
        // 2026-11-01
        first_observed: 1_793_491_200,
    }
}

fn scan(enhanced: bool, vulnerabilities: Vec<Vulnerability>) -> Scan {
    Scan {
        status: if enhanced { "ACTIVE" } else { "COMPLETE" }.to_owned(),
        completed: 1_793_491_200,
        enhanced,
        vulnerabilities,
    }
}

async fn read(world: &World, digest: &Digest) -> Result<Option<ScanReport>, RegistryError> {
    let key = key("shop/web");
    world.registries.scan_report(&key, digest).await
}

/// A repository with one image.
async fn held() -> (World, Digest) {
    let world = world().await;
    world.create("shop/web").await;
    let manifest = world.image("shop/web", "ab").await;
    world.put("shop/web", &manifest, "1.0").await.unwrap();
    let digest = manifest.digest();
    (world, digest)
}

#[tokio::test]
async fn an_image_that_was_never_scanned_has_no_report() {
    let (world, digest) = held().await;
    let report = read(&world, &digest);
    assert_eq!(report.await, Ok(None));
}

#[tokio::test]
async fn findings_of_both_kinds_of_scan_are_read_worst_first() {
    let (world, digest) = held().await;
    for enhanced in [false, true] {
        let found = vec![
            vulnerability(2, "LOW"),
            vulnerability(1, "CRITICAL"),
            vulnerability(3, "UNDEFINED"),
        ];
        world.scans.set(digest.as_str(), scan(enhanced, found));
        let report = read(&world, &digest);
        let report = report.await.unwrap().unwrap();
        assert_eq!(report.incomplete, None);
        let severities: Vec<Severity> = report
            .vulnerabilities
            .iter()
            .map(|it| it.severity)
            .collect();
        assert_eq!(
            severities,
            [Severity::Critical, Severity::High, Severity::Low]
        );
        let first = &report.vulnerabilities[0];
        assert_eq!(first.name, "CVE-2026-00001");
        assert_eq!(first.package.as_deref(), Some("openssl"));
        // Only enhanced scanning tells since when.
        assert_eq!(first.seen, enhanced.then_some(20_758));
    }
}

#[tokio::test]
async fn more_findings_than_a_page_holds_are_all_read() {
    let (world, digest) = held().await;
    let many = (0..2_345).map(|it| vulnerability(it, "MEDIUM")).collect();
    world.scans.set(digest.as_str(), scan(false, many));
    let report = read(&world, &digest);
    assert_eq!(report.await.unwrap().unwrap().vulnerabilities.len(), 2_345);
    assert_eq!(world.calls("DescribeImageScanFindings"), 3);
}

#[tokio::test]
async fn a_scan_under_way_is_not_whole_and_a_refusal_is_an_error() {
    let (world, digest) = held().await;
    let under_way = Scan {
        status: "IN_PROGRESS".to_owned(),
        ..scan(false, Vec::new())
    };
    world.scans.set(digest.as_str(), under_way);
    let report = read(&world, &digest);
    let incomplete = report.await.unwrap().unwrap().incomplete;
    assert_eq!(incomplete.as_deref(), Some("its scan is IN_PROGRESS"));
    world
        .faults
        .always("DescribeImageScanFindings", FaultKind::AccessDenied);
    let refused = read(&world, &digest);
    assert!(matches!(refused.await, Err(RegistryError::Denied(_))));
}

#[tokio::test]
async fn sizes_are_those_that_ecr_counts() {
    let (world, digest) = held().await;
    let images = BTreeSet::from([digest.clone()]);
    let key = key("shop/web");
    let sizes = world.registries.image_sizes(&key, &images).await.unwrap();
    assert!(sizes.len() == 1 && sizes[&digest] > 0, "{sizes:?}");
}

#[tokio::test]
async fn rules_of_the_registry_that_scan_by_themselves_are_read() {
    let (world, _) = held().await;
    let found = world.registries.scanning(&prod()).await.unwrap();
    assert!(!found.selects("shop/web"));
    world.api(
        "PutRegistryScanningConfiguration",
        r#"{"scanType":"BASIC","rules":[{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[{"filter":"shop/*","filterType":"WILDCARD"}]}]}"#,
    );
    let found = world.registries.scanning(&prod()).await.unwrap();
    assert!(found.selects("shop/web") && !found.selects("other/web"));
}
