//! Registries in the document.

use crate::plan::RegistryPlan;
use crate::report::wire::Registry;

/// Returns the registries of a plan, sorted by address.
pub(super) fn registries(plans: &[RegistryPlan]) -> Vec<Registry> {
    let mut registries: Vec<Registry> = plans.iter().map(registry).collect();
    registries.sort_by(|a, b| a.address.cmp(&b.address));
    registries
}

fn registry(plan: &RegistryPlan) -> Registry {
    let endpoint = plan
        .endpoint
        .ecr
        .as_ref()
        .or(plan.endpoint.registry.as_ref());
    Registry {
        address: format!("registry.{}", plan.name),
        account: plan.account.clone(),
        region: plan.region.clone(),
        role: plan.role.as_ref().map(|role| role.arn.clone()),
        endpoint: endpoint.map(|url| without_user(url)),
    }
}

/// Returns a URL without the user and password before its host.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_are_left_out_of_urls() {
        for (url, wanted) in [
            ("http://a:b@127.0.0.1:4510/x@y", "http://127.0.0.1:4510/x@y"),
            ("http://127.0.0.1:4510", "http://127.0.0.1:4510"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(without_user(url), wanted);
        }
    }
}
