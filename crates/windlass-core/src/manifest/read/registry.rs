//! `registry` and `mirror`.

use crate::manifest::raw::{MirrorNode, RegistryNode, RoleNode, Text};
use crate::node::{Dec, Given};

use super::account::{ACCOUNT_SETTINGS, AccountSettings, read_account_settings};
use super::{identifier, plain};

pub(super) fn read_registry(node: &mut Dec<'_>) -> Option<RegistryNode> {
    let name = identifier(node);
    let account = node.text("account", "the AWS account, twelve digits in quotes");
    if account.is_none() && !node.was_given("account") {
        node.missing("account");
    }
    let regions = read_regions(node);
    let role = node.block("role", "the ARN of the role to assume", |it| {
        let arn = it.required_value("the ARN of the role")?.text()?;
        let external_id = property(
            it,
            "external-id",
            "the external id that the trust policy asks for",
        );
        let session = property(it, "session", "the name of the session");
        Some(RoleNode {
            arn,
            external_id,
            session,
        })
    });
    let profile = node.text("profile", "the profile of the AWS configuration");
    let endpoint = node.block("endpoint", "URLs that replace those of AWS", |it| {
        [
            property(it, "ecr", "URL of the ECR API"),
            property(it, "registry", "URL of the registry"),
            property(it, "sts", "URL of STS"),
            property(it, "tagging", "URL of the tagging API"),
        ]
    });
    let mut account_settings = node.bodies();
    account_settings.retain(|it| ACCOUNT_SETTINGS.contains(&it.0));
    let AccountSettings {
        not_carried,
        fips,
        dual_stack,
        replicates,
    } = read_account_settings(node, endpoint.is_some());
    Some(RegistryNode {
        location: node.head_location(),
        name: name?,
        account,
        regions,
        role: role.flatten(),
        profile,
        endpoint: endpoint.unwrap_or_default(),
        fips,
        dual_stack,
        replicates,
        account_settings: account_settings.into_iter().map(|it| it.1).collect(),
        not_carried,
    })
}

fn read_regions(node: &mut Dec<'_>) -> Vec<Text> {
    let doc = "one AWS region, or several";
    let regions = node.block("region", doc, |it| {
        it.required_values(doc)
            .iter()
            .filter_map(Given::text)
            .collect()
    });
    if regions.is_none() {
        node.missing("region");
    }
    regions.unwrap_or_default()
}

fn property(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Option<Text> {
    node.property(name, doc)?.text()
}

pub(super) fn read_mirror(node: &mut Dec<'_>) -> Option<MirrorNode> {
    let upstream = node.required_value("the registry as images name it, such as `\"docker.io\"`");
    let to = node.property("to", "host and path prefix to use instead");
    if to.is_none() {
        node.missing_property("to");
    }
    let upstream = upstream.and_then(|it| it.text());
    plain(node, upstream.as_ref());
    Some(MirrorNode {
        upstream: upstream?,
        to: to?.text()?,
    })
}
