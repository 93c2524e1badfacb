//! Who may use a repository: its policy, read and written.

use windlass_core::manifest::model::AccessPolicy;
use windlass_core::name::RepositoryName;
use windlass_core::observed::Fact;

use super::account::Account;
use super::failure::Failure;

impl Account {
    /// Reads the policy of a repository; the policy that is none where there is none, absent where the repository is.
    pub(super) async fn access(&self, name: &RepositoryName) -> Fact<AccessPolicy> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .get_repository_policy()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .send();
        match self
            .call("ecr:GetRepositoryPolicy", Some(name), request)
            .await
        {
            Ok(answer) => match answer.policy_text {
                Some(text) => Fact::Known(AccessPolicy::from_text(text)),
                None => Fact::not_read(format!(
                    "ecr:GetRepositoryPolicy answered no text for repository {name}"
                )),
            },
            Err(failure) if failure.is("RepositoryPolicyNotFoundException") => {
                Fact::Known(AccessPolicy::none())
            }
            Err(failure) if failure.is("RepositoryNotFoundException") => Fact::Absent,
            Err(failure) => failure.error.into_fact(),
        }
    }

    /// Writes the policy of a repository. One that would lock its writer out is refused by ECR: `force` is never set.
    pub(super) async fn set_access(
        &self,
        name: &RepositoryName,
        policy: &AccessPolicy,
    ) -> Result<(), Failure> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .set_repository_policy()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .policy_text(policy.text())
            .send();
        self.call("ecr:SetRepositoryPolicy", Some(name), request)
            .await
            .map(|_| ())
    }

    /// Deletes the policy of a repository; where there is none, it is done.
    pub(super) async fn delete_access(&self, name: &RepositoryName) -> Result<(), Failure> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .delete_repository_policy()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .send();
        match self
            .call("ecr:DeleteRepositoryPolicy", Some(name), request)
            .await
        {
            Ok(_) => Ok(()),
            Err(failure) if failure.is("RepositoryPolicyNotFoundException") => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}
