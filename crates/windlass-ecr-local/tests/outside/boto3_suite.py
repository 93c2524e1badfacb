"""Judges the local ECR from outside, with boto3. Usage: boto3_suite.py http://127.0.0.1:PORT REGION

Each function whose name starts with `test_` is one check; all run, failures are printed, the exit code says whether
there were any. botocore parses every answer by the service model, waiters and paginators included.
"""

import base64
import hashlib
import json
import sys
import time
import traceback
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, REGION = sys.argv[1], sys.argv[2]
ACCOUNT = "000000000000"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def client(service="ecr", account=ACCOUNT, token=None, **config):
    """Returns a client of `account`; the access key id is the account."""
    settings = Config(retries={"max_attempts": 10, "mode": "standard"}, **config)
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="local",
        aws_session_token=token,
        config=settings,
    )


ecr = client()
raw = client(parameter_validation=False)


def refused(code, call, **request):
    """Asserts that the call is refused with `code`, and returns the text."""
    try:
        call(**request)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, f"expected {code}, got {error}"
        return error.response["Error"]["Message"]
    raise AssertionError(f"expected {code}, but the call succeeded")


def repository(name, **settings):
    """Creates a repository and waits until it is visible."""
    created = ecr.create_repository(repositoryName=name, **settings)["repository"]
    for _ in range(100):
        try:
            ecr.describe_repositories(repositoryNames=[name])
            return created
        except ecr.exceptions.RepositoryNotFoundException:
            time.sleep(0.01)
    raise AssertionError("the repository never became visible")


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(name, data):
    """Uploads a layer through the API."""
    started = ecr.initiate_layer_upload(repositoryName=name)
    size = started["partSize"]
    for first in range(0, len(data), size):
        part = data[first : first + size]
        ecr.upload_layer_part(
            repositoryName=name,
            uploadId=started["uploadId"],
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    try:
        ecr.complete_layer_upload(repositoryName=name, uploadId=started["uploadId"], layerDigests=[digest(data)])
    except ecr.exceptions.LayerAlreadyExistsException:
        pass
    return {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(data), "size": len(data)}


def manifest(name, content, **extra):
    """Uploads the layers of an image and returns the text of its manifest."""
    config = dict(layer(name, b"{}" + content), mediaType="application/vnd.oci.image.config.v1+json")
    text = {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer(name, b"layer" + content)]}
    return json.dumps(dict(text, **extra))


def put(name, text, tag=None):
    """Puts a manifest and returns its digest."""
    request = {"repositoryName": name, "imageManifest": text, "imageDigest": digest(text.encode())}
    if tag:
        request["imageTag"] = tag
    image = ecr.put_image(**request)["image"]
    assert image["imageId"]["imageDigest"] == digest(text.encode())
    return image["imageId"]["imageDigest"]


def test_repository_settings():
    created = repository(
        "settings/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/mine"},
        tags=[{"Key": "team", "Value": "a"}],
    )
    described = ecr.describe_repositories(repositoryNames=["settings/app"])["repositories"][0]
    assert described == created
    assert created["repositoryArn"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/settings/app"
    assert created["repositoryUri"].endswith("/settings/app")
    assert created["encryptionConfiguration"]["kmsKey"].startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/")
    assert created["createdAt"].timestamp() > 1_600_000_000
    arn = created["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "stage", "Value": "b"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "stage", "Value": "b"}]
    ecr.put_image_tag_mutability(repositoryName="settings/app", imageTagMutability="MUTABLE")
    ecr.put_image_scanning_configuration(
        repositoryName="settings/app", imageScanningConfiguration={"scanOnPush": False}
    )
    described = ecr.describe_repositories(repositoryNames=["settings/app"])["repositories"][0]
    assert described["imageTagMutability"] == "MUTABLE"
    assert "imageTagMutabilityExclusionFilters" not in described
    assert described["imageScanningConfiguration"] == {"scanOnPush": False}


def test_requests_are_checked_against_the_service_model():
    code = "InvalidParameterException"
    text = refused(code, raw.create_repository, repositoryName="a")
    assert "at 'repositoryName' failed to satisfy constraint: 'must have length greater than or equal to 2'" in text
    assert "must satisfy regular expression" in refused(code, raw.create_repository, repositoryName="Upper")
    assert "must not be null" in refused(code, raw.create_repository)
    refused(code, raw.create_repository, repositoryName="x1", imageTagMutability="SOMETIMES")
    refused(code, raw.describe_repositories, maxResults=1001)
    refused(code, raw.batch_get_image, repositoryName="x1", imageIds=[{"imageTag": str(n)} for n in range(101)])
    refused(code, raw.batch_get_repository_scanning_configuration, repositoryNames=[f"r{n}" for n in range(26)])
    refused(code, raw.put_lifecycle_policy, repositoryName="x1", lifecyclePolicyText="{}")
    refused("UnknownOperationException", ecr.describe_pull_through_cache_rules)


def test_pages():
    for number in range(5):
        repository(f"pages/{number}")
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    names = [entry["repositoryName"] for page in pages for entry in page["repositories"]]
    assert names == sorted(names)
    assert {f"pages/{number}" for number in range(5)} <= set(names)
    text = manifest("pages/0", b"pages")
    for number in range(5):
        put("pages/0", text, f"tag-{number}")
    pages = ecr.get_paginator("list_images").paginate(repositoryName="pages/0", PaginationConfig={"PageSize": 2})
    tags = [entry["imageTag"] for page in pages for entry in page["imageIds"]]
    assert sorted(tags) == [f"tag-{number}" for number in range(5)]
    pages = ecr.get_paginator("describe_images").paginate(repositoryName="pages/0", PaginationConfig={"PageSize": 1})
    assert [len(page["imageDetails"]) for page in pages] == [1]


def test_retag_and_immutability():
    repository("retag/app", imageTagMutability="IMMUTABLE")
    text = manifest("retag/app", b"retag")
    first = put("retag/app", text, "1.0")
    read = ecr.batch_get_image(repositoryName="retag/app", imageIds=[{"imageTag": "1.0"}])["images"][0]
    assert digest(read["imageManifest"].encode()) == first
    put("retag/app", read["imageManifest"], "1.1")
    code = "ImageTagAlreadyExistsException"
    text = refused(code, ecr.put_image, repositoryName="retag/app", imageManifest=text, imageTag="1.1")
    assert "cannot be overwritten" in text
    ecr.put_image_tag_mutability(repositoryName="retag/app", imageTagMutability="MUTABLE")
    same = {"repositoryName": "retag/app", "imageManifest": read["imageManifest"], "imageTag": "1.1"}
    refused("ImageAlreadyExistsException", ecr.put_image, **same)
    details = ecr.describe_images(repositoryName="retag/app")["imageDetails"]
    assert [sorted(detail["imageTags"]) for detail in details] == [["1.0", "1.1"]]
    assert details[0]["lastRecordedPullTime"] >= details[0]["imagePushedAt"]
    wrong = dict(same, imageDigest="sha256:" + "0" * 64)
    refused("ImageDigestDoesNotMatchException", ecr.put_image, **wrong)


def test_missing_references():
    repository("missing/app")
    absent = {"mediaType": OCI, "digest": "sha256:" + "0" * 64, "size": 1}
    image = json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": absent, "layers": [absent]})
    refused("LayersNotFoundException", ecr.put_image, repositoryName="missing/app", imageManifest=image)
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [absent]})
    refused("ReferencedImagesNotFoundException", ecr.put_image, repositoryName="missing/app", imageManifest=index)
    bare = json.dumps({"schemaVersion": 2, "config": absent, "layers": []})
    refused("InvalidParameterException", ecr.put_image, repositoryName="missing/app", imageManifest=bare)


def test_batches_and_indexes():
    repository("batch/app")
    child = put("batch/app", manifest("batch/app", b"child"), "child")
    index = json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"mediaType": OCI, "digest": child, "size": 1}]}
    )
    put("batch/app", index, "index")
    answer = ecr.batch_get_image(
        repositoryName="batch/app",
        imageIds=[{"imageTag": "index"}, {"imageTag": "absent"}, {"imageTag": "index", "imageDigest": child}],
        acceptedMediaTypes=[OCI, INDEX],
    )
    assert [image["imageManifestMediaType"] for image in answer["images"]] == [INDEX]
    codes = [failure["failureCode"] for failure in answer["failures"]]
    assert codes == ["ImageNotFound", "ImageTagDoesNotMatchDigest"]
    kept = ecr.batch_delete_image(repositoryName="batch/app", imageIds=[{"imageDigest": child}])
    assert kept["failures"][0]["failureCode"] == "ImageReferencedByManifestList"
    gone = ecr.batch_delete_image(repositoryName="batch/app", imageIds=[{"imageTag": "index"}])
    assert gone["imageIds"] == [{"imageDigest": digest(index.encode()), "imageTag": "index"}]
    one = [{"imageTag": "index"}]
    refused("ImageNotFoundException", ecr.describe_images, repositoryName="batch/app", imageIds=one)
    refused("RepositoryNotEmptyException", ecr.delete_repository, repositoryName="batch/app")
    ecr.delete_repository(repositoryName="batch/app", force=True)
    refused("RepositoryNotFoundException", ecr.list_images, repositoryName="batch/app")


def test_conversion_by_tag():
    repository("convert/app")
    stored = put("convert/app", manifest("convert/app", b"convert"), "1")
    by_tag = {"repositoryName": "convert/app", "imageIds": [{"imageTag": "1"}], "acceptedMediaTypes": [DOCKER]}
    image = ecr.batch_get_image(**by_tag)["images"][0]
    assert image["imageManifestMediaType"] == DOCKER
    assert digest(image["imageManifest"].encode()) != stored


def test_archive():
    repository("archive/app")
    put("archive/app", manifest("archive/app", b"archive"), "1")
    target = {"repositoryName": "archive/app", "imageId": {"imageTag": "1"}}
    assert ecr.update_image_storage_class(**target, targetStorageClass="ARCHIVE")["imageStatus"] == "ARCHIVED"
    assert ecr.list_images(repositoryName="archive/app")["imageIds"] == []
    shown = ecr.describe_images(repositoryName="archive/app", filter={"imageStatus": "ANY"})["imageDetails"]
    assert shown[0]["imageStatus"] == "ARCHIVED"
    assert ecr.batch_get_image(repositoryName="archive/app", imageIds=[{"imageTag": "1"}])["images"] == []
    assert ecr.update_image_storage_class(**target, targetStorageClass="STANDARD")["imageStatus"] == "ACTIVATING"
    for _ in range(100):
        if ecr.list_images(repositoryName="archive/app")["imageIds"]:
            return
        time.sleep(0.01)
    raise AssertionError("the image was never restored")


def test_referrers():
    repository("referrers/app")
    subject = put("referrers/app", manifest("referrers/app", b"subject"), "1")
    refers = {"mediaType": OCI, "digest": subject, "size": 1}
    for number in range(3):
        text = manifest("referrers/app", b"referrer%d" % number, subject=refers, artifactType="application/vnd.test")
        put("referrers/app", text)
    request = {"repositoryName": "referrers/app", "subjectId": {"imageDigest": subject}, "maxResults": 2}
    first = ecr.list_image_referrers(**request)
    second = ecr.list_image_referrers(**request, nextToken=first["nextToken"])
    assert [len(first["referrers"]), len(second["referrers"])] == [2, 1]
    assert first["referrers"][0]["artifactType"] == "application/vnd.test"
    details = ecr.describe_images(repositoryName="referrers/app", filter={"tagStatus": "UNTAGGED"})["imageDetails"]
    assert {detail["subjectManifestDigest"] for detail in details} == {subject}


def test_layers():
    repository("layers/app")
    big = bytes(range(256)) * 45_000
    assert layer("layers/app", big)["digest"] == digest(big)
    refused("LayerInaccessibleException", ecr.get_download_url_for_layer, repositoryName="layers/app", layerDigest=digest(big))
    put("layers/app", manifest("layers/app", b"layers"), "1")
    url = ecr.get_download_url_for_layer(repositoryName="layers/app", layerDigest=digest(b"layerlayers"))
    with urllib.request.urlopen(url["downloadUrl"]) as answer:
        assert answer.read() == b"layerlayers"
    absent = "sha256:" + "0" * 64
    answer = ecr.batch_check_layer_availability(
        repositoryName="layers/app", layerDigests=[digest(big), absent, "nonsense:00"]
    )
    states = {entry["layerDigest"]: entry["layerAvailability"] for entry in answer["layers"]}
    assert states == {digest(big): "AVAILABLE", absent: "UNAVAILABLE"}
    assert answer["failures"][0]["failureCode"] == "InvalidLayerDigest"


def lifecycle(*rules):
    return json.dumps({"rules": list(rules)})


def rule(priority, patterns, number):
    selection = {
        "tagStatus": "tagged",
        "tagPatternList": patterns,
        "countType": "imageCountMoreThan",
        "countNumber": number,
    }
    return {"rulePriority": priority, "description": "a rule", "selection": selection, "action": {"type": "expire"}}


def test_policies():
    repository("policies/app")
    name = {"repositoryName": "policies/app"}
    refused("LifecyclePolicyNotFoundException", ecr.get_lifecycle_policy, **name)
    refused("RepositoryPolicyNotFoundException", ecr.get_repository_policy, **name)
    text = lifecycle(rule(20, ["v*"], 5), rule(10, ["dev-*"], 1))
    assert ecr.put_lifecycle_policy(**name, lifecyclePolicyText=text)["lifecyclePolicyText"] == text
    read = json.loads(ecr.get_lifecycle_policy(**name)["lifecyclePolicyText"])
    assert [entry["rulePriority"] for entry in read["rules"]] == [10, 20]
    twice = lifecycle(rule(10, ["v*"], 5), rule(10, ["dev-*"], 1))
    text = refused("InvalidParameterException", ecr.put_lifecycle_policy, **name, lifecyclePolicyText=twice)
    assert "Lifecycle policy validation failure" in text
    statement = {"Effect": "Allow", "Principal": {"AWS": ["111111111111"]}, "Action": ["ecr:BatchGetImage"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.set_repository_policy(**name, policyText=policy)
    read = json.loads(ecr.get_repository_policy(**name)["policyText"])
    assert read["Statement"][0]["Principal"]["AWS"] == ["arn:aws:iam::111111111111:root"]
    ecr.delete_repository_policy(**name)
    ecr.delete_lifecycle_policy(**name)


def test_lifecycle_preview_and_its_waiter():
    repository("preview/app")
    for number in range(3):
        put("preview/app", manifest("preview/app", b"preview%d" % number), f"v{number}")
        time.sleep(0.002)
    ecr.start_lifecycle_policy_preview(repositoryName="preview/app", lifecyclePolicyText=lifecycle(rule(1, ["v*"], 1)))
    waiter = ecr.get_waiter("lifecycle_policy_preview_complete")
    waiter.wait(repositoryName="preview/app", WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(repositoryName="preview/app")
    tags = sorted(result["imageTags"][0] for page in pages for result in page["previewResults"])
    assert tags == ["v0", "v1"]


def test_registry_settings():
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "scan*", "filterType": "WILDCARD"}]}]
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules)
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == {"scanType": "BASIC", "rules": rules}
    repository("scan/app")
    answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=["scan/app", "absent"])
    assert answer["scanningConfigurations"][0]["scanFrequency"] == "SCAN_ON_PUSH"
    assert answer["failures"][0]["failureCode"] == "REPOSITORY_NOT_FOUND"
    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    refused("ValidationException", ecr.put_account_setting, name="BLOB_MOUNTING", value="MAYBE")
    arn = f"arn:aws:iam::{ACCOUNT}:role/ci"
    ecr.register_pull_time_update_exclusion(principalArn=arn)
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [arn]


def test_an_excluded_role_leaves_no_pull_time():
    repository("pulls/app")
    put("pulls/app", manifest("pulls/app", b"pulls"), "1")
    arn = f"arn:aws:iam::{ACCOUNT}:role/quiet"
    ecr.register_pull_time_update_exclusion(principalArn=arn)
    assumed = client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    quiet = client(account=assumed["AccessKeyId"], token=assumed["SessionToken"])
    image = {"repositoryName": "pulls/app", "imageIds": [{"imageTag": "1"}]}
    quiet.batch_get_image(**image)
    assert "lastRecordedPullTime" not in ecr.describe_images(**image)["imageDetails"][0]
    ecr.batch_get_image(**image)
    assert "lastRecordedPullTime" in ecr.describe_images(**image)["imageDetails"][0]


def test_accounts_and_roles():
    identity = client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")
    role = "arn:aws:iam::222222222222:role/deploy"
    assumed = client("sts").assume_role(RoleArn=role, RoleSessionName="test")
    credentials = assumed["Credentials"]
    assert credentials["Expiration"].timestamp() > time.time()
    other = client(account=credentials["AccessKeyId"], token=credentials["SessionToken"])
    created = other.create_repository(repositoryName="roles/app")["repository"]
    assert created["registryId"] == "222222222222"
    assert not created["repositoryUri"].startswith(ENDPOINT.removeprefix("http://"))
    text = refused("AccessDeniedException", ecr.describe_repositories, registryId="222222222222")
    assert "is not authorized to perform: ecr:DescribeRepositories" in text


def test_tagging_api():
    created = repository("tagged/app", tags=[{"Key": "windlass", "Value": "x"}])
    found = client("resourcegroupstaggingapi").get_resources(ResourceARNList=[created["repositoryArn"]])
    assert found["ResourceTagMappingList"] == [
        {"ResourceARN": created["repositoryArn"], "Tags": [{"Key": "windlass", "Value": "x"}]}
    ]
    pages = client("resourcegroupstaggingapi").get_paginator("get_resources")
    pages = pages.paginate(ResourceTypeFilters=["ecr:repository"], TagFilters=[{"Key": "windlass", "Values": ["x"]}])
    assert [len(page["ResourceTagMappingList"]) for page in pages] == [1]


def test_token_opens_the_registry():
    data = ecr.get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":", 1)
    assert user == "AWS" and len(password) > 100
    hours = (data["expiresAt"].timestamp() - time.time()) / 3600
    assert 11.9 < hours < 12.1
    request = urllib.request.Request(data["proxyEndpoint"] + "/v2/")
    try:
        urllib.request.urlopen(request)
        raise AssertionError("the registry answered without a token")
    except urllib.error.HTTPError as error:
        assert error.code == 401
        assert error.headers["WWW-Authenticate"].startswith("Basic ")
    request.add_header("Authorization", "Basic " + data["authorizationToken"])
    assert urllib.request.urlopen(request).status == 200


def main():
    failed = 0
    for name, check in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            check()
            print(f"ok      {name}")
        except Exception:
            failed += 1
            print(f"FAILED  {name}")
            traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)


main()
