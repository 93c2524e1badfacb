//! Reading the replication rules of a registry.

use aws_sdk_ecr::types::ReplicationRule as SdkRule;
use windlass_core::observed::ReplicationRule;
use windlass_engine::ports::RegistryError;

use super::account::Account;

impl Account {
    /// Reads where ECR copies images to, one entry for each destination of a rule.
    pub(crate) async fn replication_rules(&self) -> Result<Vec<ReplicationRule>, RegistryError> {
        let clients = self.clients().await;
        let request = clients.ecr.describe_registry().send();
        let answer = self.call("ecr:DescribeRegistry", None, request).await?;
        // It answers for the caller's registry, whatever is asked for.
        let account = answer.registry_id.unwrap_or_default();
        if account != self.identity.account {
            return Err(RegistryError::Other(format!(
                "ecr:DescribeRegistry answers for the account of the credentials only, {account}"
            )));
        }
        let rules = answer.replication_configuration.map(|it| it.rules);
        Ok(rules
            .unwrap_or_default()
            .into_iter()
            .flat_map(read)
            .collect())
    }
}

fn read(rule: SdkRule) -> Vec<ReplicationRule> {
    let filters = rule.repository_filters.unwrap_or_default();
    let prefixes: Vec<String> = filters.into_iter().map(|filter| filter.filter).collect();
    let destinations = rule.destinations.into_iter();
    let rules = destinations.map(|destination| ReplicationRule {
        account: destination.registry_id,
        region: destination.region,
        prefixes: prefixes.clone(),
    });
    rules.collect()
}
