//! Reading repositories and their settings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ecr::types::{EncryptionType, ImageTagMutability, Repository};
use futures_util::future::{BoxFuture, FutureExt as _, join_all, join3};
use windlass_core::manifest::model::{Encryption, TagMutability};
use windlass_core::name::RepositoryName;
use windlass_core::observed::{Fact, ObservedLifecycle, RepositoryFacts, Unread};
use windlass_engine::ports::{RegistryError, SettingsToRead};

use super::account::Account;
use super::failure::Failure;
use super::lifecycle;

/// How long to wait for a repository whose settings are not to be seen yet, after each read.
const LATE: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_secs(1),
];
/// Names that `DescribeRepositories` takes at once.
const BATCH: usize = 100;

type Described = BTreeMap<RepositoryName, Fact<RepositoryFacts>>;

impl Account {
    /// Reads repositories with the settings asked for, all at once.
    pub(crate) async fn repositories(
        &self,
        names: &BTreeMap<RepositoryName, SettingsToRead>,
    ) -> Described {
        let all: Vec<RepositoryName> = names.keys().cloned().collect();
        let batches = join_all(
            all.chunks(BATCH)
                .map(|batch| self.describe_batch(batch.to_vec())),
        );
        let lifecycles = join_all(
            names
                .iter()
                .filter(|(_, read)| read.lifecycle)
                .map(|(name, _)| async move { (name.clone(), self.lifecycle(name).await) }),
        );
        let policies = join_all(
            names
                .iter()
                .filter(|(_, read)| read.access)
                .map(|(name, _)| async move { (name.clone(), self.access(name).await) }),
        );
        let (described, lifecycles, policies) = join3(batches, lifecycles, policies).await;
        let mut facts: Described = described.into_iter().flatten().collect();
        for (name, first) in lifecycles {
            if let Some(Fact::Known(repository)) = facts.get_mut(&name) {
                let read = || self.lifecycle(&name).boxed();
                repository.lifecycle = Some(settled(&name, first, read).await);
            }
        }
        for (name, first) in policies {
            if let Some(Fact::Known(repository)) = facts.get_mut(&name) {
                let read = || self.access(&name).boxed();
                repository.access = Some(settled(&name, first, read).await);
            }
        }
        let tagged: BTreeSet<&RepositoryName> = names
            .iter()
            .filter_map(|(name, read)| read.resource_tags.then_some(name))
            .collect();
        self.add_resource_tags(&mut facts, &tagged).await;
        facts
    }

    /// Reads one repository with the settings asked for.
    pub(crate) async fn repository(
        &self,
        name: &RepositoryName,
        read: SettingsToRead,
    ) -> Fact<RepositoryFacts> {
        let names = BTreeMap::from([(name.clone(), read)]);
        let mut facts = self.repositories(&names).await;
        facts
            .remove(name)
            .expect("the answer has one entry a name asked for")
    }

    async fn add_resource_tags(&self, facts: &mut Described, wanted: &BTreeSet<&RepositoryName>) {
        let known = facts
            .iter()
            .filter(|(name, _)| wanted.contains(name))
            .filter_map(|(name, fact)| Some((name.clone(), fact.known()?.arn.clone())));
        let reads = known.map(|(name, arn)| async move {
            let first = self.resource_tags(&name, &arn).await;
            let read = || self.resource_tags(&name, &arn).boxed();
            let tags = settled(&name, first, read).await;
            (name, tags)
        });
        for (name, tags) in join_all(reads).await {
            if let Some(Fact::Known(repository)) = facts.get_mut(&name) {
                repository.resource_tags = Some(tags);
            }
        }
    }

    async fn describe(&self, names: &[RepositoryName]) -> Result<Vec<Repository>, Failure> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .describe_repositories()
            .registry_id(&self.identity.account)
            .set_repository_names(Some(names.iter().map(ToString::to_string).collect()))
            .send();
        let one = (names.len() == 1).then(|| &names[0]);
        let answer = self.call("ecr:DescribeRepositories", one, request).await?;
        Ok(answer.repositories.unwrap_or_default())
    }

    /// Describes repositories. One missing name fails the whole call and the answer does not say which (by code, not by message),
    /// so a batch that fails is cut in ten, and those in single names: three rounds at most.
    fn describe_batch(
        &self,
        names: Vec<RepositoryName>,
    ) -> BoxFuture<'_, Vec<(RepositoryName, Fact<RepositoryFacts>)>> {
        Box::pin(async move {
            match self.describe(&names).await {
                Ok(answered) => self.match_names(names, answered),
                Err(failure) if !failure.is("RepositoryNotFoundException") => {
                    let why = failure.error.into_fact();
                    names.into_iter().map(|name| (name, why.clone())).collect()
                }
                Err(_) if names.len() == 1 => {
                    names.into_iter().map(|name| (name, Fact::Absent)).collect()
                }
                Err(_) => {
                    let size = if names.len() > 10 {
                        names.len().div_ceil(10)
                    } else {
                        1
                    };
                    let parts = names
                        .chunks(size)
                        .map(|part| self.describe_batch(part.to_vec()));
                    join_all(parts).await.into_iter().flatten().collect()
                }
            }
        })
    }

    /// Returns a repository, `None` where ECR says that it is not there.
    pub(crate) async fn described(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryFacts>, RegistryError> {
        let answered = match self.describe(std::slice::from_ref(name)).await {
            Ok(answered) => answered,
            Err(failure) if failure.is("RepositoryNotFoundException") => return Ok(None),
            Err(failure) => return Err(failure.error),
        };
        match self.match_names(vec![name.clone()], answered).pop() {
            Some((_, Fact::Known(facts))) => Ok(Some(facts)),
            Some((_, Fact::Unknown(unread))) => Err(unread.into()),
            Some((_, Fact::Absent)) | None => Ok(None),
        }
    }

    /// The same where the repository must be there.
    pub(crate) async fn existing(
        &self,
        name: &RepositoryName,
    ) -> Result<RepositoryFacts, RegistryError> {
        self.described(name).await?.ok_or_else(|| {
            RegistryError::NotFound(format!(
                "repository {name} is not in registry {}",
                self.name
            ))
        })
    }

    fn match_names(
        &self,
        names: Vec<RepositoryName>,
        answered: Vec<Repository>,
    ) -> Vec<(RepositoryName, Fact<RepositoryFacts>)> {
        let mut answered: BTreeMap<String, Repository> = answered
            .into_iter()
            .filter_map(|repository| Some((repository.repository_name.clone()?, repository)))
            .collect();
        names
            .into_iter()
            .map(|name| {
                let fact = match answered.remove(name.as_str()).map(read_repository) {
                    Some(Ok(facts)) => {
                        self.remember_uri(&name, &facts.uri);
                        Fact::Known(facts)
                    }
                    Some(Err(why)) => Fact::not_read(format!("repository {name}: {why}")),
                    None => Fact::not_read(format!(
                        "ecr:DescribeRepositories did not answer for repository {name}"
                    )),
                };
                (name, fact)
            })
            .collect()
    }

    /// Reads a lifecycle policy; absent where the repository is.
    async fn lifecycle(&self, name: &RepositoryName) -> Fact<ObservedLifecycle> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .get_lifecycle_policy()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .send();
        match self
            .call("ecr:GetLifecyclePolicy", Some(name), request)
            .await
        {
            Ok(answer) => match answer.lifecycle_policy_text {
                Some(text) => Fact::Known(lifecycle::parse(&text)),
                None => Fact::not_read(format!(
                    "ecr:GetLifecyclePolicy answered no text for repository {name}"
                )),
            },
            Err(failure) if failure.is("LifecyclePolicyNotFoundException") => {
                Fact::Known(ObservedLifecycle::Rules(vec![]))
            }
            Err(failure) if failure.is("RepositoryNotFoundException") => Fact::Absent,
            Err(failure) => failure.error.into_fact(),
        }
    }

    /// Reads resource tags; absent where the repository is.
    async fn resource_tags(
        &self,
        name: &RepositoryName,
        arn: &str,
    ) -> Fact<BTreeMap<String, String>> {
        let clients = self.clients().await;
        let request = clients
            .ecr
            .list_tags_for_resource()
            .resource_arn(arn)
            .send();
        match self
            .call("ecr:ListTagsForResource", Some(name), request)
            .await
        {
            Ok(answer) => Fact::Known(
                answer
                    .tags
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|tag| !tag.key.starts_with("aws:"))
                    .map(|tag| (tag.key, tag.value))
                    .collect(),
            ),
            Err(failure) if failure.is("RepositoryNotFoundException") => Fact::Absent,
            Err(failure) => failure.error.into_fact(),
        }
    }

    /// Returns the URI of a repository, asked for where it is not remembered.
    pub(crate) async fn uri_of(&self, name: &RepositoryName) -> Result<String, RegistryError> {
        if let Some(uri) = self.uri(name) {
            return Ok(uri);
        }
        Ok(self.existing(name).await?.uri)
    }
}

/// Reads a setting of a repository that ECR showed, again where it then says that there is no such repository: it was created or
/// deleted in between, or one of the answers is late.
async fn settled<'a, T>(
    name: &RepositoryName,
    first: Fact<T>,
    read: impl Fn() -> BoxFuture<'a, Fact<T>>,
) -> Fact<T> {
    let mut fact = first;
    for pause in LATE {
        if !matches!(fact, Fact::Absent) {
            return fact;
        }
        fact = read().await;
        if matches!(fact, Fact::Absent) {
            tokio::time::sleep(pause).await;
        }
    }
    match fact {
        Fact::Absent => Fact::Unknown(Unread::passing(format!(
            "repository {name} was created or deleted while it was read; try again"
        ))),
        fact => fact,
    }
}

fn read_repository(repository: Repository) -> Result<RepositoryFacts, String> {
    let filters = repository
        .image_tag_mutability_exclusion_filters
        .unwrap_or_default();
    let mut except: Vec<String> = filters.into_iter().map(|filter| filter.filter).collect();
    except.sort();
    except.dedup();
    let mutable = match repository.image_tag_mutability {
        Some(ImageTagMutability::Mutable | ImageTagMutability::MutableWithExclusion) => true,
        Some(ImageTagMutability::Immutable | ImageTagMutability::ImmutableWithExclusion) => false,
        other => return Err(format!("tag mutability {other:?} is not known to windlass")),
    };
    let encryption = match repository.encryption_configuration {
        None => Encryption::Aes256,
        Some(configuration) => match configuration.encryption_type {
            EncryptionType::Aes256 => Encryption::Aes256,
            EncryptionType::Kms => Encryption::Kms(configuration.kms_key),
            EncryptionType::KmsDsse => Encryption::KmsDsse(configuration.kms_key),
            other => return Err(format!("encryption {other} is not known to windlass")),
        },
    };
    Ok(RepositoryFacts {
        uri: repository.repository_uri.ok_or("ECR answered no URI")?,
        arn: repository.repository_arn.ok_or("ECR answered no ARN")?,
        tags: TagMutability { mutable, except },
        scan_on_push: repository
            .image_scanning_configuration
            .is_some_and(|configuration| configuration.scan_on_push),
        encryption,
        lifecycle: None,
        access: None,
        resource_tags: None,
    })
}
