//! The command that takes a moved tag back to where it was.

use windlass_core::name::{Digest, Tag};
use windlass_core::plan::RegistryPlan;

/// Returns the `aws` command for a tag that was at `from` before the apply, or was not there.
///
/// Account and region are taken from the repository's ARN, endpoint and profile from its registry; `None` where it is not one of ECR. A tag is put back with the bytes that the
/// repository holds, whatever their format; a tag that was not there is removed, which leaves the image under its `in-` tag.
pub(super) fn command(
    arn: &str,
    registry: Option<&RegistryPlan>,
    tag: &Tag,
    from: Option<&Digest>,
) -> Option<String> {
    let place = place(arn, registry)?;
    Some(match from {
        None => format!("aws ecr batch-delete-image {place} --image-ids imageTag={tag}"),
        Some(digest) => {
            let read = |what: &str| {
                format!(
                    "\"$(aws ecr batch-get-image {place} --image-ids imageDigest={digest} --query 'images[0].{what}' --output text)\""
                )
            };
            format!(
                "aws ecr put-image {place} --image-tag {tag} --image-digest {digest} --image-manifest-media-type {} --image-manifest {}",
                read("imageManifestMediaType"),
                read("imageManifest"),
            )
        }
    })
}

/// Reads `arn:aws:ecr:REGION:ACCOUNT:repository/NAME`.
fn place(arn: &str, registry: Option<&RegistryPlan>) -> Option<String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "ecr", region, account, resource] = parts.as_slice() else {
        return None;
    };
    let name = resource.strip_prefix("repository/")?;
    let options = [
        (
            "--endpoint-url",
            registry.and_then(|registry| registry.endpoint.ecr.as_ref()),
        ),
        (
            "--profile",
            registry.and_then(|registry| registry.profile.as_ref()),
        ),
    ];
    let arguments: String = options
        .into_iter()
        .filter_map(|(option, value)| Some(format!("{option} {} ", quoted(value?))))
        .collect();
    Some(format!(
        "{arguments}--region {region} --registry-id {account} --repository-name {name}"
    ))
}

/// Quotes an argument for a POSIX shell where it needs it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_core::manifest::model::Endpoint;
    use windlass_core::name::RegistryName;

    const ARN: &str = "arn:aws:ecr:eu-west-1:123456789012:repository/shop/web";

    #[test]
    fn tag_that_was_there_is_put_back_with_the_bytes_the_repository_holds() {
        let from = Digest::of(b"old");
        let tag = Tag::new("latest").expect("a tag");
        let place = "--region eu-west-1 --registry-id 123456789012 --repository-name shop/web";
        let read = |what: &str| {
            format!(
                "\"$(aws ecr batch-get-image {place} --image-ids imageDigest={from} --query 'images[0].{what}' --output text)\""
            )
        };
        assert_eq!(
            command(ARN, None, &tag, Some(&from)),
            Some(format!(
                "aws ecr put-image {place} --image-tag latest --image-digest {from} --image-manifest-media-type {} --image-manifest {}",
                read("imageManifestMediaType"),
                read("imageManifest")
            ))
        );
    }

    #[test]
    fn tag_that_was_not_there_is_removed_at_the_endpoint_of_its_registry() {
        let registry = RegistryPlan {
            name: RegistryName::new("prod").expect("a name"),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            role: None,
            profile: Some("it's mine".to_owned()),
            endpoint: Endpoint {
                ecr: Some("http://127.0.0.1:5000".to_owned()),
                ..Endpoint::default()
            },
        };
        insta::assert_snapshot!(
            command(ARN, Some(&registry), &Tag::new("v1").expect("a tag"), None).expect("an ARN of ECR"),
            @r"aws ecr batch-delete-image --endpoint-url http://127.0.0.1:5000 --profile 'it'\''s mine' --region eu-west-1 --registry-id 123456789012 --repository-name shop/web --image-ids imageTag=v1"
        );
    }

    #[test]
    fn no_command_is_made_up_where_the_repository_has_no_arn_of_ecr() {
        assert_eq!(
            command("somewhere", None, &Tag::new("v1").expect("a tag"), None),
            None
        );
    }
}
