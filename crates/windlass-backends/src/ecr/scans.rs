//! What only policies ask of ECR: the scanning configuration of a registry, what scans found in images, and how large images are.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecr::operation::describe_image_scan_findings::DescribeImageScanFindingsOutput;
use aws_sdk_ecr::types::{
    EnhancedImageScanFinding, ImageIdentifier, ImageScanFinding, ScanFrequency, ScanStatus,
};
use windlass_core::name::{Digest, RepositoryName};
use windlass_core::observed::{ScanReport, Scanning, Severity, Vulnerability};
use windlass_engine::ports::RegistryError;

use super::account::Account;

/// Findings that `DescribeImageScanFindings` answers at once.
const PAGE: i32 = 1_000;

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Account {
    /// Reads the scanning configuration of the registry.
    pub(crate) async fn scanning(&self) -> Result<Scanning, RegistryError> {
        let clients = self.clients().await;
        let request = clients.ecr.get_registry_scanning_configuration().send();
        let answer = self
            .call("ecr:GetRegistryScanningConfiguration", None, request)
            .await?;
        let rules = answer
            .scanning_configuration
            .and_then(|it| it.rules)
            .unwrap_or_default();
        let by_itself = rules
            .into_iter()
            .filter(|rule| rule.scan_frequency != ScanFrequency::Manual);
        let filters = by_itself.flat_map(|rule| rule.repository_filters);
        Ok(Scanning {
            filters: filters.map(|it| it.filter).collect(),
        })
    }

    /// Reads what the scan of an image found; `None` where there is no scan.
    pub(crate) async fn scan_report(
        &self,
        name: &RepositoryName,
        image: &Digest,
    ) -> Result<Option<ScanReport>, RegistryError> {
        let clients = self.clients().await;
        let mut report = ScanReport::default();
        let mut page = None;
        loop {
            let id = ImageIdentifier::builder()
                .image_digest(image.as_str())
                .build();
            let request = clients
                .ecr
                .describe_image_scan_findings()
                .registry_id(&self.identity.account)
                .repository_name(name.as_str())
                .image_id(id)
                .max_results(PAGE)
                .set_next_token(page.take())
                .send();
            let answer = match self
                .call("ecr:DescribeImageScanFindings", Some(name), request)
                .await
            {
                Ok(answer) => answer,
                Err(failure) if failure.is("ScanNotFoundException") => return Ok(None),
                Err(failure) => return Err(failure.error),
            };
            page = add(&mut report, answer);
            if page.is_none() {
                let worst_first = |it: &Vulnerability| {
                    (
                        std::cmp::Reverse(it.severity),
                        it.name.clone(),
                        it.package.clone(),
                    )
                };
                report.vulnerabilities.sort_by_key(worst_first);
                report.vulnerabilities.dedup();
                return Ok(Some(report));
            }
        }
    }

    /// Reads how large images are.
    pub(crate) async fn image_sizes(
        &self,
        name: &RepositoryName,
        images: &BTreeSet<Digest>,
    ) -> Result<BTreeMap<Digest, u64>, RegistryError> {
        let details = self.details(name, images).await?;
        let size = |it: aws_sdk_ecr::types::ImageDetail| {
            let digest = Digest::new(it.image_digest?).ok()?;
            Some((digest, u64::try_from(it.image_size_in_bytes?).ok()?))
        };
        Ok(details.into_iter().filter_map(size).collect())
    }
}

/// Adds a page and returns the token of the next one.
fn add(report: &mut ScanReport, answer: DescribeImageScanFindingsOutput) -> Option<String> {
    report.incomplete = match answer.image_scan_status.and_then(|it| it.status) {
        // Enhanced scanning goes on for as long as the image is there.
        Some(ScanStatus::Complete | ScanStatus::Active) => None,
        Some(other) => Some(format!("its scan is {other}")),
        None => Some("ECR answered no status of its scan".to_owned()),
    };
    if let Some(found) = answer.image_scan_findings {
        let basic = found.findings.unwrap_or_default().into_iter();
        report.vulnerabilities.extend(basic.map(of_basic));
        let enhanced = found.enhanced_findings.unwrap_or_default().into_iter();
        // What Inspector closed or was told to suppress is no finding any more.
        let open = enhanced.filter(|it| it.status.as_deref().is_none_or(|it| it == "ACTIVE"));
        report.vulnerabilities.extend(open.map(of_enhanced));
    }
    answer.next_token
}

fn of_basic(found: ImageScanFinding) -> Vulnerability {
    let package = found.attributes.unwrap_or_default().into_iter();
    let package = package
        .filter(|it| it.key == "package_name")
        .find_map(|it| it.value);
    Vulnerability {
        name: found
            .name
            .unwrap_or_else(|| "a finding without a name".to_owned()),
        severity: found
            .severity
            .map_or(Severity::High, |it| Severity::of(it.as_str())),
        package,
        seen: None,
    }
}

fn of_enhanced(found: EnhancedImageScanFinding) -> Vulnerability {
    let details = found.package_vulnerability_details;
    let id = details.as_ref().and_then(|it| it.vulnerability_id.clone());
    let package = details
        .and_then(|it| it.vulnerable_packages)
        .and_then(|it| it.into_iter().find_map(|it| it.name));
    Vulnerability {
        name: id
            .or(found.title)
            .unwrap_or_else(|| "a finding without a name".to_owned()),
        severity: found
            .severity
            .map_or(Severity::High, |it| Severity::of(&it)),
        package,
        seen: found.first_observed_at.map(|at| at.secs().div_euclid(DAY)),
    }
}
